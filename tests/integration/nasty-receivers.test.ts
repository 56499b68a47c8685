/** What is on record of a delivery to each of the sandbox's nasty receivers, as fan-out's own sender makes it. */
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { destinationFor, parseSettings } from '@tributary/destinations';
import { type AttemptOutcome, judgeNetworkError } from '@tributary/domain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AddressGuard } from '../../apps/fan-out/src/address-guard.ts';
import { type Exchange, Sender } from '../../apps/fan-out/src/sender.ts';
import { listenWithBadTls } from '../../apps/sandbox/src/bad-tls.ts';
import { type StartedSandbox, startSandbox } from '../../apps/sandbox/src/sandbox.fixture.ts';

const TIMEOUT_MS = 1_000;
/** What the sender reads of an answer. */
const CAP = 256 * 1024;
const POOL = { destinationId: 'nasty', connections: 4 };

let sandbox: StartedSandbox;
let badTls: Server;
const sender = new Sender({ timeoutMs: TIMEOUT_MS, guard: null });

beforeAll(async () => {
  sandbox = await startSandbox();
  badTls = await listenWithBadTls(0, '127.0.0.1');
});

afterAll(async () => {
  await sender.close();
  badTls.close();
  await sandbox.close();
});

function send(url: string, by = sender): Promise<Exchange> {
  return by.send({ method: 'POST', url, headers: {}, body: 'payout=1' }, POOL);
}

/** As the attempter judges it, for a receiver that is judged by its status. */
function outcomeOf(exchange: Exchange): AttemptOutcome | undefined {
  if (!exchange.ok) return judgeNetworkError(exchange.error);
  const definition = destinationFor('partner-postback');
  const urlTemplate = 'https://partner.example/?click={partner_click_id}';
  const parsed = definition === null ? null : parseSettings(definition, { urlTemplate });
  if (definition === null || parsed?.ok !== true) throw new Error('no settings of a partner');
  const { settings } = parsed;
  const { response } = exchange;
  return definition.judge({ response, deliveryCount: 1, isAdjustment: false, settings, now: 0 })[0];
}

it.each([
  ['slow', { outcome: 'retry', reason: 'timeout' }],
  ['slow?ms=50', { outcome: 'delivered' }],
  ['reset', { outcome: 'retry', reason: 'connection_reset' }],
  ['black-hole', { outcome: 'retry', reason: 'timeout' }],
  ['redirect', { outcome: 'refused', reason: 'redirect_not_followed' }],
  // It has answered, and that stands, whatever it goes on to say.
  ['endless', { outcome: 'delivered' }],
])('%s', async (path, expected) => {
  const before = performance.now();
  expect(outcomeOf(await send(`${sandbox.address}/nasty/${path}`))).toMatchObject(expected);
  expect(performance.now() - before).toBeLessThan(TIMEOUT_MS + 5_000);
});

it('nobody goes where a redirect leads', async () => {
  const exchange = await send(`${sandbox.address}/nasty/redirect`);
  expect(exchange).toMatchObject({
    ok: true,
    response: { status: 307, headers: { location: `${sandbox.address}/partner/lured` } },
  });
  expect(await sandbox.received('?kind=partner&name=lured')).toEqual([]);
});

it('of an endless body the beginning is kept', async () => {
  const exchange = await send(`${sandbox.address}/nasty/endless`);
  expect(exchange.ok && exchange.response.body).toHaveLength(CAP);
});

it('a certificate that nobody vouches for is refused, and nothing is sent', async () => {
  let calls = 0;
  badTls.on('request', () => {
    calls += 1;
  });
  const { port } = badTls.address() as AddressInfo;
  expect(outcomeOf(await send(`https://localhost:${port}/`))).toMatchObject({
    outcome: 'refused',
    reason: 'tls_certificate_invalid',
  });
  expect(calls).toBe(0);
});

it('with the guard on none of them is reached at all', async () => {
  const guarded = new Sender({ timeoutMs: TIMEOUT_MS, guard: new AddressGuard() });
  expect(await send(`${sandbox.address}/nasty/slow`, guarded)).toEqual({
    ok: false,
    error: 'address_blocked',
  });
  await guarded.close();
});
