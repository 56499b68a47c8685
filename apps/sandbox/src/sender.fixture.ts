/** Sends what a destination's definition builds to the sandbox, and has the definition judge what comes back. */
import {
  batchesOf,
  type CorrectionPlan,
  destinationFor,
  isAdjustment,
  type OutwardDelivery,
  parseSettings,
  planCorrection,
} from '@tributary/destinations';
import type { AttemptOutcome } from '@tributary/domain';

export interface Sender {
  /** One request. */
  send(deliveries: readonly OutwardDelivery[]): Promise<readonly AttemptOutcome[]>;
  /**
   * As many requests as it takes: parted as the definition says, and halved where it asks for that, as the engine does.
   * @returns the outcome of each delivery, in their order.
   */
  sendAll(deliveries: readonly OutwardDelivery[]): Promise<readonly AttemptOutcome[]>;
  /** Whether and as what a correction would be sent. */
  planOf(delivery: OutwardDelivery): CorrectionPlan;
}

/** @param key of a registered definition. */
export function senderOf(
  key: string,
  given: {
    readonly raw: Readonly<Record<string, unknown>>;
    readonly now: () => number;
    readonly accessToken?: string;
  },
): Sender {
  const definition = destinationFor(key);
  if (definition === null) throw new Error(`no definition has the key ${key}`);
  const parsed = parseSettings(definition, given.raw);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { settings } = parsed;

  const send: Sender['send'] = async (deliveries) => {
    const now = given.now();
    const accessToken = given.accessToken ?? null;
    const { url, method, headers, body } = definition.buildRequest({
      deliveries,
      settings,
      accessToken,
      now,
    });
    const response = await fetch(url, { method, headers, body });
    return definition.judge({
      response: {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      },
      deliveryCount: deliveries.length,
      isAdjustment: deliveries.some((delivery) => isAdjustment(definition, delivery, settings)),
      settings,
      now,
    });
  };

  const settle: Sender['send'] = async (batch) => {
    const outcomes = await send(batch);
    const again = batch.filter((_, place) => asksForSplit(outcomes[place]));
    if (again.length === 0 || batch.length === 1) return outcomes;
    // Without those that were refused by name the rest may pass as it is.
    const size = again.length < batch.length ? again.length : Math.ceil(again.length / 2);
    const settled = [
      ...(await settle(again.slice(0, size))),
      ...(size < again.length ? await settle(again.slice(size)) : []),
    ];
    const byDelivery = new Map(again.map((delivery, place) => [delivery, settled[place]]));
    return batch.flatMap((delivery, place) => byDelivery.get(delivery) ?? outcomes[place] ?? []);
  };

  return {
    send,
    planOf: ({ conversion, correction }) => {
      if (correction === null) throw new Error('not a correction');
      return planCorrection(definition, settings, { conversion, correction }, given.now());
    },
    sendAll: async (deliveries) => {
      const outcomes = new Map<OutwardDelivery, AttemptOutcome | undefined>();
      for (const batch of batchesOf(definition, deliveries, settings)) {
        const settled = await settle(batch);
        for (const [index, delivery] of batch.entries()) outcomes.set(delivery, settled[index]);
      }
      return deliveries.flatMap((delivery) => outcomes.get(delivery) ?? []);
    },
  };
}

function asksForSplit(outcome: AttemptOutcome | undefined): boolean {
  return outcome?.outcome === 'retry' && outcome.splitBatch === true;
}
