/** Joined questions: each gets what it asked for, nobody an answer to a question of before, and all an outage. */
import { attribution } from '@tributary/domain';
import { aDecision } from '@tributary/testing';
import { beforeEach, expect, it } from 'vitest';
import type { StoredFacts } from './facts-store.ts';
import { SharedLoads } from './shared-loads.ts';

const NOTHING: StoredFacts = { judgements: [], conversions: [], clicks: [], capUses: [], tierUses: [] };

let asked: { keys: attribution.Keys; answer: (facts: StoredFacts) => void; fail: (error: Error) => void }[];
let loads: SharedLoads;

beforeEach(() => {
  asked = [];
  loads = new SharedLoads({
    load: (keys) =>
      new Promise((answer, fail) => {
        asked.push({ keys, answer, fail });
      }),
  });
});

function keys(changes: Partial<Record<attribution.KeyKind, readonly string[]>>): attribution.Keys {
  const all = attribution.KEY_KINDS.map((kind) => [kind, new Set(changes[kind])]);
  return Object.fromEntries(all) as attribution.Keys;
}

const click = (changes: Partial<attribution.CandidateClick>) =>
  ({
    clickId: 'click',
    advertiserId: 'acme',
    isTest: false,
    customerId: null,
    subjectHashes: {},
    ...changes,
  }) as attribution.CandidateClick;

/** Two questions are under way, so the next ones wait for each other. */
async function joinedAfterTwo(...questions: readonly attribution.Keys[]) {
  const before = [loads.load(keys({ click: ['a'] })), loads.load(keys({ click: ['b'] }))];
  const joined = questions.map((each) => loads.load(each));
  expect(asked).toHaveLength(2);
  asked[0]?.answer(NOTHING);
  await before[0];
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toHaveLength(3);
  return joined;
}

it('asks at once, and while two questions are under way joins all that come', async () => {
  await joinedAfterTwo(
    keys({ click: ['c'], conversion: ['x'] }),
    keys({ click: ['c', 'd'], receipt: ['r'] }),
  );
  expect(asked[2]?.keys).toEqual(keys({ click: ['c', 'd'], conversion: ['x'], receipt: ['r'] }));
});

const SUBJECT = { emailPlain: 'hash' };
const SCOPE = { advertiserId: 'acme', lane: 'acme', isTest: false };

it.each<[string, attribution.Keys, Partial<StoredFacts>]>([
  [
    'a verdict by receipt',
    keys({ receipt: ['r'] }),
    {
      judgements: [
        {
          receiptId: 'r',
          verdict: 'counted',
          reasonCode: null,
          conversionId: null,
          revision: null,
          place: { partition: 0, offset: 1 },
        },
      ],
    },
  ],
  [
    'a conversion by id',
    keys({ conversion: ['x'] }),
    { conversions: [aDecision({ conversionId: 'x', transactionId: null, reportedClickId: null })] },
  ],
  [
    'one by its transaction',
    keys({ transaction: [attribution.transactionKey(SCOPE, 't')] }),
    { conversions: [aDecision({ transactionId: 't' })] },
  ],
  [
    'a reversal by the transaction it takes back',
    keys({ transaction: [attribution.transactionKey(SCOPE, 'original')] }),
    { conversions: [aDecision({ transactionId: 'own', reversedTransactionId: 'original' })] },
  ],
  [
    'one by its customer',
    keys({ customer: [attribution.customerKey(SCOPE, 'c')] }),
    { conversions: [aDecision({ customerId: 'c' })] },
  ],
  [
    'one by the click it names',
    keys({ clickNamed: ['named'] }),
    { conversions: [aDecision({ reportedClickId: 'named' })] },
  ],
  [
    'one by a person',
    keys({ subject: attribution.subjectKeys(SCOPE, SUBJECT) }),
    { conversions: [aDecision({ subjectHashes: SUBJECT })] },
  ],
  ['a click by id', keys({ click: ['click'] }), { clicks: [click({})] }],
  [
    'one by its customer',
    keys({ clicksOfCustomer: [attribution.clickCustomerKey(SCOPE, 'c')] }),
    { clicks: [click({ customerId: 'c' })] },
  ],
  [
    'one by a person',
    keys({ clicksOfSubject: attribution.clickSubjectKeys(SCOPE, SUBJECT) }),
    { clicks: [click({ subjectHashes: SUBJECT })] },
  ],
  [
    'the counter of a cap',
    keys({ capUse: ['5:lane:cap'] }),
    { capUses: [{ key: 'lane:cap', periodStart: 5, use: { count: 1, payoutMicros: 2n } }] },
  ],
  [
    'the counter of tiers',
    keys({ tierUse: ['5:tier'] }),
    { tierUses: [{ key: 'tier', periodStart: 5, use: { end: 3, gaps: [] } }] },
  ],
])('gives %s to who asked for it and to nobody else', async (_name, question, found) => {
  const [mine, anothers] = await joinedAfterTwo(question, keys({ click: ['another'] }));
  asked[2]?.answer({ ...NOTHING, ...found });
  expect(await mine).toEqual({ ...NOTHING, ...found });
  expect(await anothers).toEqual(NOTHING);
});

it('gives what was decided before there was a ledger to all, as it does not tell its keys', async () => {
  const { ledger } = aDecision();
  const old = aDecision({ reportedClickId: null, ledger: { ...ledger, firstOffset: null } });
  const joined = await joinedAfterTwo(keys({ clickNamed: ['named'] }), keys({ click: ['another'] }));
  asked[2]?.answer({ ...NOTHING, conversions: [old] });
  for (const each of joined) expect(await each).toMatchObject({ conversions: [old] });
});

it('tells an outage to all that were joined, and then goes on', async () => {
  const joined = await joinedAfterTwo(keys({ click: ['c'] }), keys({ click: ['d'] }));
  asked[2]?.fail(new Error('away'));
  for (const each of await Promise.allSettled(joined)) expect(each).toMatchObject({ status: 'rejected' });
  const next = loads.load(keys({ click: ['e'] }));
  asked[3]?.answer(NOTHING);
  expect(await next).toEqual(NOTHING);
});
