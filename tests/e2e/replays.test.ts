/** Replays over two instances of ingestion and a crash of one: one receipt, one row, counted once; and a flood that stays its own affair. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { ClickhouseConnection } from '@tributary/store';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyDemoConfiguration, DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import type { SupervisedService } from '../../apps/launcher/src/system/supervised-service.ts';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../free-addresses.ts';

const SECOND_PORT = 14_690;
const SECRET = 'the-signing-secret-of-this-test-0123';
const TOKEN = 'the-token-of-the-flooded-source';
const REPOSITORY = resolve(import.meta.dirname, '../..');
const RATE_BURST = 20;

let home: string;
let system: TributarySystem;
let clickhouse: ClickhouseConnection;
let second: SupervisedService;
let instances: readonly string[];

async function putSource(id: string, body: object): Promise<void> {
  const response = await fetch(`${system.urlOf('console')}/api/v1/sources/${id}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${system.consoleApiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${id}: ${response.status} ${await response.text()}`);
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tributary-replays-'));
  process.env['KAFKA_JARS'] = JARS_DIRECTORY;
  system = new TributarySystem({
    home,
    addresses: await freeAddresses(),
    onProgress: () => undefined,
    settings: { INGESTION_INSTANCES: '2' },
  });
  await system.start();
  await applyDemoConfiguration(system.urlOf('console'), system.consoleApiKey, system.urlOf('sandbox'));
  const { advertiserId } = DEMO;
  const profile = { defaultCurrency: 'EUR' };
  await putSource('signed', {
    document: { advertiserId, name: 'Signed', profile },
    secrets: { 'signing.first': SECRET },
  });
  await putSource('flooded', {
    document: { advertiserId, name: 'Flooded', profile, ratePerSecond: 0.02, rateBurst: RATE_BURST },
    tokens: [TOKEN],
  });
  second = await system.addInstance('ingestion', SECOND_PORT);
  instances = [system.urlOf('ingestion'), `http://127.0.0.1:${SECOND_PORT}`];
  clickhouse = system.connectClickhouse();
});

afterAll(async () => {
  await clickhouse?.close();
  await system.stop();
  rmSync(home, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly receiptId?: string;
  readonly code?: string;
}

async function send(origin: string, target: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${origin}${target}`, { headers });
  return { ...((await response.json()) as object), status: response.status };
}

/** Headers by the shell helper that senders get, under a nonce of ours where one is given. */
function signed(target: string): Record<string, string> {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(REPOSITORY, 'examples/signing/sign.mjs'), 'GET', `https://in.example${target}`],
    { env: { ...process.env, SIGNING_SECRET: SECRET }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  );
}

async function signedUnder(nonce: string, target: string): Promise<Record<string, string>> {
  const { signedHeaders } = (await import(join(REPOSITORY, 'examples/signing/sign.mjs'))) as {
    signedHeaders: (
      secret: string,
      method: string,
      url: string,
      body: string,
      nonce: string,
    ) => Record<string, string>;
  };
  return signedHeaders(SECRET, 'GET', `https://in.example${target}`, '', nonce);
}

const rows = <Row>(sql: string, receiptId: string) => clickhouse.rows<Row>(sql, { receiptId });

function counts(receiptId: string): Promise<readonly number[]> {
  const count = async (table: string, condition: string) => {
    const [row] = await rows<{ n: string }>(
      `SELECT count() AS n FROM ${table} FINAL WHERE ${condition} = {receiptId:UUID}`,
      receiptId,
    );
    return Number(row?.n);
  };
  return Promise.all([
    count('postbacks', 'receiptId'),
    count('receipts', 'receiptId'),
    count('conversions', 'receiptId'),
  ]);
}

async function restarted(service: SupervisedService, port: number): Promise<void> {
  const before = service.restarts;
  service.kill();
  await eventually(
    async () => {
      const response = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => null);
      return service.restarts > before && response?.ok === true;
    },
    (isBack) => isBack,
  );
}

describe('a signed call', () => {
  const nonce = `replay-${'0123456789'.repeat(2)}`;
  const target = '/postback/signed?event=sale&revenue=10&txid=replayed-1';
  const other = '/postback/signed?event=sale&revenue=99&txid=replayed-2';
  let receiptId: string;

  it('repeated on both instances and after a crash is one receipt, counted once', async () => {
    const headers = await signedUnder(nonce, target);
    const [one = '', two = ''] = instances;
    const answers = [
      await send(one, target, headers),
      await send(one, target, headers),
      await send(two, target, headers),
    ];
    await restarted(system.service('ingestion'), Number(new URL(one).port));
    answers.push(await send(one, target, headers), await send(two, target, headers));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map((answer) => answer.receiptId)).size).toBe(1);
    receiptId = answers[0]?.receiptId ?? '';
    await eventually(
      () => counts(receiptId),
      (each) => each.every((n) => n > 0),
    );
    expect(await counts(receiptId)).toEqual([1, 1, 1]);
  });

  it('with another content under its nonce is refused where it is remembered, also after the crash', async () => {
    const headers = await signedUnder(nonce, other);
    expect(await send(instances[0] ?? '', other, headers)).toMatchObject({
      status: 401,
      code: 'nonce_reused',
    });
    await restarted(second, SECOND_PORT);
    expect(await send(instances[1] ?? '', other, headers)).toMatchObject({
      status: 401,
      code: 'nonce_reused',
    });
  });

  it('with another content where it is not remembered is taken, rejected and set aside; the first stands', async () => {
    const forgetful = await system.addInstance('ingestion', SECOND_PORT + 1);
    const answer = await send(`http://127.0.0.1:${SECOND_PORT + 1}`, other, await signedUnder(nonce, other));
    expect(answer).toMatchObject({ status: 200, receiptId });
    await forgetful.stop();
    const [deadLetter] = await eventually(
      () =>
        clickhouse.rows<{ reasonCode: string; service: string }>(
          "SELECT reasonCode, service FROM dead_letters FINAL WHERE topic = 'postback.received.v1'",
        ),
      (found) => found.length > 0,
    );
    expect(deadLetter).toEqual({ reasonCode: 'nonce_reused', service: 'attribution' });
    expect(await counts(receiptId)).toEqual([1, 1, 1]);
    const [kept] = await rows<{ transactionId: string; verdict: string }>(
      'SELECT transactionId, verdict FROM postbacks AS p FINAL INNER JOIN receipts AS r FINAL ON r.receiptId = p.receiptId WHERE p.receiptId = {receiptId:UUID}',
      receiptId,
    );
    expect(kept).toEqual({ transactionId: 'replayed-1', verdict: 'counted' });
    const log = readFileSync(join(home, 'logs/attribution.log'), 'utf8');
    expect(log.split('\n').filter((line) => line.includes('"postback.reused"'))).toHaveLength(1);
  });

  it('by a helper for senders is taken, and its secret is in no log', async () => {
    expect(await send(instances[0] ?? '', `${target}-helper`, signed(`${target}-helper`))).toMatchObject({
      status: 200,
    });
    for (const name of ['ingestion', `ingestion-${SECOND_PORT}`, 'console', 'attribution'])
      expect(readFileSync(join(home, 'logs', `${name}.log`), 'utf8')).not.toContain(SECRET);
  });
});

it('a flooded source is told to wait, costs Kafka next to nothing, and another one is answered as before', async () => {
  const flooded = `/postback/flooded?token=${TOKEN}&event=lead`;
  const healthy = `/postback/${DEMO.sourceId}?token=${DEMO.token}&event=lead`;
  const flood = Promise.all(
    Array.from({ length: 2_000 }, (_, index) => send(instances[index % 2] ?? '', flooded)),
  );
  const answers: Answer[] = [];
  for (let index = 0; index < 50; index += 1) answers.push(await send(instances[index % 2] ?? '', healthy));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  const taken = (await flood).filter(({ status }) => status === 200).length;
  expect((await flood).filter(({ status }) => status === 429)).toHaveLength(2_000 - taken);
  // Each instance lets half of the burst pass; in the time of the flood hardly one more comes in.
  expect(taken).toBeGreaterThanOrEqual(RATE_BURST);
  expect(taken).toBeLessThanOrEqual(RATE_BURST + 2);
  const refusals = async () => {
    const [row] = await clickhouse.rows<{ n: string }>(
      "SELECT count() AS n FROM refused_postbacks FINAL WHERE sourceId = 'flooded'",
    );
    return Number(row?.n);
  };
  await eventually(refusals, (n) => n > 0);
  expect(await refusals()).toBeLessThan(60);
});
