/** What a platform says that it has dropped: ended where it was not corrected since, and nothing is sent twice for it. */
import { aChange } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { correctionKey, outwardKey } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  bedWithGoogle,
  type DataManager,
  endsIn,
  GOOGLE,
  otherSales,
  questionsIn,
  revised,
  SALE,
  said,
  waitingIn,
  worth,
} from './data-manager.fixture.ts';
import { answered, type FanOutBed } from './fan-out-bed.fixture.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const { conversionId } = SALE;
const EVENT = '444555666';
const DELIVERY_ID = outwardKey(conversionId, 'google', EVENT);

let bed: FanOutBed;
let google: DataManager;

beforeEach(async () => {
  ({ bed, google } = await bedWithGoogle());
});

const deadLetters = () => bed.topics().filter((topic) => topic === 'dead-letter.v1');

describe('what was dropped afterwards', () => {
  const tooOld = () => said('FAILED', { EVENT_TOO_OLD: 1 });
  const internal = () => said('FAILED', { INTERNAL_ERROR: 1 });

  it('for good ends refused as the next attempt, a dead letter, held by nobody', async () => {
    google.says = tooOld;
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(1);
    expect(endsIn(bed)).toEqual(['delivered', 'event_too_old']);
    expect(bed.topics().slice(-2)).toEqual(['dead-letter.v1', 'delivery.attempted.v1']);
    expect(bed.holdings()).toMatchObject([
      { outcome: 'refused', attempt: 2, tries: 1, held: null, eventRevision: null, mayHaveArrived: false },
    ]);
  });

  it('is told again as an event by the next revision with another value', async () => {
    google.says = (id) => (id === 'r1' ? tooOld() : said('SUCCESS'));
    await bed.decide(SALE);
    await bed.elapse(HOUR_MS);
    await bed.decide(revised(2));
    expect(google.ingested).toHaveLength(1);
    await bed.decide(revised(3, worth(7)));
    expect(google.transactions).toEqual([[DELIVERY_ID], [DELIVERY_ID]]);
    expect(bed.holdings()).toMatchObject([{ kind: 'event', outcome: 'delivered', eventRevision: 3 }]);
  });

  it('for now is tried again down its ladder, asked about each time, and dead in the end', async () => {
    google.says = internal;
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(google.transactions).toEqual(Array(4).fill([DELIVERY_ID]));
    expect(google.asked.map(({ requestId }) => requestId)).toEqual(['r1', 'r2', 'r3', 'r4']);
    expect(endsIn(bed)).toEqual(Array(4).fill(['delivered', 'platform_failing']).flat());
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', attempt: 8, tries: 4 }]);
    expect(deadLetters()).toHaveLength(1);
    expect(bed.waiting).toEqual([]);
  });

  it('and is taken when it is tried again stays delivered', async () => {
    google.says = (id) => (id === 'r1' ? internal() : said('SUCCESS'));
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 3, eventRevision: 1 }]);
  });

  it('of a correction leaves what was held before, among the wrong holdings', async () => {
    google.says = (id) => (id === 'r1' ? said('SUCCESS') : said('FAILED', { DUPLICATE_TRANSACTION_ID: 1 }));
    await bed.decide(SALE);
    await bed.decide(revised(2, worth(7)));
    await bed.elapse(72 * HOUR_MS);
    expect(endsIn(bed)).toEqual(['delivered', 'delivered', 'adjustment_not_taken']);
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
    await bed.decide(SALE);
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
    await bed.decide(SALE);
    await bed.elapse(10 * MINUTE_MS);
    await bed.decide(revised(2, worth(7)));
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(2);
    expect(endsIn(bed)).toEqual(['delivered', 'delivered']);
  });

  it('gives way to the newest revision where nobody is to be told by now', async () => {
    google.says = (id) => (id === 'r1' ? internal() : said('SUCCESS'));
    await bed.decide(SALE);
    await bed.decide(revised(2, { state: 'held' }));
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(1);
    expect(endsIn(bed)).toEqual(['delivered', 'newer_revision']);
    await bed.decide(revised(3));
    expect(google.ingested).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ kind: 'event', outcome: 'delivered', revision: 3 }]);
  });

  it('gives way to the newest revision, which tells the same', async () => {
    google.says = (id) => (id === 'r1' ? internal() : said('SUCCESS'));
    await bed.decide(SALE);
    await bed.decide(revised(2));
    await bed.elapse(72 * HOUR_MS);
    expect(google.transactions).toEqual([[DELIVERY_ID], [DELIVERY_ID]]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', revision: 2, eventRevision: 2 }]);
  });

  it('may have arrived all the same where an earlier attempt may have', async () => {
    google.refuses = (nth) => (nth === 1 ? { ok: false, error: 'timeout' } : null);
    google.says = tooOld;
    await bed.decide(SALE);
    await bed.elapse(72 * HOUR_MS);
    expect(endsIn(bed)).toEqual(['timeout', 'delivered', 'event_too_old']);
    expect(bed.holdings()).toMatchObject([{ outcome: 'refused', mayHaveArrived: true }]);
  });

  it('to a destination that was disabled meanwhile ends all the same', async () => {
    google.says = internal;
    await bed.decide(SALE);
    await bed.pop({ ...waitingIn(bed, 'question'), dueAt: bed.now }, conversionId);
    await bed.log.append(aChange('destination', { ...GOOGLE, status: 'disabled' }, { expectedVersion: 0 }));
    await bed.elapse(72 * HOUR_MS);
    expect(endsIn(bed)).toEqual(['delivered', 'platform_failing', 'destination_disabled']);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead' }]);
  });

  it('waits for the decision that ClickHouse does not show yet', async () => {
    google.says = tooOld;
    await bed.decide(SALE);
    bed.isShown = () => false;
    await bed.elapse(30 * MINUTE_MS + 10_000);
    expect(endsIn(bed)).toEqual(['delivered']);
    bed.isShown = () => true;
    await bed.elapse(10_000);
    expect(endsIn(bed)).toEqual(['delivered', 'event_too_old']);
    expect(bed.waiting).toEqual([]);
  });
});

describe('what was dropped under a correction that never arrived', () => {
  const away = answered(503);
  const dropsOnly = (dropped: string) => (id: string) =>
    id === dropped ? said('FAILED', { INTERNAL_ERROR: 1 }) : said('SUCCESS');
  const values = () => google.ingested.map(({ events }) => events[0]?.conversionValue);

  it('is told again where the correction was withdrawn, for it was thought to be held already', async () => {
    google.refuses = (nth) => (nth === 3 ? away : null);
    google.says = dropsOnly('r2');
    await bed.decide(revised(1, worth(1)));
    await bed.decide(revised(2, worth(2)));
    await bed.decide(revised(3, worth(1)));
    await bed.decide(revised(4, worth(2)));
    expect(values()).toEqual([1, 2]);
    await bed.elapse(72 * HOUR_MS);
    expect(values()).toEqual([1, 2, 2]);
    expect(bed.holdings()).toMatchObject([{ kind: 'restate', outcome: 'delivered', revision: 4 }]);
  });

  it('is told again as an event where it was one', async () => {
    google.refuses = (nth) => (nth === 2 ? away : null);
    google.says = dropsOnly('r1');
    await bed.decide(revised(1, worth(1)));
    await bed.decide(revised(2, worth(2)));
    await bed.decide(revised(3, worth(1)));
    await bed.elapse(72 * HOUR_MS);
    expect(google.transactions).toEqual([[DELIVERY_ID], [DELIVERY_ID]]);
    expect(bed.holdings()).toMatchObject([
      { kind: 'event', outcome: 'delivered', revision: 3, eventRevision: 3 },
    ]);
  });

  describe('and is open when the platform tells', () => {
    beforeEach(async () => {
      google.says = dropsOnly('r2');
      await bed.decide(revised(1, worth(1)));
      await bed.decide(revised(2, worth(2)));
      await bed.elapse(30 * MINUTE_MS - 3_000);
      const until = bed.now + 4_000;
      google.refuses = () => (bed.now < until ? away : null);
    });

    it('waits for its end, and is no more than that says', async () => {
      await bed.decide(revised(3, worth(3)));
      await bed.elapse(4_000);
      expect(bed.waiting.map(({ kind }) => kind).toSorted()).toEqual(['dropped', 'retry']);
      await bed.elapse(72 * HOUR_MS);
      expect(values()).toEqual([1, 2, 3]);
      expect(bed.waiting).toEqual([]);
    });

    it('is told again once it was withdrawn', async () => {
      await bed.decide(revised(3, worth(1)));
      await bed.elapse(4_000);
      await bed.decide(revised(4, worth(2)));
      expect(values()).toEqual([1, 2]);
      await bed.elapse(72 * HOUR_MS);
      expect(values()).toEqual([1, 2, 2]);
      expect(bed.waiting).toEqual([]);
    });
  });
});

describe('a request with several deliveries', () => {
  const batch = otherSales(3);

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
    const [question] = questionsIn(bed);
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
    const [first = SALE] = batch;
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
    await expect(bed.decide(SALE)).rejects.toBeInstanceOf(DependencyFailure);
    bed.acknowledge = () => undefined;
    bed.restart();
    await bed.decide(SALE);
    google.says = (id) => (id === 'r1' ? said('FAILED', { EVENT_TOO_OLD: 1 }) : said('SUCCESS'));
    await bed.elapse(72 * HOUR_MS);
    expect(google.asked.map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
    expect(google.ingested).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 1 }]);
    expect(deadLetters()).toEqual([]);
  });

  it('before the answer is on record has the question put again, to the same end', async () => {
    google.says = () => said('FAILED', { INTERNAL_ERROR: 1 });
    await bed.decide(SALE);
    const question = waitingIn(bed, 'question');
    bed.acknowledge = (topic) => (topic === 'delivery.due.1s.v1' ? away() : undefined);
    await expect(bed.elapse(30 * MINUTE_MS)).rejects.toBeInstanceOf(DependencyFailure);
    bed.acknowledge = () => undefined;
    bed.restart();
    google.says = (id) => (id === 'r1' ? said('FAILED', { INTERNAL_ERROR: 1 }) : said('SUCCESS'));
    await bed.pop(question, conversionId);
    await bed.elapse(72 * HOUR_MS);
    expect(google.ingested).toHaveLength(2);
    expect(endsIn(bed)).toEqual(['delivered', 'platform_failing', 'delivered']);
  });

  it('after the dead letter and before the end leaves the same dead letter and one end', async () => {
    google.says = () => said('FAILED', { EVENT_TOO_OLD: 1 });
    await bed.decide(SALE);
    await bed.pop({ ...waitingIn(bed, 'question'), dueAt: bed.now }, conversionId);
    const dropped = waitingIn(bed, 'dropped');
    bed.acknowledge = (topic) => (topic === 'dead-letter.v1' ? away() : undefined);
    await expect(bed.pop(dropped, conversionId)).rejects.toBeInstanceOf(DependencyFailure);
    bed.acknowledge = () => undefined;
    bed.restart();
    await bed.elapse(72 * HOUR_MS);
    expect(endsIn(bed)).toEqual(['delivered', 'event_too_old']);
    const values = bed.written.filter(({ topic }) => topic === 'dead-letter.v1').map(({ value }) => value);
    expect(values).toHaveLength(2);
    expect(values[0]?.subarray(0, 42)).toEqual(values[1]?.subarray(0, 42));
  });

  it('or a consumer wound back sends nothing twice', async () => {
    google.says = (id) => (id === 'r1' ? said('FAILED', { INTERNAL_ERROR: 1 }) : said('SUCCESS'));
    await bed.decide(SALE);
    const question = waitingIn(bed, 'question');
    await bed.elapse(30 * MINUTE_MS);
    const dropped = bed.waiting.filter(({ kind }) => kind === 'dropped');
    await bed.elapse(HOUR_MS);
    const before = [google.ingested.length, endsIn(bed)];
    for (const isAnew of [false, true, true]) {
      if (isAnew) bed.restart();
      await bed.decide(SALE);
      for (const record of [question, ...dropped, question]) await bed.pop(record, conversionId);
      await bed.elapse(MINUTE_MS);
    }
    expect([google.ingested.length, endsIn(bed)]).toEqual(before);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered' }]);
  });

  it('of an instance that the group has not heard of writes nothing', async () => {
    await bed.decide(SALE);
    bed.isOwner = false;
    await expect(bed.elapse(30 * MINUTE_MS)).rejects.toBeInstanceOf(DependencyFailure);
    expect(questionsIn(bed)).toEqual([]);
  });
});

/** What becomes of a request: refused at once, lost, or accepted and then taken or dropped. */
const FATES = ['taken', 'taken', 'taken', 'dropped_for_now', 'dropped', 'away', 'lost', 'arrived'] as const;
type Fate = (typeof FATES)[number];

const LATER: Partial<Record<Fate, ReturnType<typeof said>>> = {
  dropped_for_now: said('FAILED', { INTERNAL_ERROR: 1 }),
  dropped: said('FAILED', { EVENT_TOO_OLD: 1 }),
};

type Turn =
  | { readonly kind: 'worth'; readonly units: number }
  | { readonly kind: 'rejected' | 'held' | 'restart' | 'rewind' }
  | { readonly kind: 'elapse'; readonly ms: number };

const turns = fc.array(
  fc.oneof<fc.WeightedArbitrary<Turn>[]>(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('worth'), units: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('rejected', 'held') }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('elapse'), ms: fc.integer({ min: 1, max: 2 * HOUR_MS }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart', 'rewind') }) },
  ),
  { maxLength: 10 },
);

function changesOf(turn: Turn): Partial<ConversionDecided> {
  return turn.kind === 'worth'
    ? { revenueMicros: BigInt(turn.units) * 1_000_000n }
    : { state: turn.kind === 'held' ? 'held' : 'rejected' };
}

it('over any history of revisions, late answers and crashes the platform holds what it should, or is listed as wrong', async () => {
  await fc.assert(
    fc.asyncProperty(
      turns,
      fc.array(fc.constantFrom(...FATES), { maxLength: 12 }),
      async (history, fates) => {
        ({ bed, google } = await bedWithGoogle());
        let looks = 0;
        // Nothing here shares a request: each look at the clock is late enough for it to go.
        bed.laneNow = () => {
          looks += 1;
          return bed.now + looks * 200;
        };
        /** By transaction id. */
        const held = new Map<string, number>();
        /** By the platform's request id. */
        const fateOf = new Map<string, Fate>();
        let sent = 0;
        bed.exchange = async (request) => {
          if (!request.url.endsWith('events:ingest')) return google.answer(request);
          const fate = fates[sent] ?? 'taken';
          sent += 1;
          const [event] = JSON.parse(request.body ?? '').events;
          if (fate === 'taken' || fate === 'arrived') held.set(event.transactionId, event.conversionValue);
          if (fate === 'away') return answered(503);
          if (fate === 'lost' || fate === 'arrived') return { ok: false, error: 'timeout' };
          const answer = await google.answer(request);
          fateOf.set(`r${google.ingested.length}`, fate);
          return answer;
        };
        google.says = (id) => LATER[fateOf.get(id) ?? 'taken'] ?? said('SUCCESS');
        const revisions: ConversionDecided[] = [];
        for (const turn of history) {
          if (turn.kind === 'elapse') await bed.elapse(turn.ms);
          else if (turn.kind === 'restart') bed.restart();
          else if (turn.kind === 'rewind') for (const one of revisions.slice(-3)) await bed.decide(one);
          else {
            const revision = revisions.length + 1;
            const next = revised(revision, changesOf(turn));
            revisions.push(next);
            await bed.decide(next);
          }
        }
        await bed.elapse(72 * HOUR_MS);
        expect(bed.waiting).toEqual([]);
        expect(held.size).toBeLessThan(2);
        const [holding] = bed.holdings();
        const last = revisions.at(-1);
        const isListed = holding?.outcome === 'refused' || holding?.outcome === 'dead';
        if (isListed || last === undefined || last.state === 'held') return;
        const [value = 0] = held.values();
        expect(value).toBe(last.state === 'rejected' ? 0 : Number(last.revenueMicros) / 1_000_000);
      },
    ),
    {
      numRuns: 150,
      examples: [
        [
          [1, 2, 1, 2].map((units) => ({ kind: 'worth' as const, units })),
          ['taken', 'dropped_for_now', 'away'],
        ],
        // The older of two drops in turn bears only once the younger has been withdrawn.
        [
          [
            { kind: 'worth', units: 1 },
            { kind: 'rejected' },
            { kind: 'worth', units: 1 },
            { kind: 'elapse', ms: 30 * MINUTE_MS },
            { kind: 'rejected' },
          ],
          ['taken', 'dropped_for_now', 'dropped_for_now'],
        ],
      ],
    },
  );
});
