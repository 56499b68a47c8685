/** The command around a rebuild: what it asks for, what it answers, and that its connections are closed. */
import type { RebuildOptions, RebuildOutcome } from '@tributary/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { rebuildCommandIn } from './rebuild-command.ts';

const REBUILT: RebuildOutcome = {
  kind: 'rebuilt',
  keptAs: 'clicks_before_20260102030405',
  comparison: {
    liveRows: 1,
    rebuiltRows: 1,
    liveChecksum: '0',
    rebuiltChecksum: '0',
    missing: 0,
    vanishing: 0,
    changed: 0,
    changedColumns: [],
  },
};

let outcome: RebuildOutcome;
let asked: RebuildOptions[];
let lines: string[];
let closed: number;

const command = rebuildCommandIn({
  open: () => ({
    rebuild: {
      run: async (options: RebuildOptions) => {
        asked.push(options);
        return outcome;
      },
      tables: async () => ['clicks', 'conversions'],
      dropKept: async (table: string) => (table === 'clicks' ? ['clicks_before_1'] : []),
    },
    close: async () => {
      closed += 1;
    },
  }),
  print: (line) => void lines.push(line),
  now: () => 7,
  signal: () => new AbortController().signal,
});

beforeEach(() => {
  outcome = REBUILT;
  asked = [];
  lines = [];
  closed = 0;
});

describe('npm run rebuild', () => {
  it.each<[string[], boolean, boolean]>([
    [['clicks'], false, false],
    [['clicks', '--from-table'], true, false],
    [['--accept-loss', 'clicks'], false, true],
  ])('%j rebuilds', async (argv, isFedFromTable, isLossAccepted) => {
    expect(await command.run(argv)).toBe(0);
    expect(asked).toMatchObject([{ table: 'clicks', startedAt: 7, isFedFromTable, isLossAccepted }]);
    expect(lines.join('\n')).toContain('npm run rebuild -- clicks --drop-old');
    expect(closed).toBe(1);
  });

  it('says why it refused, and that nothing is changed', async () => {
    outcome = { kind: 'refused', code: 'topic_truncated', detail: 'gone' };
    expect(await command.run(['clicks'])).toBe(2);
    expect(lines).toEqual(['refused, topic_truncated: gone', 'clicks is as it was']);
  });

  it.each<[string[], number, string]>([
    [[], 2, 'tables that can be rebuilt: clicks, conversions'],
    [['clicks', '--drop-old'], 0, 'dropped: clicks_before_1'],
    [['receipts', '--drop-old'], 0, 'dropped: none'],
  ])('%j rebuilds nothing', async (argv, code, line) => {
    expect(await command.run(argv)).toBe(code);
    expect(lines).toEqual([line]);
    expect(asked).toEqual([]);
    expect(closed).toBe(1);
  });

  it.each([[['clicks', 'receipts']], [['clicks', '--force']]])('refuses %j', async (argv) => {
    await expect(command.run(argv)).rejects.toThrow();
    expect(asked).toEqual([]);
  });
});
