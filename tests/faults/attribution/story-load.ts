/** The load of the fault scenarios of attribution: seeded stories of shops whose facts meet, told at an even pace. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClickRecorded, PostbackReceived } from '@tributary/contracts';
import { deterministicUuid } from '@tributary/domain';
import { aClick, aPostback } from '@tributary/testing';
import { randomFrom } from '../random.ts';
import { LANES, type Lane, type OfferKind, offerIdOf } from './configuration.ts';
import type { ToldFacts } from './told-facts.ts';

export interface StoryLoadOptions {
  readonly facts: ToldFacts;
  readonly seed: number;
  /** Partners of each offer with a first-come rule. */
  readonly partners: number;
  /** Offset of configuration.changed that everything is written by. */
  readonly configurationVersion: number;
}

type FirstComeOffer = Exclude<OfferKind, 'plain'>;
type Story = (teller: Teller) => Promise<void>;

const FIRST_COME: readonly FirstComeOffer[] = ['capped', 'tiered', 'firsts'];
/** More than a cap lets through, and than a tier has. */
const SALES_OF_PARTNER = 5;
const CLICKED_BEFORE_MS = 60_000;
/** Long enough for the postback to be decided first, and often by another owner. */
const LATE_CLICK_MS = 1_200;

/** Each with how often it is told of 30; those with a late click only where clicks are waited for long enough. */
const STORIES: readonly (readonly [weight: number, story: Story, needsPatience: boolean])[] = [
  [4, saleWithRepeats, false],
  [2, conflictingSale, false],
  [4, saleBeforeClick, true],
  [3, renewals, false],
  [2, renewalsBeforeClick, true],
  [3, partialRefunds, false],
  [2, refundBeforeOriginal, false],
  [2, heldTrial, false],
  [1, trialWithoutActivation, false],
  [1, unknownClick, false],
  [1, refundOfNothing, false],
  [2, updatedOrder, false],
  [6, firstComeSale, false],
];

export class StoryLoad {
  readonly #options: StoryLoadOptions;
  readonly #random: () => number;
  /** First-come sales told so far, by lane and kind of offer. */
  readonly #sales = new Map<string, number>();
  #told = 0;

  constructor(options: StoryLoadOptions) {
    this.#options = options;
    this.#random = randomFrom(options.seed);
  }

  /** Stories begun. */
  get told(): number {
    return this.#told;
  }

  /**
   * The clicks of first-come offers, to be shown before a story is told: a place under a cap is asked for when the click is
   * known, so with clicks that come late the order of the log would not say who gets it.
   */
  async prepare(): Promise<void> {
    const { facts, partners, configurationVersion } = this.#options;
    for (const lane of LANES)
      await facts.click(
        ...FIRST_COME.flatMap((kind) =>
          Array.from({ length: partners }, (_, partner) =>
            clickOf(lane, kind, partner, configurationVersion, Date.now() - CLICKED_BEFORE_MS),
          ),
        ),
      );
  }

  /** Begins stories at an even pace until `signal` is aborted; resolves when those begun are told. */
  async steadily(perSecond: number, signal: AbortSignal): Promise<void> {
    const telling = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const startedAt = performance.now();
    for (let n = 0; !signal.aborted && failures.length === 0; n += 1) {
      await delay(Math.max(0, startedAt + (n * 1_000) / perSecond - performance.now()));
      const story = this.#begin()
        .catch((error: unknown) => void failures.push(error))
        .finally(() => telling.delete(story));
      telling.add(story);
    }
    await Promise.all(telling);
    if (failures.length > 0) throw failures[0];
  }

  async #begin(): Promise<void> {
    const number = this.#told;
    this.#told += 1;
    const lane = this.#oneOf(LANES);
    const fitting = STORIES.filter(([, , needsPatience]) => lane.isPatient || !needsPatience);
    const story = this.#oneOf(
      fitting.flatMap(([weight, each]) => Array.from({ length: weight }, () => each)),
    );
    await story(new Teller({ ...this.#options, lane, number, random: this.#random, sales: this.#sales }));
  }

  #oneOf<V>(values: readonly V[]): V {
    const value = values[Math.floor(this.#random() * values.length)];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  }
}

interface TellerOptions extends StoryLoadOptions {
  readonly lane: Lane;
  readonly number: number;
  readonly random: () => number;
  readonly sales: Map<string, number>;
}

/** Tells one story; its ids carry the number of the story. */
class Teller {
  readonly lane: Lane;
  /** Which variant of the story it is: 0 to 5. */
  readonly variant: number;
  readonly units: number;
  readonly #options: TellerOptions;
  #facts = 0;

  constructor(options: TellerOptions) {
    this.#options = options;
    this.lane = options.lane;
    this.variant = Math.floor(options.random() * 6);
    this.units = 1 + Math.floor(options.random() * 300);
  }

  id(name: string): string {
    return `${name}-${this.#options.seed}-${this.#options.number}`;
  }

  get revenueMicros(): bigint {
    return BigInt(this.units) * 333_333n;
  }

  /** A click as it would be recorded; {@link show} records it. */
  aClick(): ClickRecorded {
    this.#facts += 1;
    const clickedAt = Date.now() - CLICKED_BEFORE_MS;
    const { lane } = this;
    return aClick({
      clickId: clickIdAt(clickedAt, this.id(`click-${this.#facts}`)),
      advertiserId: lane.advertiserId,
      offerId: offerIdOf(lane.advertiserId, 'plain'),
      partnerId: `p-${this.variant}`,
      clickedAt,
      receivedAt: clickedAt,
      configurationVersion: this.#options.configurationVersion,
    });
  }

  async show(click: ClickRecorded): Promise<string> {
    await this.#options.facts.click(click);
    return click.clickId;
  }

  click(): Promise<string> {
    return this.show(this.aClick());
  }

  async postback(changes: Partial<PostbackReceived>): Promise<PostbackReceived> {
    this.#facts += 1;
    const receivedAt = Date.now();
    const postback = aPostback({
      receiptId: deterministicUuid('fault_receipt', this.id(String(this.#facts))),
      sourceId: this.lane.lane,
      lane: this.lane.lane,
      advertiserId: this.lane.advertiserId,
      receivedAt,
      occurredAt: receivedAt,
      occurredAtIsAssumed: false,
      transactionId: this.id('order'),
      clickId: null,
      revenueMicros: this.revenueMicros,
      contentDigest: this.id(String(this.#facts)),
      configurationVersion: this.#options.configurationVersion,
      ...changes,
    });
    await this.#options.facts.postback(postback);
    return postback;
  }

  /** The very same record once more, as a sender's retry leaves it. */
  again(postback: PostbackReceived): Promise<void> {
    return this.#options.facts.postback(postback);
  }

  pause(ms = 400): Promise<void> {
    return delay(this.#options.random() * ms);
  }

  /** Which sale of the offer in this lane it is, and the click of its partner. */
  firstComeSale(kind: FirstComeOffer): { readonly number: number; readonly clickId: string } {
    const { sales, partners, configurationVersion } = this.#options;
    const key = `${this.lane.lane} ${kind}`;
    const number = sales.get(key) ?? 0;
    sales.set(key, number + 1);
    const partner = Math.floor(number / SALES_OF_PARTNER) % partners;
    return { number, clickId: clickOf(this.lane, kind, partner, configurationVersion, 0).clickId };
  }

  get firstComeOffer(): FirstComeOffer {
    return FIRST_COME[this.variant % FIRST_COME.length] ?? 'capped';
  }
}

function clickOf(
  lane: Lane,
  kind: FirstComeOffer,
  partner: number,
  configurationVersion: number,
  clickedAt: number,
): ClickRecorded {
  return aClick({
    clickId: clickIdAt(0, `${lane.lane} ${kind} ${partner}`),
    advertiserId: lane.advertiserId,
    offerId: offerIdOf(lane.advertiserId, kind),
    partnerId: `p-${partner}`,
    clickedAt,
    receivedAt: clickedAt,
    configurationVersion,
  });
}

/** A UUIDv7 whose random part comes from a name. */
function clickIdAt(at: number, name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16);
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

async function saleWithRepeats(teller: Teller): Promise<void> {
  const clickId = await teller.click();
  const sale = await teller.postback({ clickId });
  await teller.pause();
  if (teller.variant < 3) await teller.postback({ clickId, taxMicros: 10n });
  if (teller.variant % 2 === 0) await teller.again(sale);
}

async function conflictingSale(teller: Teller): Promise<void> {
  const clickId = await teller.click();
  await teller.postback({ clickId });
  if (teller.variant < 3) await teller.pause();
  await teller.postback({ clickId, revenueMicros: teller.revenueMicros + 1n });
  await teller.postback({ clickId, status: 'rejected' });
}

async function saleBeforeClick(teller: Teller): Promise<void> {
  const click = teller.aClick();
  const { clickId } = click;
  const sale = await teller.postback({ clickId });
  if (teller.variant < 2) await teller.postback({ clickId, shippingMicros: 5n });
  await teller.pause(LATE_CLICK_MS);
  await teller.show(click);
  if (teller.variant === 3) await teller.again(sale);
}

/** The first one names the click that brought the customer, the others the customer alone. */
async function renewals(teller: Teller): Promise<void> {
  const clickId = await teller.click();
  await subscribe(teller, clickId);
}

async function renewalsBeforeClick(teller: Teller): Promise<void> {
  const click = teller.aClick();
  await subscribe(teller, click.clickId);
  await teller.pause(LATE_CLICK_MS);
  await teller.show(click);
}

async function subscribe(teller: Teller, clickId: string): Promise<void> {
  const customerId = teller.id('customer');
  const renewal = (number: number) =>
    teller.postback({ eventType: 'renewal', transactionId: teller.id(`renewal-${number}`), customerId });
  if (teller.variant === 0) await renewal(0);
  await teller.postback({ eventType: 'subscription_started', clickId, customerId });
  for (let number = 1; number <= 1 + (teller.variant % 2); number += 1) await renewal(number);
}

/** Together more than was earned in some; the second is sent twice. */
async function partialRefunds(teller: Teller): Promise<void> {
  const clickId = await teller.click();
  await teller.postback({ clickId });
  for (const number of [1, 2, 2, 3]) {
    await teller.pause(200);
    await refund(teller, number, teller.revenueMicros / (teller.variant < 3 ? 7n : 2n));
  }
}

async function refundBeforeOriginal(teller: Teller): Promise<void> {
  const clickId = await teller.click();
  await refund(teller, 1, teller.revenueMicros / 3n);
  await teller.pause(800);
  await teller.postback({ clickId });
  await refund(teller, 2, null);
}

async function refundOfNothing(teller: Teller): Promise<void> {
  await refund(teller, 1, teller.revenueMicros);
}

function refund(teller: Teller, number: number, revenueMicros: bigint | null): Promise<PostbackReceived> {
  return teller.postback({
    eventType: 'refund',
    originalTransactionId: teller.id('order'),
    transactionId: teller.id(`refund-${number}`),
    reversalId: teller.id(`refund-${number}`),
    revenueMicros,
    currency: revenueMicros === null ? null : 'EUR',
  });
}

/** Paid when activated in time; in some the activation is known first. */
async function heldTrial(teller: Teller): Promise<void> {
  const clickId = await teller.click();
  const customerId = teller.id('customer');
  const occurredAt = Date.now();
  const told = [
    () => startTrial(teller, clickId, customerId, occurredAt),
    () =>
      teller.postback({
        eventType: 'activation_completed',
        transactionId: teller.id('activation'),
        customerId,
        occurredAt: occurredAt + 1_000,
        revenueMicros: null,
        currency: null,
      }),
  ];
  for (const tell of teller.variant === 0 ? told.toReversed() : told) {
    await tell();
    await teller.pause(1_000);
  }
}

async function trialWithoutActivation(teller: Teller): Promise<void> {
  await startTrial(teller, await teller.click(), teller.id('customer'), Date.now());
}

function startTrial(
  teller: Teller,
  clickId: string,
  customerId: string,
  occurredAt: number,
): Promise<PostbackReceived> {
  return teller.postback({
    eventType: 'trial_start',
    transactionId: null,
    clickId,
    customerId,
    occurredAt,
    revenueMicros: null,
    currency: null,
  });
}

async function unknownClick(teller: Teller): Promise<void> {
  await teller.postback({ clickId: teller.aClick().clickId });
}

async function updatedOrder(teller: Teller): Promise<void> {
  const clickId = await teller.click();
  const eventType = 'order';
  await teller.postback({ eventType, clickId, status: 'pending' });
  await teller.pause();
  await teller.postback({ eventType, revenueMicros: teller.revenueMicros * 2n });
  await teller.postback({ eventType, revenueMicros: teller.revenueMicros * 3n, taxMicros: 7n });
  if (teller.variant === 0) await teller.postback({ eventType, status: 'rejected' });
}

/** The sales of a partner or customer ask for what there is not enough of; some are told twice, some refunded. */
async function firstComeSale(teller: Teller): Promise<void> {
  const kind = teller.firstComeOffer;
  const { number, clickId } = teller.firstComeSale(kind);
  const customerId = kind === 'firsts' ? `${kind} ${Math.floor(number / SALES_OF_PARTNER)}` : null;
  const revenueMicros = BigInt(5 + (teller.units % 20)) * 1_000_000n;
  const sale = await teller.postback({ clickId, customerId, revenueMicros });
  if (teller.variant < 2) await teller.again(sale);
  if (teller.variant === 4) await refund(teller, 1, revenueMicros / 2n);
}
