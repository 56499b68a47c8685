/** A log from a seed: clicks and postbacks of invented people, with the duplicates, delays, refunds and mistakes of real senders. */
import { createHash } from 'node:crypto';
import type { ClickRecorded, PostbackReceived } from '@tributary/contracts';
import { aClick, aPostback } from '@tributary/testing';
import { randomFrom } from '../faults/random.ts';
import {
  LOG_LASTS_MS,
  LONG_WAIT_MS,
  PROGRAMMES,
  type Programme,
  SHORT_WAIT_MS,
  type Story,
  sourcesOf,
  storiesOf,
  TERMS_CHANGE_EVERY_MS,
} from './programme.ts';
import { TimeQueue } from './time-queue.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** As many as postback.received has; a lane lies in one. */
const PARTITIONS = 12;
/** Measured over all stories; it only decides how dense the log is. */
const POSTBACKS_PER_STORY = 1.9;

interface Place {
  readonly partition: number;
  readonly offset: number;
}

type Unplaced =
  | {
      readonly kind: 'click';
      readonly click: ClickRecorded;
      /** A conversion waits for it when it comes, and its wait is a long one. */
      readonly isAwaited: boolean;
    }
  | { readonly kind: 'postback'; readonly postback: PostbackReceived };

/** A record at its place; records come in the order of receivedAt. */
export type Recorded = Unplaced & Place;

const NO_VALUES = { revenueMicros: null, currency: null, taxMicros: null, shippingMicros: null } as const;

type ClickChanges = Partial<ClickRecorded> & { readonly clickedAt: number };
type PostbackChanges = Partial<PostbackReceived> & { readonly occurredAt: number };

export interface LogOptions {
  readonly postbacks: number;
  readonly seed: number;
  /** When the first story begins. */
  readonly startsAt: number;
}

/** The log of `postbacks` postbacks; the same for the same options. Only what is still to come of open stories is in memory. */
export function* generateLog({ postbacks, seed, startsAt: begin }: LogOptions): Generator<Recorded> {
  const teller = new Teller(seed, begin);
  const places = new Places();
  const step = LOG_LASTS_MS / (postbacks / POSTBACKS_PER_STORY);
  let left = postbacks;
  for (let story = 0; left > 0; story += 1) {
    const startsAt = Math.floor(begin + story * step);
    while (left > 0 && (teller.queue.nextAt ?? Number.POSITIVE_INFINITY) <= startsAt) {
      const next = teller.queue.pop() as Unplaced;
      if (next.kind === 'postback') left -= 1;
      yield places.placed(next);
    }
    teller.tell(startsAt);
  }
}

/** Offsets as Kafka would give them, were there no other writers. */
class Places {
  readonly #next = new Map<string, number>();

  placed(record: Unplaced): Recorded {
    const key = record.kind === 'click' ? record.click.clickId : record.postback.lane;
    const partition = partitionOf(key);
    const counter = `${record.kind}:${partition}`;
    const offset = this.#next.get(counter) ?? 0;
    this.#next.set(counter, offset + 1);
    return { ...record, partition, offset };
  }
}

function partitionOf(key: string): number {
  let hash = 0;
  for (let place = 0; place < key.length; place += 1)
    hash = (Math.imul(hash, 31) + key.charCodeAt(place)) >>> 0;
  return hash % PARTITIONS;
}

class Teller {
  readonly queue = new TimeQueue<Unplaced>();
  readonly #random: () => number;
  readonly #beginsAt: number;
  #count = 0;
  #programme: Programme = PROGRAMMES[0] as Programme;

  constructor(seed: number, beginsAt: number) {
    this.#random = randomFrom(seed);
    this.#beginsAt = beginsAt;
  }

  /** Puts all records of one story, which begins at `at`, into the queue. */
  tell(at: number): void {
    this.#count += 1;
    this.#programme = this.#one(PROGRAMMES);
    this.#stories[this.#weighted(storiesOf(this.#programme))](at);
  }

  readonly #stories: Readonly<Record<Story, (at: number) => void>> = {
    order: (at) => {
      const clickId = this.#click({ clickedAt: at });
      this.#postback({
        ...this.#order(clickId, this.#after(at)),
        customerId: this.#maybe(0.7, this.#name('c')),
      });
    },

    lead: (at) => {
      const clickId = this.#click({ clickedAt: at });
      const eventType = this.#one(['lead', 'lead', 'install', 'quote']);
      // The windows of an install and of a lead, to the millisecond.
      const edge = this.#one([MINUTE, 2 * DAY, DAY]) + this.#between(-1, 1);
      const lead = this.#fact({
        eventType,
        clickId,
        occurredAt: this.#chance(0.3) ? at + edge : this.#after(at),
        customerId: this.#maybe(0.5, this.#name('c')),
      });
      this.#postback(lead);
      if (this.#chance(0.3)) this.#again(lead, { occurredAt: lead.occurredAt + this.#between(1, HOUR) });
    },

    /** Renewals rarely carry a click id. */
    subscription: (at) => {
      const clickId = this.#click({ clickedAt: at });
      const customerId = this.#name('c');
      const startedAt = this.#after(at);
      const price = this.#money();
      this.#postback({
        ...this.#order(clickId, startedAt),
        eventType: 'subscription_started',
        customerId,
        revenueMicros: price,
      });
      const renewals = this.#between(1, 4);
      for (let month = 1; month <= renewals; month += 1) {
        const renewal = this.#order(this.#chance(0.1) ? clickId : null, startedAt + month * 5 * DAY);
        this.#postback({ ...renewal, eventType: 'renewal', customerId, revenueMicros: price });
      }
      // One that overtakes the start of its subscription.
      if (this.#chance(0.1))
        this.#postback({
          ...this.#order(null, startedAt + 5, startedAt - SECOND),
          eventType: 'renewal',
          customerId,
        });
    },

    /** Several clicks and orders of one customer; some orders name a click that nobody recorded. */
    repeat_customer: (at) => {
      const customerId = this.#name('c');
      const clicks = Array.from({ length: this.#between(1, 3) }, (_, turn) =>
        this.#click({ clickedAt: at + turn * this.#between(1, 60) * HOUR + turn }),
      );
      const orders = this.#between(2, 5);
      for (let order = 0; order < orders; order += 1) {
        const named = this.#one([...clicks, null, null, null, this.#id(at)]);
        const boughtAt = at + this.#between(1, 10 * 24) * HOUR;
        this.#postback({ ...this.#order(named, boughtAt), customerId: this.#maybe(0.95, customerId) });
      }
    },

    /** The shop reports the first purchase, the network the sale: one order. */
    two_sources: (at) => {
      const clickId = this.#click({ clickedAt: at });
      const order = {
        ...this.#order(clickId, this.#after(at)),
        customerId: this.#maybe(0.6, this.#name('c')),
      };
      const skew = this.#programme.agreesOnTimes === true ? 0 : this.#between(-60, 60) * SECOND;
      const [shop, network] = sourcesOf(this.#programme.advertiserId);
      this.#postback({ ...order, sourceId: shop, eventType: 'first_purchase' });
      const other = this.#one<Partial<PostbackReceived>>([
        {},
        {},
        { customerId: null },
        { clickId: null },
        NO_VALUES,
        { revenueMicros: this.#money() },
      ]);
      this.#again(order, {
        ...other,
        sourceId: network,
        eventType: 'sale',
        occurredAt: order.occurredAt - skew,
      });
    },

    reversals: (at) => this.#tellReversals(at),

    late_click: (at) => {
      const clickedAt = at;
      const occurredAt = at + this.#between(2, 600) * SECOND;
      const waits = this.#programme.parkedForMs === LONG_WAIT_MS ? 20 * DAY : 2 * HOUR;
      // Now and then at the very end of a short wait.
      const arrivesAfter = this.#chance(0.15)
        ? SHORT_WAIT_MS + this.#between(-1, 1)
        : this.#between(1, waits / SECOND) * SECOND;
      const order = this.#order(null, occurredAt);
      const receivedAt = order.receivedAt ?? occurredAt;
      const luck = this.#random();
      const lateClick = { clickedAt, receivedAt: receivedAt + arrivesAfter };
      // Of a foreign click it matters whether it was visible; where the wait is short all clicks may come first.
      const isForeign = luck < 0.1 && this.#programme.parkedForMs === LONG_WAIT_MS;
      const clickId =
        luck > 0.8
          ? this.#id(clickedAt)
          : this.#click(isForeign ? { ...lateClick, ...this.#stranger() } : lateClick);
      const customerId = this.#maybe(0.4, this.#name('c'));
      this.#postback({ ...order, clickId, customerId });
      if (customerId !== null && this.#chance(0.4))
        this.#postback({ ...this.#order(null, occurredAt + DAY), customerId });
      if (this.#chance(0.3)) this.#reversal(order.transactionId ?? '', occurredAt + HOUR, {});
    },

    settled_later: (at) => {
      const clickId = this.#click({ clickedAt: at });
      const order = {
        ...this.#order(clickId, this.#after(at)),
        status: 'pending' as const,
        customerId: this.#maybe(0.5, this.#name('c')),
      };
      this.#postback(order);
      const turns = this.#between(0, 3);
      for (let turn = 1; turn <= turns; turn += 1)
        this.#again(
          order,
          { status: this.#one(['approved', 'rejected', 'approved', 'pending'] as const) },
          turn * HOUR,
        );
      if (this.#chance(0.2)) this.#reversal(order.transactionId ?? '', order.occurredAt + 5 * HOUR, {});
    },

    trial: (at) => {
      const clickId = this.#click({ clickedAt: at });
      const customerId = this.#maybe(0.6, this.#name('c'));
      const startedAt = this.#after(at);
      const trial = this.#fact({
        eventType: 'trial_start',
        clickId,
        customerId,
        occurredAt: startedAt,
        status: this.#chance(0.9) ? 'approved' : 'pending',
      });
      this.#postback(trial);
      if (this.#chance(0.25)) return;
      const activatedAt = startedAt + this.#one([-HOUR, 0, HOUR, DAY, 3 * DAY, 3 * DAY + 1, 5 * DAY]);
      const activation = this.#fact({
        eventType: 'activation_completed',
        clickId: this.#maybe(0.6, clickId),
        customerId: this.#maybe(0.8, customerId ?? ''),
        occurredAt: activatedAt,
        status: this.#one(['approved', 'approved', 'approved', 'pending', 'rejected'] as const),
      });
      this.#postback({
        ...activation,
        customerId: activation.customerId === '' ? null : (activation.customerId ?? null),
      });
    },

    touches: (at) => {
      const customerId = this.#name('c');
      const clicks = Array.from({ length: this.#between(1, 5) }, (_, turn) =>
        this.#click({
          // Now and then two in one millisecond.
          clickedAt: at + (this.#chance(0.9) ? turn * this.#between(1, 40) * HOUR + turn : 0),
          ...(this.#chance(0.8) ? { customerId } : {}),
          ...(this.#chance(0.05) ? { receivedAt: at + 30 * DAY } : {}),
        }),
      );
      const boughtAt = at + this.#between(1, 9 * 24) * HOUR;
      const named = this.#one([clicks.at(-1) ?? null, clicks[0] ?? null, null]);
      const order = { ...this.#order(named, boughtAt), customerId: this.#maybe(0.9, customerId) };
      this.#postback(order);
      if (this.#chance(0.4))
        this.#postback({
          ...this.#order(this.#maybe(0.4, this.#one(clicks)), boughtAt + 6 * HOUR),
          customerId,
        });
      if (this.#chance(0.3))
        this.#reversal(order.transactionId ?? '', boughtAt + DAY, { revenueMicros: this.#money() });
    },

    hashed: (at) => {
      const subjectHashes = { emailPlain: sha256(this.#name('mail')) };
      const clickId = this.#click({ clickedAt: at, subjectHashes: this.#chance(0.8) ? subjectHashes : {} });
      const boughtAt = this.#after(at);
      this.#postback({
        ...this.#order(this.#maybe(0.3, clickId), boughtAt),
        subjectHashes,
        customerId: this.#maybe(0.3, this.#name('c')),
      });
      if (this.#chance(0.3))
        this.#postback({ ...this.#order(this.#maybe(0.4, clickId), boughtAt + DAY), subjectHashes });
    },

    abuse: (at) => {
      const kind = this.#between(0, 6);
      const clickId = this.#click({
        clickedAt: at,
        ...(kind === 0 ? { automation: this.#one(['bot', 'prefetch']) } : {}),
        ...(kind === 1 ? { subIds: { sub1: this.#one(['bad-site', 'good-site']), sub2: 'worse-site' } } : {}),
        ...(kind === 2 ? { country: this.#one(['DE', 'FR']) } : {}),
      });
      const country = kind === 2 ? this.#one(['DE', 'FR', null]) : null;
      const first = kind === 3 ? at + this.#one([0, 1, 4_999, 5_000, 5_001]) : this.#after(at);
      const subIds = kind === 6 ? { sub1: 'bad-site' } : {};
      const status = this.#chance(0.9) ? 'approved' : 'pending';
      this.#postback({ ...this.#order(clickId, first), country, subIds, status });
      if (kind === 4)
        for (let turn = 1; turn <= 6; turn += 1)
          this.#postback(this.#order(clickId, first + turn * this.#between(1, 30) * MINUTE + turn));
    },

    repeats: (at) => {
      const clickId = this.#click({ clickedAt: at });
      const order = {
        ...this.#order(clickId, this.#after(at)),
        customerId: this.#maybe(0.5, this.#name('c')),
      };
      this.#postback(order);
      const repeats = this.#between(1, 3);
      for (let turn = 1; turn <= repeats; turn += 1) {
        const change = this.#one<Partial<PostbackReceived>>([
          {},
          {},
          {},
          { revenueMicros: this.#money() },
          NO_VALUES,
          { taxMicros: 1_000_001n },
          { customerId: this.#name('c') },
          { clickId: this.#id(at) },
          { clickId: null },
          { status: 'rejected' },
        ]);
        this.#again(order, change, turn * this.#between(1, 120) * MINUTE);
      }
      // Of several sales under one transaction nothing says which one a refund means.
      if (this.#programme.onRepeat?.['sale'] !== 'add' && this.#chance(0.2))
        this.#reversal(order.transactionId ?? '', order.occurredAt + DAY, {
          revenueMicros: this.#money(),
          reversalId: this.#name('r'),
        });
    },

    stray: (at) => this.#tellStray(at),

    test: (at) => {
      const isTestClick = this.#chance(0.8);
      const clickId = this.#click({ clickedAt: at, isTest: isTestClick });
      this.#postback({
        ...this.#order(clickId, this.#after(at)),
        isTest: this.#chance(0.8),
        customerId: this.#name('c'),
      });
    },
  };

  #tellReversals(at: number): void {
    const isHeld = this.#chance(0.1);
    const clickId = isHeld ? this.#id(at) : this.#click({ clickedAt: at });
    const order = {
      ...this.#order(clickId, this.#after(at)),
      customerId: this.#maybe(0.5, this.#name('c')),
      ...(this.#chance(0.1) ? NO_VALUES : {}),
    };
    const soldAt = order.occurredAt;
    const original = order.transactionId ?? '';
    const isFirst = this.#chance(0.15);
    if (!isFirst) this.#postback(order);
    const revenue = order.revenueMicros ?? 1_000_000n;
    switch (this.#between(0, 8)) {
      case 0:
        this.#reversal(original, soldAt + DAY, {});
        break;
      case 1: {
        const id = this.#name('r');
        const part = { reversalId: id, revenueMicros: revenue / 3n, currency: order.currency ?? null };
        this.#reversal(original, soldAt + DAY, part);
        this.#reversal(original, soldAt + DAY, part);
        break;
      }
      case 2:
        for (let turn = 1; turn <= 3; turn += 1)
          this.#reversal(original, soldAt + (4 - turn) * HOUR, {
            reversalId: this.#name('r'),
            revenueMicros: (revenue * BigInt(this.#between(20, 60))) / 100n + 1n,
            receivedAt: soldAt + DAY + turn * HOUR,
          });
        break;
      case 3:
        for (let turn = 1; turn <= 2; turn += 1)
          this.#reversal(original, soldAt + turn * HOUR, { revenueMicros: revenue / 4n });
        break;
      case 4:
        for (let turn = 1; turn <= 2; turn += 1)
          this.#reversal(original, soldAt + turn * HOUR, {
            revenueMicros: revenue / BigInt(turn + 1),
            occurredAtIsAssumed: true,
          });
        break;
      case 5:
        this.#reversal(original, soldAt + HOUR, { revenueMicros: revenue / 2n, reversalId: this.#name('r') });
        this.#reversal(original, soldAt + DAY, { eventType: 'chargeback' });
        break;
      case 7:
        // Two pieces of one price, and nobody says when they came back: only their own ids tell them apart.
        for (let turn = 1; turn <= 2; turn += 1)
          this.#reversal(original, soldAt + turn * HOUR, {
            reversalId: this.#name('r'),
            revenueMicros: revenue / 5n,
            occurredAtIsAssumed: true,
          });
        break;
      case 6:
        this.#reversal(original, soldAt + HOUR, { revenueMicros: revenue * 2n });
        break;
      default:
        this.#reversal(null, soldAt + HOUR, {
          transactionId: original,
          revenueMicros: revenue / 5n,
          reversalId: this.#name('r'),
        });
    }
    // The original after its reversals, in time or not at all.
    if (isFirst && this.#chance(0.7)) this.#again(order, {}, this.#between(1, 3 * 24) * HOUR);
  }

  #tellStray(at: number): void {
    switch (this.#between(0, 5)) {
      case 0:
        this.#postback({ ...this.#order(this.#id(at), at), customerId: this.#maybe(0.5, this.#name('c')) });
        break;
      case 1: {
        const clickId = this.#click({ clickedAt: at, ...this.#stranger() });
        this.#postback(this.#order(clickId, this.#after(at)));
        break;
      }
      case 2:
        this.#postback({ ...this.#order('not-a-click', at), customerId: this.#maybe(0.3, this.#name('c')) });
        break;
      case 3:
        this.#postback({ ...this.#order(null, at), customerId: this.#maybe(0.6, this.#name('c')) });
        break;
      case 4: {
        const clickId = this.#click({ clickedAt: at });
        const outside = this.#one([7 * DAY, 7 * DAY + 1, 8 * DAY, 2 * DAY + 1, -2 * MINUTE]);
        const before = this.#one([-1, -30 * SECOND, -MINUTE, -MINUTE - 1]);
        // Before its click means: with a click that is late.
        const aside = this.#programme.agreesOnTimes === true ? outside : this.#one([outside, before]);
        this.#postback({
          ...this.#order(clickId, at + aside),
          customerId: this.#maybe(0.3, this.#name('c')),
        });
        break;
      }
      default: {
        const clickId = this.#click({ clickedAt: at, offerId: 'never-configured' });
        this.#postback(this.#order(clickId, this.#after(at)));
      }
    }
  }

  #reversal(original: string | null, occurredAt: number, changes: Partial<PostbackReceived>): void {
    const refund = this.#fact({ eventType: 'refund', originalTransactionId: original, occurredAt });
    const isSum = changes.revenueMicros !== undefined && changes.revenueMicros !== null;
    const other = this.#chance(0.1) ? this.#one(this.#programme.currencies ?? ['EUR']) : this.#currency;
    const fact = { ...refund, ...changes, currency: isSum ? other : null };
    const status = this.#chance(0.9) ? 'approved' : this.#one(['pending', 'rejected'] as const);
    this.#postback({ ...fact, status });
    if (status === 'pending' && this.#chance(0.5)) this.#again(fact, { status: 'approved' }, HOUR);
  }

  /** A sale with all its values. */
  #order(
    clickId: string | null,
    occurredAt: number,
    receivedAt = this.#receipt(occurredAt),
  ): PostbackChanges {
    const revenueMicros = this.#money();
    this.#currency = this.#one(this.#programme.currencies ?? ['EUR']);
    return this.#fact({
      eventType: 'sale',
      clickId,
      transactionId: this.#name('t'),
      occurredAt,
      receivedAt,
      revenueMicros,
      currency: this.#currency,
      taxMicros: this.#maybe(0.7, revenueMicros / 6n),
      shippingMicros: this.#maybe(0.5, 4_900_000n),
    });
  }

  #currency = 'EUR';

  #fact(changes: PostbackChanges): PostbackChanges {
    return {
      transactionId: null,
      clickId: null,
      revenueMicros: null,
      currency: null,
      receivedAt: this.#receipt(changes.occurredAt),
      occurredAtIsAssumed: false,
      ...changes,
    };
  }

  /** The same fact, reported once more `later`. */
  #again(
    fact: PostbackChanges,
    changes: Partial<PostbackReceived>,
    later = this.#between(1, 300) * SECOND,
  ): void {
    this.#postback({ ...fact, receivedAt: (fact.receivedAt ?? fact.occurredAt) + later, ...changes });
  }

  #postback(changes: PostbackChanges): void {
    const { advertiserId } = this.#programme;
    const receivedAt = changes.receivedAt ?? this.#receipt(changes.occurredAt);
    // A sender that names no time is taken to mean the time of receipt.
    const isAssumed =
      changes.occurredAtIsAssumed === true ||
      (changes.originalTransactionId === undefined &&
        this.#programme.agreesOnTimes !== true &&
        this.#chance(0.1));
    const postback = aPostback({
      sourceId: sourcesOf(advertiserId)[0],
      lane: advertiserId,
      advertiserId,
      ...changes,
      receiptId: this.#id(receivedAt),
      receivedAt,
      occurredAt: isAssumed ? receivedAt : changes.occurredAt,
      occurredAtIsAssumed: isAssumed,
    });
    this.queue.push(receivedAt, { kind: 'postback', postback });
  }

  /** Records a click of one of the advertiser's offers, and gives its id. */
  #click(changes: ClickChanges): string {
    const { advertiserId, offers } = this.#programme;
    const { receivedAt = changes.clickedAt } = changes;
    const clickId = this.#id(changes.clickedAt);
    const click = aClick({
      advertiserId,
      offerId: this.#one(Object.keys(offers)),
      campaignId: `${advertiserId}-campaign`,
      partnerId: this.#one(['p-1', 'p-2', 'p-3', null]),
      subIds: {},
      adPlatformIds: [],
      ipCiphertext: null,
      ...changes,
      receivedAt,
      clickId,
    });
    const isAwaited = receivedAt > click.clickedAt && this.#programme.parkedForMs === LONG_WAIT_MS;
    this.queue.push(receivedAt, { kind: 'click', click, isAwaited });
    return clickId;
  }

  /** Any advertiser, now and then the same. */
  #stranger(): { readonly advertiserId: string; readonly offerId: string } {
    const { advertiserId, offers } = this.#one(PROGRAMMES);
    return { advertiserId, offerId: this.#one(Object.keys(offers)) };
  }

  /** Mostly minutes, now and then days, once in a while the very end of the usual window, of the day or of the terms. */
  #after(clickedAt: number): number {
    const luck = this.#random();
    if (luck < 0.7) return clickedAt + this.#between(10, 3_600) * SECOND;
    if (luck < 0.89) return clickedAt + this.#between(1, 72) * HOUR + this.#between(0, 999);
    const aside = this.#between(-1, 1);
    if (luck < 0.93) return clickedAt + 7 * DAY + aside;
    const origin = luck < 0.96 ? 0 : this.#beginsAt;
    const days = Math.floor((clickedAt - origin) / TERMS_CHANGE_EVERY_MS) + 1;
    return origin + days * TERMS_CHANGE_EVERY_MS + aside;
  }

  /** When a report of that instant reaches the edge; some clocks run ahead of the edge's. */
  #receipt(occurredAt: number): number {
    if (this.#chance(0.03)) return occurredAt - this.#between(1, 9_000);
    return occurredAt + this.#between(200, this.#chance(0.05) ? 40 * MINUTE : 5_000);
  }

  /** Cents, and now and then an amount whose shares do not come out even. */
  #money(): bigint {
    // The very thresholds of the tiers.
    if (this.#chance(0.05)) return this.#one([10_000_000n, 50_000_000n, 120_000_000n]);
    const cents = BigInt(this.#between(100, 20_000)) * 10_000n;
    return this.#chance(0.3) ? cents + BigInt(this.#between(0, 9_999)) : cents;
  }

  #name(kind: string): string {
    return `${kind}-${this.#count}-${this.#between(0, 999_999)}`;
  }

  /** A UUIDv7 of that instant. */
  #id(at: number): string {
    const time = at.toString(16).padStart(12, '0');
    const [a, b, c, d] = [this.#bits(12), this.#bits(12), this.#bits(24), this.#bits(24)];
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(a, 3)}-8${hex(b, 3)}-${hex(c, 6)}${hex(d, 6)}`;
  }

  #bits(count: number): number {
    return Math.floor(this.#random() * 2 ** count);
  }

  /** A whole number, both ends included. */
  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #maybe<V>(probability: number, value: V): V | null {
    return this.#chance(probability) ? value : null;
  }

  #one<V>(values: readonly V[]): V {
    return values[this.#between(0, values.length - 1)] as V;
  }

  #weighted(weights: readonly (readonly [Story, number])[]): Story {
    let luck = this.#random() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [story, weight] of weights) {
      luck -= weight;
      if (luck < 0) return story;
    }
    return 'order';
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
