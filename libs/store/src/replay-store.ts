/** Runs of replays as their steps tell them, and what has become of their orders. */
import type { ReplayRecorded } from '@tributary/contracts';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { eventRows } from './event-rows.ts';

/** A run as its newest step has it; `step` is `stopped` once one has been that. */
export type ReplayRun = ReplayRecorded & {
  /** When it was ordered, epoch ms, and by whom. */
  readonly orderedAt: number;
  readonly orderedBy: string;
};

export interface ReplayOutcome {
  /**
   * An end of a delivery, `under_way`, `waiting` while no attempt was made, `superseded`, or `renamed`: its event was begun under
   * the name that it has now.
   */
  readonly became: string;
  readonly deliveries: number;
}

const steps = eventRows('replay.recorded.v1');
const RUNS = loadQuery('replay-runs').replace('{{columns}}', steps.columns);
const UNFINISHED = loadQuery('unfinished-replays');
const OUTCOMES = loadQuery('replay-outcomes');
const RUNS_LISTED = 100;

export class ReplayStore {
  readonly #clickhouse: Pick<ClickhouseConnection, 'rows'>;

  constructor(clickhouse: Pick<ClickhouseConnection, 'rows'>) {
    this.#clickhouse = clickhouse;
  }

  /** The newest first. @throws DependencyFailure */
  runs(): Promise<readonly ReplayRun[]> {
    return this.#runs([]);
  }

  /** Undefined while none is stored. @throws DependencyFailure */
  async run(runId: string): Promise<ReplayRun | undefined> {
    return (await this.#runs([runId]))[0];
  }

  /** Those that are neither stopped nor completed. @throws DependencyFailure */
  async unfinished(): Promise<readonly ReplayRun[]> {
    const rows = await this.#clickhouse.rows<{ runId: string }>(UNFINISHED);
    return rows.length === 0 ? [] : this.#runs(rows.map(({ runId }) => runId));
  }

  /** What has become of its orders as far as ClickHouse shows them. @throws DependencyFailure */
  outcomesOf(runId: string): Promise<readonly ReplayOutcome[]> {
    return this.#clickhouse.rows<ReplayOutcome>(OUTCOMES, { runId });
  }

  async #runs(runIds: readonly string[]): Promise<readonly ReplayRun[]> {
    const rows = await this.#clickhouse.rows<Readonly<Record<string, unknown>>>(RUNS, {
      runIds,
      limit: RUNS_LISTED,
    });
    return runsIn(rows.map(steps.toEvent));
  }
}

/** @param recorded the last step of each kind. */
export function runsIn(recorded: readonly ReplayRecorded[]): readonly ReplayRun[] {
  return [...Map.groupBy(recorded, ({ runId }) => runId).values()]
    .flatMap((ofRun) => {
      const ordered = ofRun.find(({ step }) => step === 'ordered');
      const newest = ofRun.toSorted((a, b) => b.sequence - a.sequence)[0];
      const end = ofRun.find(({ step }) => step === 'stopped') ?? newest;
      if (ordered === undefined || newest === undefined || end === undefined) return [];
      const { step, actor, recordedAt } = end;
      return [
        { ...newest, step, actor, recordedAt, orderedAt: ordered.recordedAt, orderedBy: ordered.actor },
      ];
    })
    .toSorted((a, b) => b.orderedAt - a.orderedAt);
}
