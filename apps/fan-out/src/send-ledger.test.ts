/** The ledger: the later of what ClickHouse shows and what this instance has done, and nothing forgotten too early. */
import { type StoredDelivery, StoredOffsets } from '@tributary/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { SendLedger, type Standing } from './send-ledger.ts';

const TOPIC = 'delivery.attempted.v1';
let stored: StoredDelivery[];
let committed: number;
let end: number;
let ledger: SendLedger;

beforeEach(() => {
  stored = [];
  committed = 0;
  end = 0;
  const offsets = new StoredOffsets(
    {
      endOffsets: async () => new Map([[0, end]]),
      committedOffsets: async () => new Map([[0, committed]]),
    },
    'tributary',
  );
  ledger = new SendLedger(
    { deliveriesById: async (ids) => stored.filter(({ deliveryId }) => ids.includes(deliveryId)) },
    offsets,
  );
});

function standing(attempt: number, phase: Standing['phase'], outcome: string | null = null): Standing {
  return { attempt, phase, outcome, nextAttemptAt: null, revision: 1 };
}

const at = (offset: number) => ({ topic: TOPIC, partition: 0, offset }) as const;
const asStored = (one: Standing): StoredDelivery => ({ ...one, deliveryId: 'd' });

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
    if (own) ledger.note('d', own, at(0));
    if (inStore) stored = [asStored(inStore)];
    const found = (await ledger.standings(['d'])).get('d');
    if (expected === 'none') expect(found).toBeUndefined();
    else expect(found).toMatchObject({ ...(expected === 'own' ? own : inStore) });
  });

  it('is given for those asked for only', async () => {
    ledger.note('other', standing(1, 'intended'), at(0));
    expect([...(await ledger.standings(['d', 'e'])).keys()]).toEqual([]);
  });
});

describe('forgetting', () => {
  it('waits until the store shows the record', async () => {
    ledger.note('d', standing(1, 'intended'), at(5));
    committed = 5;
    await ledger.evict();
    expect((await ledger.standings(['d'])).size).toBe(1);
    committed = 6;
    await ledger.evict();
    expect((await ledger.standings(['d'])).size).toBe(0);
  });

  it('begins empty, once the store shows everything in the log', async () => {
    ledger.note('d', standing(1, 'intended'), at(5));
    end = 6;
    const begun = ledger.begin();
    setTimeout(() => {
      committed = 6;
    }, 20);
    await begun;
    expect(committed).toBe(6);
    expect((await ledger.standings(['d'])).size).toBe(0);
  });
});
