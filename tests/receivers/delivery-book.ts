/** What was asked for, and what the receivers have taken of it: each delivery once, unless somebody may repeat it. */
import type { Report } from './behaviour.ts';
import type { AskedDelivery } from './configured-receivers.ts';

export interface DeliveryBalance {
  readonly asked: number;
  /** Distinct deliveries that were taken or refused. */
  readonly reached: number;
  readonly refused: number;
  /** Asked for, and not heard of. */
  readonly missing: number;
  /** Taken by a receiver that they were not for, or asked for by nobody. */
  readonly foreign: number;
  /** Taken more than once, by id: how often beyond the first time. */
  readonly repeats: ReadonlyMap<string, number>;
}

export class DeliveryBook {
  /** By receiver. */
  readonly #asked = new Map<number, Set<string>>();
  readonly #taken = new Map<number, Map<string, number>>();
  readonly #refused = new Set<string>();

  ask({ receiver, deliveryId }: AskedDelivery): void {
    const ids = this.#asked.get(receiver.index);
    if (ids === undefined) this.#asked.set(receiver.index, new Set([deliveryId]));
    else ids.add(deliveryId);
  }

  /** What came since the report before. */
  note({ receptions }: Report): void {
    for (const [index, { takes, refused }] of receptions.entries()) {
      const taken = this.#taken.get(index) ?? new Map<string, number>();
      for (const [id, times] of takes) taken.set(id, (taken.get(id) ?? 0) + times);
      this.#taken.set(index, taken);
      for (const id of refused) this.#refused.add(id);
    }
  }

  askedOf(receiver: number): ReadonlySet<string> {
    return this.#asked.get(receiver) ?? new Set();
  }

  /** @param receivers of which alone; all when absent. */
  balance(receivers: readonly number[] = [...this.#asked.keys(), ...this.#taken.keys()]): DeliveryBalance {
    const balance = { asked: 0, reached: 0, refused: 0, missing: 0, foreign: 0 };
    const repeats = new Map<string, number>();
    for (const index of new Set(receivers)) {
      const asked = this.askedOf(index);
      const taken = this.#taken.get(index) ?? new Map<string, number>();
      balance.asked += asked.size;
      for (const id of asked) {
        if (this.#refused.has(id)) balance.refused += 1;
        if (taken.has(id) || this.#refused.has(id)) balance.reached += 1;
        else balance.missing += 1;
      }
      for (const [id, times] of taken) {
        if (!asked.has(id)) balance.foreign += 1;
        if (times > 1) repeats.set(id, times - 1);
      }
    }
    return { ...balance, repeats };
  }
}
