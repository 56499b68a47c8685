/** What became of a request is asked in time, by whoever may be asked, and keeps nobody waiting. */
import { aChange } from '@tributary/configuration';
import { outwardKey } from '@tributary/domain';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  bedWithGoogle,
  type DataManager,
  endsIn,
  GOOGLE,
  otherSales,
  questionsIn,
  SALE,
  said,
  waitingIn,
} from './data-manager.fixture.ts';
import { answered, type FanOutBed, NOW } from './fan-out-bed.fixture.ts';
import type { Exchange } from './sender.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const { conversionId } = SALE;
const DELIVERY_ID = outwardKey(conversionId, 'google', '444555666');

let bed: FanOutBed;
let google: DataManager;

beforeEach(async () => {
  ({ bed, google } = await bedWithGoogle());
});

const minutes = () => google.asked.map(({ at }) => (at - NOW) / MINUTE_MS);
const reconfigure = (document: object) =>
  bed.log.append(aChange('destination', { ...GOOGLE, ...document }, { expectedVersion: 0 }));

describe('a question', () => {
  it('waits on record before the end that leads to it', async () => {
    await bed.decide(SALE);
    expect(bed.topics().filter((topic) => topic !== 'credential.refreshed.v1')).toEqual([
      'delivery.attempted.v1',
      'delivery.due.5m.v1',
      'delivery.attempted.v1',
    ]);
    const [attempt] = bed.attempted();
    expect(waitingIn(bed, 'question')).toMatchObject({
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
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(minutes()).toEqual([30, 60, 120, 240, 480, 960]);
    expect(bed.waiting).toEqual([]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 1 }]);
  });

  it('waits for as long as the platform wants to be spared', async () => {
    google.says = (_id, nth) => (nth === 1 ? answered(503, { 'retry-after': '5400' }) : said('SUCCESS'));
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(minutes()).toEqual([30, 120]);
  });

  it('that comes late by far skips the times that have passed, and is put no more after a day', async () => {
    google.says = () => said('PROCESSING');
    await bed.decide(SALE);
    const question = waitingIn(bed, 'question');
    bed.now = NOW + 5 * HOUR_MS;
    await bed.pop(question, conversionId);
    expect(bed.waiting.map(({ dueAt }) => (dueAt - NOW) / HOUR_MS)).toContain(8);
    bed.now = NOW + 25 * HOUR_MS;
    await bed.pop({ ...question, attempt: 5 }, conversionId);
    expect(google.asked).toHaveLength(1);
  });

  it('is put once where everything was taken, and changes nothing', async () => {
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked).toHaveLength(1);
    expect(google.ingested).toHaveLength(1);
    expect(endsIn(bed)).toEqual(['delivered']);
  });

  it('is not put of a test, of what was refused, and to a platform whose first answer is its last', async () => {
    await bed.decide({ ...SALE, isTest: true });
    google.refuses = () => answered(400, {}, JSON.stringify({ error: { code: 400 } }));
    await bed.decide(...otherSales(1));
    expect(bed.waiting).toEqual([]);
  });

  it('is on record like a request, secrets hidden, and carries no delivery', async () => {
    google.says = () => said('PROCESSING');
    await bed.decide(SALE);
    await bed.elapse(30 * MINUTE_MS);
    const [question, ...more] = questionsIn(bed);
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
    await bed.decide(SALE);
    await bed.elapse(HOUR_MS);
    expect(minutes()).toEqual([30, 60]);
    expect(questionsIn(bed).map(({ errorCode }) => errorCode)).toEqual(['timeout', null]);
  });

  it('that the platform will never answer is put once', async () => {
    google.says = () =>
      answered(403, {}, JSON.stringify({ error: { code: 403, status: 'PERMISSION_DENIED' } }));
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked).toHaveLength(1);
    expect(endsIn(bed)).toEqual(['delivered']);
  });

  it('whose answer makes no sense is given up, and what was delivered stays so', async () => {
    google.says = () => said('PARTIAL_SUCCESS', { EVENT_TOO_OLD: 7 });
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(bed.waiting).toEqual([]);
    expect(endsIn(bed)).toEqual(['delivered']);
  });

  it('is put once more at once with a new token, and after that at its next time', async () => {
    google.says = (_id, nth) => (nth <= 2 ? answered(401) : said('SUCCESS'));
    await bed.decide(SALE);
    await bed.elapse(HOUR_MS);
    expect(minutes()).toEqual([30, 30, 60]);
    expect(google.asked.map(({ token }) => token)).toEqual(['token-1', 'token-2', 'token-3']);
    expect(questionsIn(bed)).toHaveLength(3);
  });

  it('for which there is no token waits for its next time', async () => {
    await bed.decide(SALE);
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
    await bed.decide(SALE);
    if ('operation' in change)
      await bed.log.append(aChange('destination', GOOGLE, { expectedVersion: 0, operation: 'remove' }));
    else await reconfigure(change);
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked).toEqual([]);
    expect(bed.waiting).toEqual([]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered' }]);
  });

  it('is put with the settings in force by then', async () => {
    await bed.decide(SALE);
    await reconfigure({ settings: { ...GOOGLE.settings, refreshToken: 'another-refresh-token' } });
    await bed.elapse(HOUR_MS);
    expect(google.asked.map(({ token }) => token)).toEqual(['token-2']);
  });

  it('keeps no partition waiting, and is put again only where the process dies', async () => {
    const never = Promise.withResolvers<Exchange>();
    google.says = () => never.promise;
    await bed.decide(SALE);
    const startedAt = performance.now();
    await bed.elapse(30 * MINUTE_MS);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(bed.waiting).toMatchObject([{ kind: 'question', attempt: 0, dueAt: bed.now + 40_000 }]);
    const guard = waitingIn(bed, 'question');
    never.resolve(said('SUCCESS'));
    await bed.fanOut.stop();
    await bed.elapse(HOUR_MS);
    expect(google.asked).toHaveLength(1);
    bed.restart();
    await bed.pop(guard, conversionId);
    expect(google.asked).toHaveLength(2);
  });

  it('waits while the destination takes nothing, and is no probe', async () => {
    await bed.decide(SALE);
    await bed.elapse(30 * MINUTE_MS - 1_000);
    const answer = bed.exchange;
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of otherSales(12)) await bed.decide(one);
    bed.exchange = answer;
    bed.now = NOW + 31 * MINUTE_MS;
    await bed.pop(waitingIn(bed, 'question'), conversionId);
    expect(google.asked).toEqual([]);
    await bed.elapse(HOUR_MS);
    expect(google.asked.length).toBeGreaterThan(0);
    expect(bed.holdings().every(({ outcome }) => outcome === 'delivered')).toBe(true);
  });
});
