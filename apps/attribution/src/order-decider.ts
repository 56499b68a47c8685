/** Executes orders: what a person commanded for one conversion, or for all of somebody, becomes their next revisions; what cannot be read is set aside. */
import { deadLetterOf, type IncomingEvent, type OutgoingRecord, type PartitionBatch } from '@tributary/bus';
import type { AttributionCommanded } from '@tributary/contracts';
import { ATTRIBUTION_MODELS, attribution } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { DecisionBatches } from './decision-batches.ts';
import type { DecisionWriter } from './decision-writer.ts';
import type { LaneProgress } from './lane-progress.ts';

export interface OrderDeciderOptions {
  readonly batches: DecisionBatches;
  readonly writer: DecisionWriter;
  readonly progress: LaneProgress;
  readonly clock: Clock;
}

type IncomingOrder = IncomingEvent<'attribution.commanded.v1'>;

const COMMANDS = ['reattribute', 'release', 'reject', 'approve'] as const;

/** Why an order is not executed; a closed list of its own in docs/errors.md. */
type OrderProblem = 'order_unknown' | 'order_malformed';

type CommandInput = Extract<attribution.Input, { kind: 'command' }>;

type Reading =
  | { readonly ok: true; readonly command: attribution.Command }
  /** The person, by the keys under which its conversions are found. */
  | { readonly ok: true; readonly erase: ReadonlySet<string> }
  | { readonly ok: false; readonly problem: OrderProblem };

export class OrderDecider {
  readonly #options: OrderDeciderOptions;

  constructor(options: OrderDeciderOptions) {
    this.#options = options;
  }

  /** An order that no longer fits is void; given again it changes nothing. @throws DependencyFailure */
  async decide(
    { partition, events }: PartitionBatch<'attribution.commanded.v1'>,
    configurationVersion: number,
  ): Promise<void> {
    const { batches, writer, progress } = this.#options;
    const inputs: CommandInput[] = [];
    const aside: OutgoingRecord[] = [];
    const turn = progress.turn(partition, configurationVersion);
    for (const incoming of events) {
      const reading = commandIn(incoming.event);
      if (!reading.ok) aside.push(this.#setAside(incoming, reading.problem));
      else
        for (const command of await this.#commandsOf(reading, incoming.event))
          inputs.push({ kind: 'command', command, at: turn() });
    }
    const decided = await batches.decide(partition, inputs, new Set());
    await writer.write(partition, decided, {
      others: aside,
      isAbout: (input, { conversionId }) => inputs[input]?.command.conversionId === conversionId,
      // An order that is given twice may have stopped between its decision and the signals.
      isInDoubt: true,
    });
  }

  async #commandsOf(
    reading: Extract<Reading, { ok: true }>,
    order: AttributionCommanded,
  ): Promise<readonly attribution.Command[]> {
    if ('command' in reading) return [reading.command];
    const found = await this.#options.batches.under({ ...attribution.NO_KEYS, subject: reading.erase });
    return found
      .filter((conversion) => attribution.keysOf(conversion).subjects.some((key) => reading.erase.has(key)))
      .map(({ conversionId }) => commandFor('erase', conversionId, order));
  }

  #setAside(
    { topic, partition, offset, key, value, headers }: IncomingOrder,
    reasonCode: OrderProblem,
  ): OutgoingRecord {
    return deadLetterOf(
      { topic, partition, offset, key: Buffer.from(key), value, headers },
      { service: 'attribution', reasonCode, detail: null, at: this.#options.clock.now() },
    );
  }
}

/** The order as the rules take it. */
export function commandIn(order: AttributionCommanded): Reading {
  if (order.command === 'erase') return personIn(order);
  const command = COMMANDS.find((known) => known === order.command);
  // Terms of an earlier configuration are given whole, as `rules`.
  if (command === undefined || order.rulesVersion !== null) return { ok: false, problem: 'order_unknown' };
  const { conversionId, expectedRevision, clickId } = order;
  const model = ATTRIBUTION_MODELS.find((known) => known === order.model) ?? null;
  const terms = termsIn(order.rules);
  if (conversionId === null || model !== order.model || terms === undefined)
    return { ok: false, problem: 'order_malformed' };
  const about = commandFor(command, conversionId, order);
  return { ok: true, command: { ...about, expectedRevision, clickId, model, terms } };
}

function commandFor(
  command: attribution.Command['command'],
  conversionId: string,
  { advertiserId, reasonCode, isTest }: AttributionCommanded,
): attribution.Command {
  return {
    command,
    advertiserId,
    conversionId,
    expectedRevision: null,
    clickId: null,
    model: null,
    terms: null,
    reasonCode,
    isTest,
  };
}

/** A customer id is found by its hash, as the edge has made one of each. */
function personIn(order: AttributionCommanded): Reading {
  const keys = attribution.subjectKeys(order, order.subjectHashes);
  return keys.length === 0 || order.conversionId !== null
    ? { ok: false, problem: 'order_malformed' }
    : { ok: true, erase: new Set(keys) };
}

/** Undefined where the text holds none. */
function termsIn(rules: string | null): ReturnType<typeof attribution.termsIn> | null | undefined {
  if (rules === null) return null;
  try {
    return attribution.termsIn(rules);
  } catch {
    return undefined;
  }
}
