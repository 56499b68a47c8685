/** Executes orders: what a person commanded for one conversion becomes its next revision; what cannot be read is set aside. */
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

type Reading =
  | { readonly ok: true; readonly command: attribution.Command }
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
    const inputs: Extract<attribution.Input, { kind: 'command' }>[] = [];
    const aside: OutgoingRecord[] = [];
    const turn = progress.turn(partition, configurationVersion);
    for (const incoming of events) {
      const reading = commandIn(incoming.event);
      if (!reading.ok) aside.push(this.#setAside(incoming, reading.problem));
      else inputs.push({ kind: 'command', command: reading.command, at: turn() });
    }
    const decided = await batches.decide(partition, inputs, new Set());
    await writer.write(partition, decided, {
      others: aside,
      isAbout: (input, { conversionId }) => inputs[input]?.command.conversionId === conversionId,
      // An order that is given twice may have stopped between its decision and the signals.
      isInDoubt: true,
    });
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
  const command = COMMANDS.find((known) => known === order.command);
  // Terms of an earlier configuration are given whole, as `rules`.
  if (command === undefined || order.rulesVersion !== null) return { ok: false, problem: 'order_unknown' };
  const { advertiserId, conversionId, expectedRevision, clickId, reasonCode, isTest } = order;
  const model = ATTRIBUTION_MODELS.find((known) => known === order.model) ?? null;
  const terms = termsIn(order.rules);
  if (conversionId === null || model !== order.model || terms === undefined)
    return { ok: false, problem: 'order_malformed' };
  return {
    ok: true,
    command: {
      command,
      advertiserId,
      conversionId,
      expectedRevision,
      clickId,
      model,
      terms,
      reasonCode,
      isTest,
    },
  };
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
