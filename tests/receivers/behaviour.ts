/** What the local receivers of benchmarks and fault loops are told, and what they tell. */

/** How a receiver behaves; shares are in [0, 1]. */
export interface Behaviour {
  /** How long an answer takes, ms; null: there is never one, and nothing is taken. */
  readonly answerAfterMs: number | null;
  /** Share of the requests that are answered 503 and not taken. */
  readonly failing: number;
  /** Share of the requests that are taken, and cut in place of an answer. */
  readonly losing: number;
  /** Share of the deliveries that are answered 400, the same ones each time. */
  readonly refusing: number;
}

export const WELL: Behaviour = { answerAfterMs: 0, failing: 0, losing: 0, refusing: 0 };
export const BLACK_HOLE: Behaviour = { ...WELL, answerAfterMs: null };
export const FAILING: Behaviour = { ...WELL, failing: 1 };

/** A request as it came, to be sent again by whoever measures the ceiling. */
export interface KeptRequest {
  readonly receiver: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Deliveries in it. */
  readonly deliveries: number;
}

/** What is kept beside the counts. */
export interface Keeping {
  /** So many of the first requests. */
  readonly requests: number;
  /** When each delivery came first. */
  readonly arrivals: boolean;
}

/** Over all receivers, since the last `begin`. */
export interface Counts {
  readonly requests: number;
  /** Deliveries taken, repeats among them. */
  readonly taken: number;
  readonly bodyBytes: number;
  /** Requests without an answer so far. */
  readonly open: number;
  /** Requests that were taken and cut on purpose. */
  readonly lost: number;
}

/** One receiver, since the last `begin`. */
export interface Reception {
  readonly requests: number;
  /** How often each delivery was taken, by its id. */
  readonly takes: ReadonlyMap<string, number>;
  /** When it came first, epoch ms with fractions. */
  readonly arrivals: ReadonlyMap<string, number>;
  readonly refused: ReadonlySet<string>;
  /** By second of the epoch. */
  readonly seconds: ReadonlyMap<number, { readonly requests: number; readonly mostAtOnce: number }>;
}

export interface Report {
  readonly receptions: readonly Reception[];
  readonly kept: readonly KeptRequest[];
}

export interface Orders {
  readonly listen: { readonly order: 'listen'; readonly receivers: number; readonly seed: number };
  readonly begin: { readonly order: 'begin'; readonly keeping: Keeping };
  readonly behave: {
    readonly order: 'behave';
    readonly receivers: readonly number[];
    readonly behaviour: Behaviour;
  };
  readonly count: { readonly order: 'count' };
}
export type OrderName = keyof Orders;

export interface Answers {
  /** A port for each receiver. */
  readonly listen: readonly number[];
  /** What came since the last one: nothing falls between two. */
  readonly begin: Report;
  readonly behave: null;
  readonly count: Counts;
}

export interface Question {
  readonly id: number;
  readonly order: Orders[OrderName];
}

export interface Answer {
  readonly id: number;
  readonly answer: Answers[OrderName];
}
