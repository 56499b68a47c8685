/** Ten times of generated traffic through a real attribution, with late clicks, orders and changing owners: the same rules decide every byte again. */
import { partitionOf } from '@tributary/bus';
import { aChange, ConfigurationFollower } from '@tributary/configuration';
import type { AttributionCommanded, ClickRecorded, PostbackReceived } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import type { LanePart, PlacedPostback } from '@tributary/store';
import { aClick, aCommand, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AttributionBed, NOW, PARTITION } from '../attribution-bed.fixture.ts';
import { reattribute } from './reattribution.ts';
import { rulesByVersion } from './rules-by-version.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const ROUNDS = 36;
const TOPIC = 'postback.received.v1' as const;
const HOUR_MS = 3_600_000;
/** A lane of the partition that the bed knows. */
const LANE =
  Array.from({ length: 200 }, (_, n) => `lane-${n}`).find((lane) => partitionOf(TOPIC, lane) === PARTITION) ??
  '';

const PAYOUTS = [
  ...['sale', 'renewal'].map((eventType) => ({ kind: 'percent', eventType, percent: '12.5' })),
  ...['lead', 'trial_start'].map((eventType) => ({
    kind: 'fixed',
    eventType,
    amount: '3',
    currency: 'EUR',
  })),
];
const few = (count: number) => ({ caps: [{ id: 'few', period: 'total', count }] });
const OFFERS = [
  { id: 'capped', ...few(5) },
  { id: 'plain' },
  {
    id: 'conditional',
    conditions: [{ eventType: 'trial_start', until: 'activation_completed', withinMs: 40_000 }],
    abuse: { velocity: { conversions: 2, withinMs: HOUR_MS, action: 'hold' } },
  },
];
/** By round: what becomes of offers meanwhile. From the first on all touches of a person are looked for, which they were not. */
const CHANGES = new Map([
  [ROUNDS / 3, { id: 'plain', model: 'linear', matchesHashedIdentity: true }],
  [ROUNDS / 2, { id: 'capped', ...few(9) }],
]);
const EVENT_TYPES = ['sale', 'lead', 'renewal', 'trial_start', 'activation_completed', 'refund'];

let bed: AttributionBed;

beforeEach(async () => {
  bed = new AttributionBed();
  versions.clear();
  await bed.start();
  await bed.changes.append(
    aChange('source', {
      id: 'acme-backend',
      advertiserId: 'acme',
      name: 'Backend',
      lane: LANE,
      tokenHashes: ['0'.repeat(64)],
    }),
  );
  for (const offer of OFFERS) await configure(offer);
});

afterEach(() => bed.stop());

const versions = new Map<string, number>();

async function configure(offer: { readonly id: string }): Promise<void> {
  const document = { ...offer, advertiserId: 'acme', name: offer.id, payouts: PAYOUTS };
  const change = aChange('offer', document, {
    expectedVersion: versions.get(offer.id) ?? -1,
    recordedAt: Date.now(),
  });
  versions.set(offer.id, await bed.changes.append(change));
}

/** Traffic that a seed names for ever. */
class Traffic {
  readonly postbacks: PostbackReceived[] = [];
  readonly #random: () => number;
  readonly #clicks: ClickRecorded[] = [];
  /** Recorded, and not yet to be seen. */
  readonly #hidden: ClickRecorded[] = [];
  #orders = 0;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  async run(): Promise<void> {
    await this.#takeOver(0);
    for (let round = 0; round < ROUNDS; round += 1) {
      const changed = CHANGES.get(round);
      if (changed !== undefined) await configure(changed);
      for (let n = this.#below(3); n > 0; n -= 1) this.#recordClick();
      if (this.#random() < 0.6) this.#showClicks(this.#below(4));
      await this.#decide(1 + this.#below(4));
      if (this.#random() < 0.5) bed.log.show();
      await bed.pass(this.#random() < 0.1 ? 45_000 : this.#below(1_200));
      if (this.#random() < 0.15) await this.#order();
      if (this.#random() < 0.05) await this.#takeOver(this.#below(3));
    }
    this.#showClicks(this.#hidden.length);
    await bed.pass(10_000);
    bed.log.show();
    await bed.pass(200_000);
    bed.log.show();
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #one<V>(of: readonly V[]): V | undefined {
    return of[this.#below(of.length)];
  }

  #recordClick(): void {
    const receivedAt = Date.now();
    const person = this.#below(6);
    const click = aClick({
      clickId: `019b7c0a-1c88-7000-8000-${String(this.#below(1e9)).padStart(12, '0')}`,
      offerId: this.#one(OFFERS)?.id ?? '',
      partnerId: `partner-${this.#below(3)}`,
      customerId: this.#random() < 0.3 ? `customer-${person}` : null,
      subjectHashes: this.#random() < 0.2 ? { emailPlain: hashOf(person) } : {},
      clickedAt: receivedAt - this.#below(HOUR_MS),
      receivedAt,
      isTest: this.#random() < 0.05,
    });
    this.#clicks.push(click);
    this.#hidden.push(click);
    bed.log.clicksEnd += 1;
  }

  #showClicks(count: number): void {
    for (const click of this.#hidden.splice(0, count)) {
      bed.log.clicks.set(click.clickId, click);
      bed.log.clicksStored += 1;
    }
  }

  async #decide(count: number): Promise<void> {
    const offset = this.postbacks.length;
    const batch = Array.from({ length: count }, (_, index) => this.#postback(offset + index));
    this.postbacks.push(...batch);
    bed.log.received = this.postbacks.length;
    await bed.decideBy(bed.attribution, batch, { offset });
  }

  #postback(n: number): PostbackReceived {
    const receivedAt = Date.now();
    const eventType = this.#one(EVENT_TYPES) ?? '';
    const person = this.#below(6);
    const earlier = this.#one(this.postbacks);
    const isAgain = eventType === 'refund' || this.#random() < 0.15;
    const isWithoutClick = eventType === 'refund' || this.#random() < 0.35;
    return aPostback({
      receiptId: `019b7c40-0000-7000-8000-${String(n).padStart(12, '0')}`,
      lane: LANE,
      eventType,
      receivedAt,
      occurredAt: receivedAt - this.#below(5_000),
      transactionId: (isAgain ? earlier?.transactionId : undefined) ?? `order-${n}`,
      reversalId: eventType === 'refund' ? `reversal-${n}` : null,
      clickId: isWithoutClick ? null : (this.#one(this.#clicks.slice(-6))?.clickId ?? null),
      customerId: this.#random() < 0.6 ? `customer-${person}` : null,
      subjectHashes: this.#random() < 0.2 ? { emailPlain: hashOf(person) } : {},
      revenueMicros: BigInt(1_000_000 + this.#below(50_000_000)),
      configurationVersion: 0,
      isTest: this.#random() < 0.05,
    });
  }

  /** Orders come one by one or several at once, some of them void by now. */
  async #order(): Promise<void> {
    const events = Array.from({ length: 1 + this.#below(3) }, (): AttributionCommanded => {
      const decided = this.#one(bed.log.decided);
      this.#orders += 1;
      return aCommand({
        lane: LANE,
        conversionId: decided?.conversionId ?? null,
        command: this.#one(['reattribute', 'release', 'approve', 'reject']) ?? '',
        model: this.#random() < 0.5 ? 'first_click' : null,
        expectedRevision: this.#random() < 0.3 ? (decided?.revision ?? null) : null,
        reasonCode: `order_${this.#orders}`,
        isTest: decided?.isTest ?? false,
      });
    });
    await bed.execute(events);
  }

  /** Another owner, to which some that are decided are given again. */
  async #takeOver(again: number): Promise<void> {
    const stopped = bed.attribution.stop();
    await bed.pass(2_000);
    await stopped;
    bed.log.show();
    bed.committed = Math.max(0, this.postbacks.length - again);
    const owner = bed.restart();
    const assigned = owner.assigned([{ topic: TOPIC, partition: PARTITION }]);
    await bed.pass(1_000);
    await assigned;
    owner.start();
    const { committed: offset } = bed;
    if (offset < this.postbacks.length) await bed.decideBy(owner, this.postbacks.slice(offset), { offset });
  }
}

function hashOf(person: number): string {
  return person.toString(16).padStart(64, '0');
}

/** Numbers from 0 to 1 that are the same for a seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** ClickHouse as the run reads it. */
function storeOf(postbacks: readonly PostbackReceived[]) {
  return {
    lanes: async () => [{ lane: LANE, partition: PARTITION, firstOffset: 0 }],
    async *postbacks(_part: LanePart): AsyncGenerator<readonly PlacedPostback[]> {
      yield postbacks.map((postback, offset) => ({ postback, position: { partition: PARTITION, offset } }));
    },
    revisions: async () => bed.log.decided,
    before: async () => [],
    counters: async () => attribution.NO_COUNTERS,
    insert: async () => undefined,
  };
}

it.each(SEEDS)('seed %i', { timeout: 60_000 }, async (seed) => {
  const traffic = new Traffic(seed);
  await traffic.run();
  const follower = new ConfigurationFollower(bed.changes);
  await follower.start();
  const summary = await reattribute({
    store: storeOf(traffic.postbacks),
    facts: bed.log.store,
    inForce: rulesByVersion(follower.current),
    other: null,
    period: { from: NOW - HOUR_MS, to: NOW + HOUR_MS },
    decidedUntil: new Map([[PARTITION, traffic.postbacks.length]]),
    runId: '019b7d00-0000-7000-8000-000000000004',
    configurationVersion: 1,
    asOf: Date.now(),
  });
  await follower.stop();
  const triggers = new Set(bed.log.decided.map(({ triggerKind }) => triggerKind));
  expect([...triggers]).toEqual(expect.arrayContaining(['postback', 'late_click', 'deadline', 'command']));
  expect(summary.conversions).toBeGreaterThan(50);
  expect(summary).toMatchObject({ byteEqual: summary.conversions, notReplayed: 0, changed: 0 });
});
