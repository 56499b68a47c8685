/** Looks at customers: which signals hold by their conversions, less what was sent; nothing of it is written here. */
import type { OutgoingRecord, RecordPosition } from '@tributary/bus';
import type { LifecycleSignalled } from '@tributary/contracts';
import { attribution, lifecycle } from '@tributary/domain';
import type { Logger } from '@tributary/runtime';
import type { SignalStore } from '@tributary/store';
import { lifecycleSignals } from './attribution-metrics.ts';
import { type DecidedBatch, type DecisionBatches, newestOf } from './decision-batches.ts';
import type { DueCustomers } from './due-customers.ts';
import type { LifecycleInForce } from './lifecycle-in-force.ts';
import type { OwnWrites } from './own-writes.ts';
import { outgoingSignal, type SignalTrigger, signalRecord } from './signal-record.ts';

export interface CustomerLooksOptions {
  readonly signals: Pick<SignalStore, 'sent'>;
  readonly batches: Pick<DecisionBatches, 'under'>;
  readonly ownWrites: OwnWrites;
  readonly due: DueCustomers;
  readonly inForce: LifecycleInForce;
  readonly logger: Logger;
}

/** A customer that is to be looked at. */
interface Named {
  readonly customer: lifecycle.NamedCustomer;
  /** One that names it, or has named it. */
  readonly conversionId: string;
  readonly trigger: SignalTrigger;
  readonly rulesAt: lifecycle.LifecycleRulesAt;
  /** Index of the input that led to the look. */
  readonly input: number;
}

/** A signal that is to be sent. */
export interface NewSignal {
  readonly signal: lifecycle.Signal;
  readonly record: LifecycleSignalled;
  readonly input: number;
}

/** What the looks of one piece of work have led to. */
export interface Looked {
  readonly signals: readonly NewSignal[];
  /** The next instant of each customer that has one. */
  readonly next: readonly { readonly conversionId: string; readonly at: number }[];
}

type Known = Pick<DecidedBatch, 'keys' | 'known'>;

const NOTHING: Looked = { signals: [], next: [] };

export class CustomerLooks {
  readonly #options: CustomerLooksOptions;

  constructor(options: CustomerLooksOptions) {
    this.#options = options;
  }

  /**
   * Looks at the customer of each revision, and at that of the revision before.
   *
   * @param isInDoubt whether an earlier send may have arrived without its signals: then everybody is looked at whom the
   * conversions of the batch name or can have named.
   * @throws DependencyFailure
   */
  async after(decided: DecidedBatch, isInDoubt: boolean): Promise<Looked> {
    if (!this.#options.inForce.isEverAsked) return NOTHING;
    const { results, inputs, known } = decided;
    const before = new Map(known.map((conversion) => [conversion.conversionId, conversion]));
    const named = new Map<string, Named>();
    const last = inputs.at(-1);
    if (isInDoubt && last !== undefined) this.#nameAll(named, known, triggerOf(last), inputs.length - 1);
    results.forEach(({ revisions }, input) => {
      for (const revision of revisions) {
        const { trigger: kind, position, now, configurationVersion } = revision.decidedAt;
        const trigger = { kind, ...position, now, configurationVersion };
        for (const conversion of [before.get(revision.conversionId), revision]) {
          if (conversion === undefined || !this.#isAsked(conversion, now)) continue;
          const customer = lifecycle.customerNamedBy(conversion);
          if (customer !== null) this.#name(named, customer, conversion, trigger, input);
        }
      }
    });
    if (named.size === 0) return NOTHING;
    return this.#look(
      named,
      decided,
      results.flatMap(({ revisions }) => revisions),
    );
  }

  /** Looks at whoever the conversions name, because a clock says so. @throws DependencyFailure */
  async at(moment: attribution.Moment, conversions: readonly attribution.Conversion[]): Promise<Looked> {
    const { now, position, configurationVersion } = moment;
    const trigger: SignalTrigger = { kind: 'deadline', ...position, now, configurationVersion };
    const named = new Map<string, Named>();
    this.#nameAll(named, conversions, trigger, 0);
    if (named.size === 0) return NOTHING;
    return this.#look(named, { keys: attribution.NO_KEYS, known: conversions }, []);
  }

  recordOf({ record }: NewSignal): OutgoingRecord {
    return outgoingSignal(record);
  }

  /** A send may have arrived in part: whoever these name is looked at again, once ClickHouse shows what did. */
  doubt(partition: number, conversions: readonly attribution.Conversion[]): void {
    for (const conversion of conversions) {
      const { conversionId, decidedAt } = conversion;
      if (this.#isAsked(conversion, decidedAt.now))
        this.#options.due.add({ conversionId, partition, at: decidedAt.now });
    }
  }

  /** Remembers what stands in the log by now. @param positions of the signals, in their order */
  noteSent(partition: number, { signals, next }: Looked, positions: readonly RecordPosition[]): void {
    const { ownWrites, due } = this.#options;
    signals.forEach(({ signal }, index) => {
      const position = positions[index];
      if (position !== undefined) ownWrites.signals.set(signal.signalId, signal, position);
    });
    for (const { conversionId, at } of next) due.add({ conversionId, partition, at });
  }

  /** Told once it is on record. */
  tell({ record }: NewSignal): void {
    const { logger } = this.#options;
    lifecycleSignals.inc({ signal: record.signal, phase: record.phase });
    if (logger.isLevelEnabled('info')) logger.info(lineOf(record), 'lifecycle.signalled');
  }

  #isAsked({ advertiserId }: attribution.Conversion, now: number): boolean {
    return this.#options.inForce.rulesOf(advertiserId, now) !== null;
  }

  /** Whoever the conversions name, or can have named before. */
  #nameAll(
    named: Map<string, Named>,
    conversions: readonly attribution.Conversion[],
    trigger: SignalTrigger,
    input: number,
  ): void {
    for (const conversion of conversions) {
      if (!this.#isAsked(conversion, trigger.now)) continue;
      for (const customer of lifecycle.customersEverNamedBy(conversion))
        this.#name(named, customer, conversion, trigger, input);
    }
  }

  #name(
    named: Map<string, Named>,
    customer: lifecycle.NamedCustomer,
    { conversionId }: attribution.Conversion,
    trigger: SignalTrigger,
    input: number,
  ): void {
    const rulesAt = this.#options.inForce.rulesOf(customer.advertiserId, trigger.now);
    if (rulesAt !== null)
      named.set(customer.customerKey, { customer, conversionId, trigger, rulesAt, input });
  }

  async #look(
    named: ReadonlyMap<string, Named>,
    loaded: Known,
    revisions: readonly attribution.Conversion[],
  ): Promise<Looked> {
    const before = await this.#known([...named.values()], loaded);
    const conversions = underLookups(newestOf(before, revisions));
    const knownIds = new Set(before.map(({ conversionId }) => conversionId));
    const looks = [...named.values()].map((each) => {
      const { customer } = each;
      const found = conversions.get(lookupOf(customer.lookup.kind, customer.lookup.key)) ?? [];
      // Nothing can have been sent to whom nobody knew.
      const isNew = found.every(({ conversionId }) => !knownIds.has(conversionId));
      const ids = isNew ? [] : lifecycle.signalIdsOf(customer.customerKey, found);
      return { ...each, customer: lifecycle.customerOf(customer, found), ids };
    });
    const sent = await this.#sent(looks.flatMap(({ ids }) => ids));
    const decided = looks.map(({ customer, conversionId, trigger, rulesAt, input, ids }) => {
      const ofCustomer = new Map(ids.flatMap((id) => entryOf(sent, id)));
      const { signals, nextAt } = lifecycle.signalsOf(customer, ofCustomer, rulesAt, trigger.now);
      return {
        signals: signals.map((signal) => ({
          signal,
          record: signalRecord(customer, signal, trigger),
          input,
        })),
        next: nextAt === null ? [] : [{ conversionId, at: nextAt }],
      };
    });
    return {
      signals: decided.flatMap(({ signals }) => signals),
      next: decided.flatMap(({ next }) => next),
    };
  }

  /** All that is found under the lookups of the customers; what the decisions have loaded is not asked for again. */
  async #known(named: readonly Named[], { keys, known }: Known): Promise<readonly attribution.Conversion[]> {
    const missing = { customer: new Set<string>(), subject: new Set<string>() };
    for (const {
      customer: { lookup },
    } of named)
      if (!keys[lookup.kind].has(lookup.key)) missing[lookup.kind].add(lookup.key);
    if (missing.customer.size + missing.subject.size === 0) return known;
    return newestOf(known, await this.#options.batches.under({ ...attribution.NO_KEYS, ...missing }));
  }

  async #sent(signalIds: readonly string[]): Promise<ReadonlyMap<string, lifecycle.SentSignal>> {
    const { signals, ownWrites } = this.#options;
    // Before the store is asked: what is forgotten here while it answers was shown there before.
    const own = new Map(
      signalIds.flatMap((id) => {
        const signal = ownWrites.signals.get(id);
        return signal === undefined ? [] : [[id, signal] as const];
      }),
    );
    const asked = signalIds.filter((id) => !own.has(id));
    const stored = asked.length === 0 ? [] : await signals.sent(asked);
    return new Map([...stored.map((signal) => [signal.signalId, signal] as const), ...own]);
  }
}

function entryOf<V>(values: ReadonlyMap<string, V>, key: string): readonly (readonly [string, V])[] {
  const value = values.get(key);
  return value === undefined ? [] : [[key, value]];
}

function triggerOf({ kind, at }: attribution.Input): SignalTrigger {
  const { position, now, configurationVersion } = at;
  return { kind: kind === 'command' ? 'command' : 'postback', ...position, now, configurationVersion };
}

function lookupOf(kind: 'customer' | 'subject', key: string): string {
  return `${kind} ${key}`;
}

/** Conversions by every key under which customers look them up. */
function underLookups(
  conversions: readonly attribution.Conversion[],
): ReadonlyMap<string, readonly attribution.Conversion[]> {
  const under = new Map<string, attribution.Conversion[]>();
  for (const conversion of conversions) {
    const { customer, subjects } = attribution.keysOf(conversion);
    const lookups = subjects.map((subject) => lookupOf('subject', subject));
    if (customer !== null) lookups.push(lookupOf('customer', customer));
    for (const lookup of lookups) {
      const found = under.get(lookup);
      if (found === undefined) under.set(lookup, [conversion]);
      else found.push(conversion);
    }
  }
  return under;
}

/** The signal as a line: ids, codes and places. */
function lineOf(record: LifecycleSignalled): object {
  return {
    signalId: record.signalId,
    signal: record.signal,
    phase: record.phase,
    reasonCodes: record.reasonCodes,
    customerKey: record.customerKey,
    conversionId: record.conversionId,
    advertiserId: record.advertiserId,
    lane: record.lane,
    dueAt: record.dueAt,
    expiresAt: record.expiresAt,
    trigger: record.triggerKind,
    partition: record.triggerPartition,
    offset: record.triggerOffset,
    configurationVersion: record.configurationVersion,
    isTest: record.isTest,
  };
}
