/** A partner network's postback endpoint over real HTTP. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';

let sandbox: StartedSandbox;

beforeEach(async () => {
  sandbox = await startSandbox({ clock: { now: () => 1_700_000_000_000 } });
});

afterEach(() => sandbox.close());

const call = (path: string, request?: RequestInit) => fetch(`${sandbox.address}/partner/${path}`, request);

it('says OK and records the call with its query in order', async () => {
  const response = await call('north?b=2&a=1&b=%C3%A9+x&empty=', {
    headers: { authorization: 'Bearer s3cret' },
  });

  expect([response.status, await response.text()]).toEqual([200, 'OK']);
  expect(await sandbox.received()).toEqual([
    {
      sequence: 1,
      kind: 'partner',
      name: 'north',
      method: 'GET',
      path: '/partner/north',
      query: [
        ['b', '2'],
        ['a', '1'],
        ['b', 'é x'],
        ['empty', ''],
      ],
      body: '',
      receivedAt: 1_700_000_000_000,
      accepted: true,
      answeredStatus: 200,
    },
  ]);
});

it.each([
  ['application/json', '{"payout": 1.10}'],
  ['application/x-www-form-urlencoded', 'payout=1.10&x=%20'],
  ['text/plain', 'as it is'],
  ['application/xml', '<payout>1.10</payout>'],
])('records a posted body of %s as it was sent', async (type, body) => {
  await call('north?delivery=1', { method: 'POST', headers: { 'content-type': type }, body });

  expect(await sandbox.received()).toMatchObject([{ method: 'POST', body, query: [['delivery', '1']] }]);
});

it('keeps no credential of the query', async () => {
  await call('north?clickid=c-1&token=s3cret&postback_key=s3cret&key=s3cret&sig=s3cret&keyword=shoes');

  const [received] = await sandbox.received();
  expect(received?.query).toContainEqual(['clickid', 'c-1']);
  expect(received?.query).toContainEqual(['keyword', 'shoes']);
  expect(JSON.stringify(received)).not.toContain('s3cret');
});

it('records a query that is not well encoded', async () => {
  expect((await call('north?a=%zz&b')).status).toBe(200);

  expect(await sandbox.received()).toMatchObject([
    {
      query: [
        ['a', '%zz'],
        ['b', ''],
      ],
    },
  ]);
});

it('adds up the payout of different deliveries exactly and once each', async () => {
  for (const query of [
    'delivery=a&payout=0.1&currency=USD',
    'delivery=b&payout=0.2&currency=USD',
    'delivery=b&payout=0.2&currency=USD',
    'delivery=c&payout=9000000000000.000001&currency=EUR',
    'delivery=d&payout=9000000000000.000001&currency=EUR',
    'delivery=e',
    'delivery=f&payout=1e3&currency=USD',
    'delivery=g&payout=1',
  ])
    await call(`north?${query}`);

  expect(await sandbox.summary()).toEqual([
    {
      kind: 'partner',
      name: 'north',
      calls: 8,
      acceptedCalls: 8,
      outwardEvents: 8,
      distinctKeys: 7,
      countedEvents: 7,
      valueByCurrency: { USD: '0.3', EUR: '18000000000000.000002' },
      unreadableValues: 2,
    },
  ]);
});

it('takes a conversion for what the last call about it says, as trackers do', async () => {
  for (const query of [
    'delivery=a&payout=2&currency=USD&status=approved',
    'delivery=b&payout=1&currency=USD&status=approved',
    'delivery=a&payout=1.50&currency=USD&status=approved',
    'delivery=b&payout=0&currency=USD&status=rejected',
  ])
    await call(`north?${query}`);

  expect(await sandbox.summary()).toMatchObject([
    { outwardEvents: 4, distinctKeys: 2, countedEvents: 2, valueByCurrency: { USD: '1.5' } },
  ]);
});

it('takes the names of the parameters from the question', async () => {
  await call('north?tid=1&amount=2.50&cur=GBP');
  await call('north?tid=1&amount=2.50&cur=GBP&again=1');

  const names = '?keyParameter=tid&valueParameter=amount&currencyParameter=cur';
  expect(await sandbox.summary(names)).toMatchObject([{ distinctKeys: 1, valueByCurrency: { GBP: '2.5' } }]);
});

it('takes the whole call as its key when the parameter is missing or empty', async () => {
  for (const query of ['click=1', 'click=1', 'click=2', 'click=2&delivery=']) await call(`north?${query}`);
  await call('north', { method: 'POST', body: 'click=1' });
  await call('north', { method: 'POST', body: 'click=2' });

  expect(await sandbox.summary()).toMatchObject([{ calls: 6, distinctKeys: 5 }]);
});
