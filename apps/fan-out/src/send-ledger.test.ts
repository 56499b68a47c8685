/** The ledger: the later of what ClickHouse shows and what this instance has done, and nothing forgotten too early. */
import { type StoredHolding, StoredOffsets } from '@tributary/store';
import { aDecision } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { SendLedger, type Standing, UNRECORDED } from './send-ledger.ts';

const TOPIC = 'delivery.attempted.v1';
const decided = aDecision();
const { conversionId } = decided;
let stored: StoredHolding[];
let newest: number;
let committed: number;
let end: number;
let ledger: SendLedger;
/** Topics whose first record ClickHouse could not decode. */
let open: Set<string>;
/** When the store answers. */
let answering: Promise<void>;

beforeEach(() => {
  stored = [];
  newest = 0;
  committed = 0;
  end = 0;
  answering = Promise.resolve();
  open = new Set();
  const offsets = new StoredOffsets(
    {
      endOffsets: async () => new Map([[0, end]]),
      committedOffsets: async () => new Map([[0, committed]]),
    },
    'tributary',
    { firstOpen: async (topic) => new Map(open.has(topic) ? [[0, 0]] : []) },
  );
  ledger = new SendLedger(
    {
      holdingsOf: async (ids) => {
        const seen = stored.filter((each) => ids.includes(each.conversionId));
        await answering;
        return seen;
      },
      newestRevisions: async (ids) => {
        await answering;
        return new Map(ids.map((id) => [id, newest]));
      },
      decidedRevision: async (id, revision) => (id === conversionId && revision === 1 ? decided : undefined),
    },
    offsets,
  );
});

function standing(
  attempt: number,
  phase: Standing['phase'],
  outcome: Standing['outcome'] = null,
  holdingId = 'h',
): Standing {
  return {
    holdingId,
    conversionId,
    destinationId: 'partner',
    event: 'sale',
    deliveryId: holdingId,
    kind: 'event',
    revision: 1,
    attempt,
    tries: attempt,
    phase,
    outcome,
    told: { amounts: { revenue: null, payout: null }, state: 'payable' },
    held: null,
    mayHaveArrived: false,
    repeatedFor: 0,
    eventRevision: null,
    nextAttemptAt: null,
    ...UNRECORDED,
    heldBy: null,
  };
}

const at = (offset: number) => ({ topic: TOPIC, partition: 0, offset }) as const;
const found = async () =>
  (await ledger.withHoldings([conversionId], 'new', async (standings) => standings)).get(conversionId) ?? [];

describe('a standing', () => {
  it.each<[string, Standing | null, Standing | null, 'own' | 'stored' | 'none']>([
    ['never attempted', null, null, 'none'],
    ['known to the store', null, standing(1, 'ended', 'delivered'), 'stored'],
    ['known to us', standing(1, 'intended'), null, 'own'],
    ['ended here, intended there', standing(1, 'ended', 'retry'), standing(1, 'intended'), 'own'],
    ['intended here, ended there', standing(1, 'intended'), standing(1, 'ended', 'retry'), 'stored'],
    ['a later attempt here', standing(2, 'intended'), standing(1, 'ended', 'retry'), 'own'],
    ['a later attempt there', standing(1, 'ended', 'retry'), standing(2, 'intended'), 'stored'],
    [
      'the same in both: the log’s first',
      standing(1, 'ended', 'retry'),
      standing(1, 'ended', 'delivered'),
      'stored',
    ],
  ])('%s', async (_name, own, inStore, expected) => {
    if (own) ledger.note(own, at(0));
    if (inStore) stored = [inStore];
    expect(await found()).toEqual(expected === 'none' ? [] : [expected === 'own' ? own : inStore]);
  });

  it('of each event of a conversion is found, and of no other conversion', async () => {
    ledger.note(standing(1, 'intended', null, 'other'), at(0));
    ledger.note({ ...standing(1, 'intended', null, 'foreign'), conversionId: 'elsewhere' }, at(1));
    stored = [standing(1, 'ended', 'delivered')];
    expect((await found()).map(({ holdingId }) => holdingId)).toEqual(['h', 'other']);
  });

  it('of before it was kept what was told is what its revision says', async () => {
    stored = [{ ...standing(1, 'ended', 'delivered'), told: null }];
    expect((await found())[0]?.told).toMatchObject({
      amounts: { revenue: { micros: 49_900_000n, currency: 'EUR' } },
      state: 'payable',
    });
    stored = [{ ...standing(1, 'ended', 'delivered'), told: null, revision: 2 }];
    await expect(found()).rejects.toMatchObject({ code: 'clickhouse_behind' });
  });
});

describe('the newest revision', () => {
  const newestOf = async () => (await ledger.newestRevisions([conversionId])).get(conversionId);

  it('is the later of what came here and what the store shows', async () => {
    expect(await newestOf()).toBe(0);
    ledger.noteDecided({ ...decided, revision: 3 }, { ...at(5), topic: 'conversion.decided.v1' });
    ledger.noteDecided({ ...decided, revision: 2 }, { ...at(6), topic: 'conversion.decided.v1' });
    newest = 2;
    expect(await newestOf()).toBe(3);
    newest = 4;
    expect(await newestOf()).toBe(4);
  });
});

describe('room', () => {
  const { signal } = new AbortController();

  function fill(): void {
    for (let nth = 0; nth < 200_000; nth++)
      ledger.note(standing(1, 'ended', 'delivered', `h${nth}`), { topic: TOPIC, partition: 0, offset: nth });
  }

  it('is there until the store has shown nothing for long', async () => {
    await ledger.room(signal);
    fill();
    await expect(ledger.room(signal)).rejects.toMatchObject({ code: 'clickhouse_behind' });
  }, 20_000);

  it('is waited for, and there as soon as the store shows some of it', async () => {
    fill();
    const waiting = ledger.room(signal);
    committed = 200_000;
    await ledger.evict();
    await waiting;
  });

  it('is waited for by nobody who stops', async () => {
    fill();
    const stopping = new AbortController();
    const waiting = ledger.room(stopping.signal);
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('forgetting', () => {
  it('waits until the store shows the record', async () => {
    ledger.note(standing(1, 'intended'), at(5));
    committed = 5;
    await ledger.evict();
    expect(await found()).toHaveLength(1);
    committed = 6;
    await ledger.evict();
    expect(await found()).toHaveLength(0);
  });

  it.each([
    [
      'a holding',
      () => ledger.note(standing(2, 'intended'), at(5)),
      async () => (await found()).map(({ attempt }) => attempt),
      [2],
    ],
    [
      'the newest revision',
      () => ledger.noteDecided({ ...decided, revision: 3 }, { ...at(5), topic: 'conversion.decided.v1' }),
      async () => (await ledger.newestRevisions([conversionId])).get(conversionId),
      3,
    ],
  ])('waits for answers of the store that may be older: %s', async (_name, note, read, expected) => {
    note();
    stored = [standing(1, 'ended', 'retry')];
    const answer = Promise.withResolvers<void>();
    answering = answer.promise;
    const reading = read();
    committed = 6;
    const evicting = ledger.evict();
    await new Promise((resolve) => setTimeout(resolve, 5));
    answer.resolve();
    await evicting;
    expect(await reading).toEqual(expected);
    stored = [];
    expect(await found()).toEqual([]);
  });

  it('begins although a decision is not decoded, which is set aside by whoever has begun', async () => {
    end = 6;
    committed = 6;
    open = new Set(['conversion.decided.v1']);
    await ledger.begin();
    open = new Set([TOPIC]);
    const outcome = await Promise.race([
      ledger.begin().then(() => 'begun'),
      new Promise((resolve) => setTimeout(resolve, 300, 'waits')),
    ]);
    open = new Set();
    expect(outcome).toBe('waits');
  });

  it('begins empty, once the store shows everything in the log', async () => {
    ledger.note(standing(1, 'intended'), at(5));
    end = 6;
    const begun = ledger.begin();
    setTimeout(() => {
      committed = 6;
    }, 20);
    await begun;
    expect(committed).toBe(6);
    expect(await found()).toHaveLength(0);
  });
});
