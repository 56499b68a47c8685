/** What a platform says later of what it had accepted: asked in time, told to whom it concerns, and nothing is sent twice for it. */
import { aChange } from '@tributary/configuration';
import type { ConversionDecided, DeliveryDue } from '@tributary/contracts';
import { correctionKey, deterministicUuid, outwardKey } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { beforeEach, describe, expect, it } from 'vitest';
import { aSale, bedWithGoogle, type DataManager, GOOGLE, said } from './data-manager.fixture.ts';
import { answered, type FanOutBed, NOW } from './fan-out-bed.fixture.ts';
import type { Exchange } from './sender.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const sale = aSale();
const { conversionId } = sale;
const EVENT = '444555666';
const DELIVERY_ID = outwardKey(conversionId, 'google', EVENT);

let bed: FanOutBed;
let google: DataManager;

beforeEach(async () => {
  ({ bed, google } = await bedWithGoogle());
});

const revised = (revision: number, changes: Partial<ConversionDecided> = {}): ConversionDecided => ({
  ...sale,
  revision,
  decidedAt: sale.decidedAt + revision,
  ...changes,
});
const worth = (units: number) => ({ revenueMicros: BigInt(units) * 1_000_000n });
const others = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    ...sale,
    conversionId: deterministicUuid('another_sale', String(n)),
  }));
/** How each attempt ended, questions left out. */
const ends = () =>
  bed
    .attempted()
    .filter(({ phase, url }) => phase === 'ended' && !url.includes('requestStatus'))
    .flatMap(({ deliveries }) => deliveries.map(({ outcome, reasonCode }) => reasonCode ?? outcome));
const questionsOnRecord = () => bed.attempted().filter(({ url }) => url.includes('requestStatus'));
const deadLetters = () => bed.topics().filter((topic) => topic === 'dead-letter.v1');
const minutes = () => google.asked.map(({ at }) => (at - NOW) / MINUTE_MS);
const reconfigure = (document: object) =>
  bed.log.append(aChange('destination', { ...GOOGLE, ...document }, { expectedVersion: 0 }));
const waitingOf = (kind: string): DeliveryDue => {
  const found = bed.waiting.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} waits`);
  return found;
};

describe('a question', () => {
  it('waits on record before the end that leads to it', async () => {
    await bed.decide(sale);
    expect(bed.topics().filter((topic) => topic !== 'credential.refreshed.v1')).toEqual([
      'delivery.attempted.v1',
      'delivery.due.5m.v1',
      'delivery.attempted.v1',
    ]);
    const [attempt] = bed.attempted();
    expect(waitingOf('question')).toMatchObject({
      deliveryId: attempt?.requestId,
      destinationId: 'google',
      attempt: 0,
      dueAt: NOW + 30 * MINUTE_MS,
      question: {
        definition: 'google-data-manager',
        override: null,
        platformRequestId: 'r1',
        acceptedAt: NOW,
        isAdjustment: false,
        deliveries: [
          { deliveryId: DELIVERY_ID, conversionId, revision: 1, attempt: 1, mayHaveArrived: false },
        ],
      },
    });
  });

  it('is put after half an hour, then after twice as long each time, for a day', async () => {
    google.says = () => said('PROCESSING');
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(minutes()).toEqual([30, 60, 120, 240, 480, 960]);
    expect(bed.waiting).toEqual([]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 1 }]);
  });

  it('waits for as long as the platform wants to be spared', async () => {
    google.says = (_id, nth) => (nth === 1 ? answered(503, { 'retry-after': '5400' }) : said('SUCCESS'));
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(minutes()).toEqual([30, 120]);
  });

  it('that comes late by far skips the times that have passed, and is put no more after a day', async () => {
    google.says = () => said('PROCESSING');
    await bed.decide(sale);
    const question = waitingOf('question');
    bed.now = NOW + 5 * HOUR_MS;
    await bed.pop(question, conversionId);
    expect(bed.waiting.map(({ dueAt }) => (dueAt - NOW) / HOUR_MS)).toContain(8);
    bed.now = NOW + 25 * HOUR_MS;
    await bed.pop({ ...question, attempt: 5 }, conversionId);
    expect(google.asked).toHaveLength(1);
  });

  it('is put once where everything was taken, and changes nothing', async () => {
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked).toHaveLength(1);
    expect(google.ingested).toHaveLength(1);
    expect(ends()).toEqual(['delivered']);
  });

  it('is not put of a test, of what was refused, and to a platform whose first answer is its last', async () => {
    await bed.decide({ ...sale, isTest: true });
    google.refuses = () => answered(400, {}, JSON.stringify({ error: { code: 400 } }));
    await bed.decide(...others(1));
    expect(bed.waiting).toEqual([]);
  });

  it('is on record like a request, secrets hidden, and carries no delivery', async () => {
    google.says = () => said('PROCESSING');
    await bed.decide(sale);
    await bed.elapse(30 * MINUTE_MS);
    const [question, ...more] = questionsOnRecord();
    expect(more).toEqual([]);
    expect(question).toMatchObject({
      phase: 'ended',
      destinationId: 'google',
      method: 'GET',
      url: 'https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=r1',
      requestHeaders: { authorization: '[redacted]' },
      responseStatus: 200,
      deliveries: [],
      holdings: [],
    });
    expect(
      JSON.stringify(question, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('token-1');
  });

  it('without an answer is put again', async () => {
    google.says = (_id, nth) => (nth === 1 ? { ok: false, error: 'timeout' } : said('SUCCESS'));
    await bed.decide(sale);
    await bed.elapse(HOUR_MS);
    expect(minutes()).toEqual([30, 60]);
    expect(questionsOnRecord().map(({ errorCode }) => errorCode)).toEqual(['timeout', null]);
  });

  it('that the platform will never answer is put once', async () => {
    google.says = () =>
      answered(403, {}, JSON.stringify({ error: { code: 403, status: 'PERMISSION_DENIED' } }));
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked).toHaveLength(1);
    expect(ends()).toEqual(['delivered']);
  });

  it('whose answer makes no sense is given up, and what was delivered stays so', async () => {
    google.says = () => said('PARTIAL_SUCCESS', { EVENT_TOO_OLD: 7 });
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(bed.waiting).toEqual([]);
    expect(ends()).toEqual(['delivered']);
  });

  it('is put once more at once with a new token, and after that at its next time', async () => {
    google.says = (_id, nth) => (nth <= 2 ? answered(401) : said('SUCCESS'));
    await bed.decide(sale);
    await bed.elapse(HOUR_MS);
    expect(minutes()).toEqual([30, 30, 60]);
    expect(google.asked.map(({ token }) => token)).toEqual(['token-1', 'token-2', 'token-3']);
    expect(questionsOnRecord()).toHaveLength(3);
  });

  it('for which there is no token waits for its next time', async () => {
    await bed.decide(sale);
    bed.restart();
    const answer = bed.exchange;
    bed.exchange = (request, nth) => (request.url.endsWith('/token') ? answered(503) : answer(request, nth));
    await bed.elapse(30 * MINUTE_MS);
    expect(google.asked).toEqual([]);
    bed.exchange = answer;
    await bed.elapse(30 * MINUTE_MS);
    expect(minutes()).toEqual([60]);
  });

  it.each<[string, object]>([
    ['was removed', { operation: 'remove' }],
    ['was disabled', { status: 'disabled' }],
    [
      'goes to another platform by now',
      { definition: 'partner-postback', settings: { urlTemplate: 'https://x.example/?c={click_id}' } },
    ],
    ['is not live any more', { mode: 'dry_run' }],
  ])('is not put where the destination %s; what was delivered stays so', async (_what, change) => {
    await bed.decide(sale);
    if ('operation' in change)
      await bed.log.append(aChange('destination', GOOGLE, { expectedVersion: 0, operation: 'remove' }));
    else await reconfigure(change);
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked).toEqual([]);
    expect(bed.waiting).toEqual([]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered' }]);
  });

  it('is put with the settings in force by then', async () => {
    await bed.decide(sale);
    await reconfigure({ settings: { ...GOOGLE.settings, refreshToken: 'another-refresh-token' } });
    await bed.elapse(HOUR_MS);
    expect(google.asked.map(({ token }) => token)).toEqual(['token-2']);
  });

  it('keeps no partition waiting, and is put again only where the process dies', async () => {
    const never = Promise.withResolvers<Exchange>();
    google.says = () => never.promise;
    await bed.decide(sale);
    const startedAt = performance.now();
    await bed.elapse(30 * MINUTE_MS);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(bed.waiting).toMatchObject([{ kind: 'question', attempt: 0, dueAt: bed.now + 40_000 }]);
    const guard = waitingOf('question');
    never.resolve(said('SUCCESS'));
    await bed.fanOut.stop();
    await bed.elapse(HOUR_MS);
    expect(google.asked).toHaveLength(1);
    bed.restart();
    await bed.pop(guard, conversionId);
    expect(google.asked).toHaveLength(2);
  });

  it('waits while the destination takes nothing, and is no probe', async () => {
    await bed.decide(sale);
    await bed.elapse(30 * MINUTE_MS - 1_000);
    const answer = bed.exchange;
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of others(12)) await bed.decide(one);
    bed.exchange = answer;
    bed.now = NOW + 31 * MINUTE_MS;
    await bed.pop(waitingOf('question'), conversionId);
    expect(google.asked).toEqual([]);
    await bed.elapse(HOUR_MS);
    expect(google.asked.length).toBeGreaterThan(0);
    expect(bed.holdings().every(({ outcome }) => outcome === 'delivered')).toBe(true);
  });
});

describe('what was dropped afterwards', () => {
  const tooOld = () => said('FAILED', { EVENT_TOO_OLD: 1 });
  const internal = () => said('FAILED', { INTERNAL_ERROR: 1 });

  it('for good ends refused as the next attempt, a dead letter, held by nobody', async () => {
    google.says = tooOld;
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(1);
    expect(ends()).toEqual(['delivered', 'event_too_old']);
    expect(bed.topics().slice(-2)).toEqual(['dead-letter.v1', 'delivery.attempted.v1']);
    expect(bed.holdings()).toMatchObject([
      { outcome: 'refused', attempt: 2, tries: 1, held: null, eventRevision: null, mayHaveArrived: false },
    ]);
  });

  it('is told again as an event by the next revision with another value', async () => {
    google.says = (id) => (id === 'r1' ? tooOld() : said('SUCCESS'));
    await bed.decide(sale);
    await bed.elapse(HOUR_MS);
    await bed.decide(revised(2));
    expect(google.ingested).toHaveLength(1);
    await bed.decide(revised(3, worth(7)));
    expect(google.transactions).toEqual([[DELIVERY_ID], [DELIVERY_ID]]);
    expect(bed.holdings()).toMatchObject([{ kind: 'event', outcome: 'delivered', eventRevision: 3 }]);
  });

  it('for now is tried again down its ladder, asked about each time, and dead in the end', async () => {
    google.says = internal;
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(google.transactions).toEqual(Array(4).fill([DELIVERY_ID]));
    expect(google.asked.map(({ requestId }) => requestId)).toEqual(['r1', 'r2', 'r3', 'r4']);
    expect(ends()).toEqual(Array(4).fill(['delivered', 'platform_failing']).flat());
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', attempt: 8, tries: 4 }]);
    expect(deadLetters()).toHaveLength(1);
    expect(bed.waiting).toEqual([]);
  });

  it('and is taken when it is tried again stays delivered', async () => {
    google.says = (id) => (id === 'r1' ? internal() : said('SUCCESS'));
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 3, eventRevision: 1 }]);
  });

  it('of a correction leaves what was held before, among the wrong holdings', async () => {
    google.says = (id) => (id === 'r1' ? said('SUCCESS') : said('FAILED', { DUPLICATE_TRANSACTION_ID: 1 }));
    await bed.decide(sale);
    await bed.decide(revised(2, worth(7)));
    await bed.elapse(72 * HOUR_MS);
    expect(ends()).toEqual(['delivered', 'delivered', 'adjustment_not_taken']);
    expect(bed.holdings()).toMatchObject([
      {
        kind: 'restate',
        outcome: 'refused',
        eventRevision: 1,
        held: { amounts: { revenue: { micros: 49_900_000n } } },
        told: { amounts: { revenue: { micros: 7_000_000n } } },
      },
    ]);
  });

  it('of a correction is tried again as the same correction', async () => {
    google.says = (id) => (id === 'r2' ? internal() : said('SUCCESS'));
    await bed.decide(sale);
    await bed.decide(revised(2, { ...worth(7), adPlatformIds: [] }));
    await bed.elapse(72 * HOUR_MS);
    const [first, second, third] = google.ingested.map(({ events }) => events);
    expect([first, second].map((events) => events?.[0]?.conversionValue)).toEqual([49.9, 7]);
    expect(third).toEqual(second);
    expect(bed.holdings()).toMatchObject([
      { deliveryId: correctionKey(conversionId, 'google', EVENT, 2), outcome: 'delivered', eventRevision: 1 },
    ]);
  });

  it('and corrected since is left as it is', async () => {
    google.says = (id) => (id === 'r1' ? internal() : said('SUCCESS'));
    await bed.decide(sale);
    await bed.elapse(10 * MINUTE_MS);
    await bed.decide(revised(2, worth(7)));
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(2);
    expect(ends()).toEqual(['delivered', 'delivered']);
  });

  it('gives way to the newest revision where nobody is to be told by now', async () => {
    google.says = (id) => (id === 'r1' ? internal() : said('SUCCESS'));
    await bed.decide(sale);
    await bed.decide(revised(2, { state: 'held' }));
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(1);
    expect(ends()).toEqual(['delivered', 'newer_revision']);
    await bed.decide(revised(3));
    expect(google.ingested).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ kind: 'event', outcome: 'delivered', revision: 3 }]);
  });

  it('gives way to the newest revision, which tells the same', async () => {
    google.says = (id) => (id === 'r1' ? internal() : said('SUCCESS'));
    await bed.decide(sale);
    await bed.decide(revised(2));
    await bed.elapse(72 * HOUR_MS);
    expect(google.transactions).toEqual([[DELIVERY_ID], [DELIVERY_ID]]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', revision: 2, eventRevision: 2 }]);
  });

  it('may have arrived all the same where an earlier attempt may have', async () => {
    google.refuses = (nth) => (nth === 1 ? { ok: false, error: 'timeout' } : null);
    google.says = tooOld;
    await bed.decide(sale);
    await bed.elapse(72 * HOUR_MS);
    expect(ends()).toEqual(['timeout', 'delivered', 'event_too_old']);
    expect(bed.holdings()).toMatchObject([{ outcome: 'refused', mayHaveArrived: true }]);
  });

  it('to a destination that was disabled meanwhile ends all the same', async () => {
    google.says = internal;
    await bed.decide(sale);
    await bed.pop({ ...waitingOf('question'), dueAt: bed.now }, conversionId);
    await reconfigure({ status: 'disabled' });
    await bed.elapse(72 * HOUR_MS);
    expect(ends()).toEqual(['delivered', 'platform_failing', 'destination_disabled']);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead' }]);
  });

  it('waits for the decision that ClickHouse does not show yet', async () => {
    google.says = tooOld;
    await bed.decide(sale);
    bed.isShown = () => false;
    await bed.elapse(30 * MINUTE_MS + 10_000);
    expect(ends()).toEqual(['delivered']);
    bed.isShown = () => true;
    await bed.elapse(10_000);
    expect(ends()).toEqual(['delivered', 'event_too_old']);
    expect(bed.waiting).toEqual([]);
  });
});

describe('a request with several deliveries', () => {
  const batch = others(3);

  beforeEach(async () => {
    await bed.decide(...batch);
    expect(google.transactions.map((events) => events.length)).toEqual([3]);
  });

  it('is asked about once, and all were dropped: each ends for itself, told to its own owner', async () => {
    google.says = () => said('FAILED', { EVENT_TOO_OLD: 3 });
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked).toHaveLength(1);
    expect(bed.holdings().map(({ outcome, attempt }) => [outcome, attempt])).toEqual(
      Array(3).fill(['refused', 2]),
    );
    expect(deadLetters()).toHaveLength(3);
    const keys = bed.written.filter(({ topic }) => topic === 'delivery.due.1s.v1').map(({ key }) => key);
    expect(keys).toEqual(batch.map((one) => one.conversionId));
  });

  it('of which some were dropped stays as it was judged, and every delivery says so on record', async () => {
    google.says = () => said('PARTIAL_SUCCESS', { INTERNAL_ERROR: 2 });
    const before = bed.holdings();
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(1);
    expect(google.asked).toHaveLength(1);
    expect(bed.holdings()).toEqual(before);
    expect(deadLetters()).toEqual([]);
    const [question] = questionsOnRecord();
    expect(question?.responseBody).toContain('"recordCount":"2"');
    expect(question?.deliveries).toMatchObject(
      batch.map((one) => ({
        conversionId: one.conversionId,
        attempt: 1,
        outcome: 'delivered',
        reasonCode: 'dropped_in_part',
      })),
    );
  });

  it('leaves alone the one that was corrected since', async () => {
    google.says = (id) => (id === 'r1' ? said('FAILED', { INTERNAL_ERROR: 3 }) : said('SUCCESS'));
    const [first = sale] = batch;
    await bed.decide({ ...first, revision: 2, ...worth(7) });
    await bed.elapse(72 * HOUR_MS);
    expect(google.transactions.map((events) => events.length)).toEqual([3, 1, 1, 1]);
    expect(bed.holdings().map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ['restate', 'delivered'],
      ['event', 'delivered'],
      ['event', 'delivered'],
    ]);
  });
});

describe('a crash', () => {
  const away = () => {
    throw new DependencyFailure('kafka_unavailable', 'the process dies here');
  };

  it('after the question and before the end: the request that is not on record decides nothing', async () => {
    bed.acknowledge = (topic) => (topic === 'delivery.due.5m.v1' ? away() : undefined);
    await expect(bed.decide(sale)).rejects.toBeInstanceOf(DependencyFailure);
    bed.acknowledge = () => undefined;
    bed.restart();
    await bed.decide(sale);
    google.says = (id) => (id === 'r1' ? said('FAILED', { EVENT_TOO_OLD: 1 }) : said('SUCCESS'));
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked.map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
    expect(google.ingested).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 1 }]);
    expect(deadLetters()).toEqual([]);
  });

  it('before the answer is on record has the question put again, to the same end', async () => {
    google.says = () => said('FAILED', { INTERNAL_ERROR: 1 });
    await bed.decide(sale);
    const question = waitingOf('question');
    bed.acknowledge = (topic) => (topic === 'delivery.due.1s.v1' ? away() : undefined);
    await expect(bed.elapse(30 * MINUTE_MS)).rejects.toBeInstanceOf(DependencyFailure);
    bed.acknowledge = () => undefined;
    bed.restart();
    google.says = (id) => (id === 'r1' ? said('FAILED', { INTERNAL_ERROR: 1 }) : said('SUCCESS'));
    await bed.pop(question, conversionId);
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(2);
    expect(ends()).toEqual(['delivered', 'platform_failing', 'delivered']);
  });

  it('after the dead letter and before the end leaves the same dead letter and one end', async () => {
    google.says = () => said('FAILED', { EVENT_TOO_OLD: 1 });
    await bed.decide(sale);
    await bed.pop({ ...waitingOf('question'), dueAt: bed.now }, conversionId);
    const dropped = waitingOf('dropped');
    bed.acknowledge = (topic) => (topic === 'dead-letter.v1' ? away() : undefined);
    await expect(bed.pop(dropped, conversionId)).rejects.toBeInstanceOf(DependencyFailure);
    bed.acknowledge = () => undefined;
    bed.restart();
    await bed.elapse(72 * HOUR_MS);
    expect(ends()).toEqual(['delivered', 'event_too_old']);
    const values = bed.written.filter(({ topic }) => topic === 'dead-letter.v1').map(({ value }) => value);
    expect(values).toHaveLength(2);
    expect(values[0]?.subarray(0, 42)).toEqual(values[1]?.subarray(0, 42));
  });

  it('or a consumer wound back sends nothing twice', async () => {
    google.says = (id) => (id === 'r1' ? said('FAILED', { INTERNAL_ERROR: 1 }) : said('SUCCESS'));
    await bed.decide(sale);
    const question = waitingOf('question');
    await bed.elapse(30 * MINUTE_MS);
    const dropped = bed.waiting.filter(({ kind }) => kind === 'dropped');
    await bed.elapse(HOUR_MS);
    const before = [google.ingested.length, ends()];
    for (const isAnew of [false, true, true]) {
      if (isAnew) bed.restart();
      await bed.decide(sale);
      for (const record of [question, ...dropped, question]) await bed.pop(record, conversionId);
      await bed.elapse(MINUTE_MS);
    }
    expect([google.ingested.length, ends()]).toEqual(before);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered' }]);
  });

  it('of an instance that the group has not heard of writes nothing', async () => {
    await bed.decide(sale);
    bed.isOwner = false;
    await expect(bed.elapse(30 * MINUTE_MS)).rejects.toBeInstanceOf(DependencyFailure);
    expect(questionsOnRecord()).toEqual([]);
  });
});
