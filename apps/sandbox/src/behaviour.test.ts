/** Receivers that misbehave as told, over real HTTP. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from './sandbox.fixture.ts';

const NORTH = { kind: 'partner', name: 'north' } as const;
const DATASET = { kind: 'meta', name: '123' } as const;

let sandbox: StartedSandbox;

beforeEach(async () => {
  sandbox = await startSandbox();
});

afterEach(() => sandbox.close());

const call = async (query = '', name = 'north') =>
  (await fetch(`${sandbox.address}/partner/${name}${query}`)).status;

/** The statuses of calls made one after the other; null for a connection that was cut. */
async function statuses(count: number): Promise<readonly (number | null)[]> {
  const results: (number | null)[] = [];
  for (let index = 0; index < count; index += 1)
    results.push(await call(`?delivery=${index}`).catch(() => null));
  return results;
}

describe('failing', () => {
  it('fails the next calls and then serves again', async () => {
    await sandbox.behave(NORTH, { failNext: 2, status: 429 });

    expect(await statuses(3)).toEqual([429, 429, 200]);
    expect(await sandbox.received()).toMatchObject([
      { accepted: false, answeredStatus: 429 },
      { accepted: false, answeredStatus: 429 },
      { accepted: true, answeredStatus: 200 },
    ]);
    expect(await sandbox.summary()).toMatchObject([{ calls: 3, acceptedCalls: 1, distinctKeys: 1 }]);
  });

  it('fails with 503 unless told otherwise', async () => {
    await sandbox.behave(NORTH, { failNext: 1 });

    expect(await statuses(2)).toEqual([503, 200]);
  });

  it('fails every call when only a status is given, until another behaviour is set', async () => {
    await sandbox.behave(NORTH, { status: 404 });
    expect(await statuses(3)).toEqual([404, 404, 404]);

    await sandbox.behave(NORTH, {});
    expect(await statuses(1)).toEqual([200]);
  });

  it('leaves other receivers alone', async () => {
    await sandbox.behave(NORTH, { status: 500 });

    expect(await call('', 'south')).toBe(200);
  });

  it.each([
    [503, { code: 2, is_transient: true }],
    [429, { code: 4, is_transient: true }],
    [408, { code: 2, is_transient: true }],
    [401, { code: 190, is_transient: false }],
    [403, { code: 200, is_transient: false }],
    [400, { code: 100, is_transient: false }],
  ])('words %i as Meta does', async (status, error) => {
    await sandbox.behave(DATASET, { failNext: 1, status });

    const response = await fetch(`${sandbox.address}/meta/v25.0/123/events`, { method: 'POST', body: '{}' });

    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error });
  });
});

describe('resetting', () => {
  it('accepts and records the call, and cuts the connection without an answer', async () => {
    await sandbox.behave(NORTH, { resetNext: 1 });

    const error = await fetch(`${sandbox.address}/partner/north?delivery=1`).catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(await sandbox.received()).toMatchObject([{ accepted: true, answeredStatus: null }]);
  });

  it('comes after failing; a repeat under the same key counts once', async () => {
    await sandbox.behave(NORTH, { failNext: 1, resetNext: 2 });

    expect(await statuses(4)).toEqual([503, null, null, 200]);
    expect(await call('?delivery=1')).toBe(200);
    expect(await sandbox.summary()).toMatchObject([{ calls: 5, acceptedCalls: 4, distinctKeys: 3 }]);
  });
});

describe('delaying', () => {
  it('has the call on record before the answer goes out', async () => {
    await sandbox.behave(NORTH, { delayMs: 400 });
    let isAnswered = false;
    const answer = call('?delivery=1').then((status) => {
      isAnswered = true;
      return status;
    });

    while ((await sandbox.received()).length === 0);
    expect(isAnswered).toBe(false);
    expect(await answer).toBe(200);
  });
});

describe('a behaviour that is not one', () => {
  const put = (path: string, body: string) =>
    fetch(`${sandbox.address}/admin/receivers/${path}/behaviour`, { method: 'PUT', body });

  it.each([
    ['no JSON', 'failNext=1'],
    ['no object', '[1]'],
    ['a misspelt member', '{"failnext":1}'],
    ['a text for a number', '{"failNext":"1"}'],
    ['a negative count', '{"failNext":-1}'],
    ['a fraction', '{"delayMs":1.5}'],
    ['a status that is no failure', '{"status":200}'],
    ['null', '{"resetNext":null}'],
  ])('is refused: %s', async (_name, body) => {
    expect((await put('partner/north', body)).status).toBe(400);
  });

  it('is refused for an unknown kind', async () => {
    expect((await put('myspace/north', '{}')).status).toBe(400);
  });
});
