/** Sends what a destination's definition builds to the sandbox, and has the definition judge what comes back. */
import {
  batchesOf,
  type CorrectionPlan,
  destinationFor,
  type FollowUpAnswer,
  isAdjustment,
  type OutwardDelivery,
  type OutwardRequest,
  type OutwardResponse,
  parseSettings,
  planCorrection,
} from '@tributary/destinations';
import type { AttemptOutcome } from '@tributary/domain';

/** Asks the platform once. */
export type Asker = () => Promise<FollowUpAnswer>;

export interface Sender {
  /** One request. */
  send(deliveries: readonly OutwardDelivery[]): Promise<readonly AttemptOutcome[]>;
  /**
   * As many requests as it takes: parted as the definition says, and halved where it asks for that, as the engine does.
   * @returns the outcome of each delivery, in their order.
   */
  sendAll(deliveries: readonly OutwardDelivery[]): Promise<readonly AttemptOutcome[]>;
  /** One request, and how to ask what became of what it carried; null where there is nothing to ask. */
  ask(deliveries: readonly OutwardDelivery[]): Promise<Asker | null>;
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

  const accessToken = given.accessToken ?? null;
  const responseTo = (deliveries: readonly OutwardDelivery[]) =>
    exchange(definition.buildRequest({ deliveries, settings, accessToken, now: given.now() }));
  const carried = (deliveries: readonly OutwardDelivery[]) => ({
    deliveryCount: deliveries.length,
    isAdjustment: deliveries.some((delivery) => isAdjustment(definition, delivery, settings)),
    settings,
    now: given.now(),
  });

  const send: Sender['send'] = async (deliveries) =>
    definition.judge({ response: await responseTo(deliveries), ...carried(deliveries) });

  const ask: Sender['ask'] = async (deliveries) => {
    const { followUp } = definition;
    if (followUp === undefined) throw new Error(`${key} is asked nothing`);
    const response = await responseTo(deliveries);
    const isTest = deliveries.some(({ conversion }) => conversion.isTest);
    const requestId = followUp.requestIdOf({ response, isTest });
    if (requestId === null) return null;
    return async () => {
      const question = followUp.buildRequest({ requestId, settings, accessToken, now: given.now() });
      return followUp.judge({ response: await exchange(question), ...carried(deliveries) });
    };
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
    ask,
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

async function exchange({ url, method, headers, body }: OutwardRequest): Promise<OutwardResponse> {
  const response = await fetch(url, { method, headers, body });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

function asksForSplit(outcome: AttemptOutcome | undefined): boolean {
  return outcome?.outcome === 'retry' && outcome.splitBatch === true;
}
