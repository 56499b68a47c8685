/** Following the log: when a reader has caught up and when it has not. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { aChange } from './a-change.ts';
import { ConfigurationBehind, ConfigurationFollower, type ConfigurationLog } from './follower.ts';
import { InMemoryConfigurationLog } from './in-memory-configuration-log.ts';

const partner = (id: string) => aChange('partner', { id, name: id });
const LONG_MS = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

async function started(log: ConfigurationLog = new InMemoryConfigurationLog()) {
  const follower = new ConfigurationFollower(log);
  await follower.start();
  return follower;
}

describe('a follower', () => {
  it('knows everything that was in the log when it has started', async () => {
    const log = new InMemoryConfigurationLog();
    await log.append(partner('a'));
    await log.append(partner('b'));

    const follower = await started(log);

    expect(follower.current.version).toBe(1);
    expect(follower.current.list('partner').map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('is at -1 on an empty log', async () => {
    expect((await started()).current.version).toBe(-1);
  });

  it('waits for a version that is still to come', async () => {
    const log = new InMemoryConfigurationLog();
    const follower = await started(log);
    const waiting = follower.caughtUpTo(1, LONG_MS).then(() => follower.current.version);

    await log.append(partner('a'));
    await log.append(partner('b'));

    expect(await waiting).toBeGreaterThanOrEqual(1);
    await expect(follower.caughtUpTo(0, 0)).resolves.toBeUndefined();
  });

  it('counts what nobody can decode', async () => {
    const log = new InMemoryConfigurationLog();
    const follower = await started(log);

    await follower.caughtUpTo(log.appendUndecodable(), LONG_MS);

    expect(follower.current.version).toBe(0);
  });

  it('gives up after the timeout, and only on the versions that did not come', async () => {
    vi.useFakeTimers();
    const log = new InMemoryConfigurationLog();
    const follower = await started(log);
    const first = follower.caughtUpTo(0, 50);
    const second = follower.caughtUpTo(1, 50);
    const refusal = expect(second).rejects.toThrow(ConfigurationBehind);

    await log.append(partner('a'));
    await first;
    await vi.advanceTimersByTimeAsync(50);

    await refusal;
  });

  it('reports every record it folds', async () => {
    const log = new InMemoryConfigurationLog();
    const seen: string[] = [];
    const follower = new ConfigurationFollower(log, (offset, result) =>
      seen.push(`${offset} ${result.outcome === 'void' ? result.reason : result.outcome}`),
    );
    await log.append(partner('a'));
    await log.append(partner('a'));
    log.appendUndecodable();

    await follower.start();

    expect(seen).toEqual(['0 applied', '1 version_conflict', '2 undecodable']);
  });

  it('tells up to which instant it knows the log, also when nothing was new', async () => {
    vi.useFakeTimers({ now: 1_000 });
    const log = new InMemoryConfigurationLog();
    const follower = new ConfigurationFollower(log);
    expect(follower.lastHeardAt).toBeNull();

    await follower.start();
    expect(follower.lastHeardAt).toBe(1_000);

    vi.setSystemTime(2_000);
    expect(follower.lastHeardAt).toBe(2_000);
  });

  it('refuses whoever waits when it stops, and reads no further', async () => {
    const log = new InMemoryConfigurationLog();
    const follower = await started(log);
    const refusal = expect(follower.caughtUpTo(0, LONG_MS)).rejects.toThrow(ConfigurationBehind);

    await follower.stop();
    await log.append(partner('a'));

    await refusal;
    expect(follower.current.version).toBe(-1);
  });

  it('goes on from where it stopped when it starts again', async () => {
    const log = new InMemoryConfigurationLog();
    const follower = await started(log);
    await follower.caughtUpTo(await log.append(partner('a')), LONG_MS);
    await follower.stop();
    await log.append(partner('b'));

    await follower.start();

    expect(follower.current.list('partner').map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('starts once, and again after the log has refused', async () => {
    const follow = vi
      .fn<ConfigurationLog['follow']>()
      .mockRejectedValueOnce(new Error('no broker'))
      .mockResolvedValue({ lastHeardAt: 0, stop: async () => undefined });
    const follower = new ConfigurationFollower({ follow });

    await expect(follower.start()).rejects.toThrow('no broker');
    await Promise.all([follower.start(), follower.start()]);

    expect(follow).toHaveBeenCalledTimes(2);
  });

  it('stops without ever having started', async () => {
    await expect(new ConfigurationFollower(new InMemoryConfigurationLog()).stop()).resolves.toBeUndefined();
  });
});
