import { describe, expect, it } from 'vitest';
import { configurationCheck, type GroupStatus, groupCheck, undecodedCheck } from './readiness-checks.ts';

describe('group', () => {
  const worked: GroupStatus = { isMember: true, assigned: 12, prepared: 12, lag: 3, isStalled: false };

  it.each<[string, Partial<GroupStatus>, { ready: boolean; degraded?: boolean }]>([
    ['all partitions worked', {}, { ready: true, degraded: false }],
    ['no member', { isMember: false }, { ready: false }],
    ['partitions not prepared', { prepared: 11 }, { ready: false }],
    ['stalled', { isStalled: true }, { ready: false }],
    ['far behind', { lag: 30_001 }, { ready: true, degraded: true }],
    ['a member without partitions', { assigned: 0, prepared: 0, lag: 0 }, { ready: true, degraded: false }],
  ])('%s', async (_name, change, expected) => {
    expect(await groupCheck(() => ({ ...worked, ...change })).check()).toMatchObject(expected);
  });
});

describe('configuration', () => {
  it('is degraded only when it stands still behind the log for more than five seconds', async () => {
    let now = 0;
    let version = 4;
    let end = 5;
    const check = configurationCheck({ version: () => version, endOffset: async () => end }, () => now);
    expect(await check.check()).toEqual({ ready: true, detail: 'version 4' });
    end = 9;
    expect(await check.check()).toMatchObject({ degraded: false, detail: 'version 4 of 8' });
    now = 5_000;
    expect(await check.check()).toMatchObject({ degraded: false });
    now = 5_001;
    expect(await check.check()).toMatchObject({ ready: true, degraded: true });
    version = 6;
    expect(await check.check()).toMatchObject({ degraded: false });
    version = 8;
    expect(await check.check()).toEqual({ ready: true, detail: 'version 8' });
  });
});

describe('undecoded', () => {
  it('degrades while there are any, and asks no more than every five seconds', async () => {
    let now = 0;
    let count = 2;
    let asked = 0;
    const check = undecodedCheck(
      async () => {
        asked += 1;
        return count;
      },
      () => now,
    );
    expect(await check.check()).toEqual({ ready: true, degraded: true, detail: '2 records' });
    count = 0;
    now = 4_999;
    expect(await check.check()).toMatchObject({ degraded: true });
    expect(asked).toBe(1);
    now = 5_000;
    expect(await check.check()).toMatchObject({ degraded: false });
  });
});
