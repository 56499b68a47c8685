/** The replay command against a console that answers as the test says: plan first, order only what was confirmed. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { replayCommandIn } from './replay-command.ts';

const RUN_ID = '019b7d00-0000-7000-8000-000000000005';
const FILTER = { destinationId: 'partner', until: '2026-01-02T00:00:00.000Z' };
const PLAN = {
  filter: FILTER,
  letters: 7,
  counts: [
    { class: 'safe', count: 4 },
    { class: 'would_double_count', count: 2 },
    { class: 'already_delivered', count: 1 },
  ],
  examples: [{ class: 'safe', deadLetterIds: ['dead-1', 'dead-2'] }],
  digest: 'd'.repeat(64),
};
const RUN = {
  runId: RUN_ID,
  state: 'running',
  filter: FILTER,
  accepts: [],
  ratePerSecond: 50,
  planned: PLAN.counts,
  ordered: 3,
  passedOver: 1,
  orderedAt: '2026-01-02T00:00:01.000Z',
  orderedBy: 'key-1',
  stoppedBy: null,
};

let server: Server;
let plan: object;
let calls: { call: string; body: unknown }[];
let lines: string[];

beforeEach(async () => {
  [plan, calls, lines] = [PLAN, [], []];
  server = createServer(async (request, response) => {
    const call = `${request.method} ${request.url?.replace('/api/v1/', '')}`;
    let text = '';
    for await (const part of request) text += String(part);
    calls.push({ call, body: text === '' ? null : JSON.parse(text) });
    const answers: Readonly<Record<string, object>> = {
      'POST replays/plan': plan,
      'POST replays': RUN,
      'GET replays': { items: [RUN] },
      [`GET replays/${RUN_ID}`]: { ...RUN, outcomes: [{ became: 'delivered', deliveries: 3 }] },
      [`POST replays/${RUN_ID}/stop`]: { ...RUN, state: 'stopped', stoppedBy: 'key-2' },
    };
    const found = answers[call];
    response.statusCode = found === undefined ? 404 : 200;
    response.end(JSON.stringify(found ?? { code: 'not_found', message: 'none' }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => void server.close());

function run(argv: readonly string[], answer: boolean | null = null): Promise<number> {
  const { port } = server.address() as AddressInfo;
  return replayCommandIn({
    access: () => ({ url: `http://127.0.0.1:${port}`, apiKey: 'key' }),
    print: (line) => void lines.push(line),
    confirm: () => (answer === null ? null : Promise.resolve(answer)),
  }).run(argv);
}

it('only plans with --plan, and tells how many would go', async () => {
  expect(await run(['--destination', 'partner', '--reason', 'http_503', '--plan'])).toBe(2);
  expect(calls).toEqual([
    { call: 'POST replays/plan', body: { filter: { destinationId: 'partner', reasonCode: 'http_503' } } },
  ]);
  expect(lines.at(-1)).toBe('would be sent again: 4');
});

it.each([
  [false, 2],
  [null, 2],
  [true, 0],
] as const)('asked and answered %s: exit code %s', async (answer, code) => {
  expect(await run([], answer)).toBe(code);
  expect(calls.map(({ call }) => call)).toEqual(
    answer === true ? ['POST replays/plan', 'POST replays'] : ['POST replays/plan'],
  );
});

it('orders what the plan has shown, with the risks and the rate that were named', async () => {
  expect(await run(['--accept', 'would_double_count', '--rate', '5', '--yes'])).toBe(0);
  expect(lines).toContain('would be sent again: 6');
  expect(calls.at(-1)?.body).toEqual({
    filter: FILTER,
    digest: PLAN.digest,
    accepts: ['would_double_count'],
    ratePerSecond: 5,
  });
});

it('orders nothing where nothing is to be sent', async () => {
  plan = { ...PLAN, counts: [{ class: 'too_old', count: 7 }] };
  expect(await run(['--yes'])).toBe(0);
  expect(calls).toHaveLength(1);
});

it('tells of runs, of one with what became of it, and stops one', async () => {
  expect(await run(['--runs'])).toBe(0);
  expect(await run(['--run', RUN_ID])).toBe(0);
  expect(lines.at(-1)?.trim()).toBe('3  delivered');
  expect(await run(['--stop', RUN_ID])).toBe(0);
  expect(lines.some((line) => line.includes('stopped by key-2'))).toBe(true);
});

it('fails with what console says', async () => {
  await expect(run(['--run', 'ghost'])).rejects.toThrow('not_found');
});
