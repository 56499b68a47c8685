/** Looks for clicks of a person that have become visible after the person's conversions were decided: they may share the credit, or win it. */
import { partitionOf } from '@tributary/bus';
import type { attribution } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { FactsStore, PersonClick, StoredPlace } from '@tributary/store';
import type { DecisionBatches } from './decision-batches.ts';
import type { DecisionLanes } from './decision-lanes.ts';
import type { DecisionWriter } from './decision-writer.ts';
import type { LaneProgress } from './lane-progress.ts';
import type { RulesInForce } from './rules-in-force.ts';

export interface LateTouchesOptions {
  readonly store: Pick<FactsStore, 'personClicks'>;
  readonly rules: RulesInForce;
  readonly batches: DecisionBatches;
  readonly writer: DecisionWriter;
  readonly progress: LaneProgress;
  readonly lanes: DecisionLanes;
  readonly configurationVersion: () => number;
  readonly clock: Clock;
}

/** A click is stored with the instant at which its insertion began, and shows when that has ended. */
const OVERLAP_MS = 30_000;
/** After a takeover: how long nobody may have looked. A click that came to the log in a longer outage is not looked for. */
const LOOK_BACK_MS = 86_400_000;
const MAX_AT_ONCE = 5_000;
const POSTBACKS = 'postback.received.v1';

export class LateTouches {
  readonly #options: LateTouchesOptions;
  #owned: ReadonlySet<number> = new Set();
  #place: StoredPlace = startOf(0);
  /** Looked at within the overlap, with the instant at which each was stored. */
  readonly #seen = new Map<string, number>();

  constructor(options: LateTouchesOptions) {
    this.#options = options;
  }

  /** The partitions are dealt anew: the owners before may not have looked at the latest clicks. */
  own(partitions: readonly number[]): void {
    this.#owned = new Set(partitions);
    this.#place = startOf(this.#options.clock.now() - LOOK_BACK_MS);
    this.#seen.clear();
  }

  /** @throws DependencyFailure; the same clicks are then looked at again. */
  async look(): Promise<void> {
    const { store, rules, lanes } = this.#options;
    const owned = this.#owned;
    const lanesByAdvertiser = rules.lanesLinkingPersons();
    if (lanesByAdvertiser.size === 0 || owned.size === 0) return;
    const found = await store.personClicks([...lanesByAdvertiser.keys()], this.#place, MAX_AT_ONCE);
    const fresh = found.filter(({ clickId }) => !this.#seen.has(clickId));
    const byPartition = Map.groupBy(
      fresh.flatMap((click) => touchesIn(lanesByAdvertiser.get(click.advertiserId) ?? [], click)),
      ({ partition }) => partition,
    );
    for (const [partition, touches] of byPartition)
      if (this.#owned.has(partition)) await lanes.run(partition, () => this.#decide(partition, touches));
    // Dealt anew meanwhile: the place of the new deal stands.
    if (owned === this.#owned) this.#note(found);
  }

  async #decide(partition: number, touches: readonly Touch[]): Promise<void> {
    const { batches, writer, progress, configurationVersion } = this.#options;
    const turn = progress.turn(partition, configurationVersion());
    const inputs = touches
      .toSorted(byClick)
      .map(({ clickId, lane }): attribution.Input => ({ kind: 'click', clickId, lane, at: turn() }));
    const decided = await batches.decide(partition, inputs, new Set());
    // The click is found again; what others go by is that a conversion names it.
    await writer.write(partition, decided, {
      isAbout: (input, { facts }) => facts.clickId === touches[input]?.clickId,
    });
  }

  /** Goes on behind the last one or, where there are no more, from a little before it: some show late. */
  #note(found: readonly PersonClick[]): void {
    const last = found.at(-1);
    if (last === undefined) return;
    for (const { clickId, storedAt } of found) this.#seen.set(clickId, storedAt);
    const isAll = found.length < MAX_AT_ONCE;
    this.#place = isAll ? startOf(Math.max(this.#place.storedAt, last.storedAt - OVERLAP_MS)) : last;
    for (const [clickId, storedAt] of this.#seen)
      if (storedAt < last.storedAt - OVERLAP_MS) this.#seen.delete(clickId);
  }
}

const NO_CLICK = '00000000-0000-0000-0000-000000000000';

function startOf(storedAt: number): StoredPlace {
  return { storedAt, clickId: NO_CLICK };
}

interface Touch {
  readonly clickId: string;
  readonly lane: string;
  readonly partition: number;
}

/** When each was stored is on record nowhere; a replay has the same order by their ids. */
function byClick(a: Touch, b: Touch): number {
  if (a.clickId !== b.clickId) return a.clickId < b.clickId ? -1 : 1;
  return a.lane < b.lane ? -1 : 1;
}

function touchesIn(lanes: readonly string[], { clickId }: PersonClick): readonly Touch[] {
  return lanes.map((lane) => ({ clickId, lane, partition: partitionOf(POSTBACKS, lane) }));
}
