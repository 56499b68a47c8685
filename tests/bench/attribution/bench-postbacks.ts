/** The postbacks of the attribution benchmark: the same mix for the same seed, encoded before anything is measured. */
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import type { PostbackReceived } from '@tributary/contracts';
import { deterministicUuid } from '@tributary/domain';
import {
  advertiserOf,
  clickIdOf,
  clickOf,
  customerOf,
  freshClickIdOf,
  HISTORY_DAYS,
  type History,
  pastTransactionOf,
  postbackOf,
} from './bench-history.ts';

const KINDS = ['sale', 'duplicate', 'renewal', 'refund', 'late'] as const;
export type PostbackKind = (typeof KINDS)[number];

/** Shares in percent; the rest are sales with a stored click. */
const SHARES = { duplicate: 5, renewal: 5, refund: 2, late: 3 } as const;
/** Of the clicks that are named, so many are of the last day. */
const LAST_DAY_PERCENT = 80;

export interface BenchPostback {
  readonly kind: PostbackKind;
  readonly record: OutgoingRecord;
  /** Of a late one: its click, to be recorded after the postback has been judged. */
  readonly click: OutgoingRecord | null;
  readonly transactionId: string | null;
}

export class BenchPostbacks {
  readonly #history: History;
  readonly #run: string;
  readonly #random: () => number;
  readonly #sales: { readonly advertiser: string; readonly changes: Partial<PostbackReceived> }[] = [];
  #count = 0;

  constructor(history: History, run: string, seed: number) {
    this.#history = history;
    this.#run = run;
    this.#random = randomOf(seed);
  }

  /** @param at when the edge received it, epoch ms. */
  mixed(at: number): BenchPostback {
    return this.#postback(this.#kind(), at);
  }

  /** A sale whose click is stored, or with `isFresh` is recorded at the same time by whoever sends it. */
  sale(at: number, isFresh: boolean): BenchPostback {
    return this.#postback(isFresh ? 'late' : 'sale', at);
  }

  #kind(): PostbackKind {
    let left = this.#random() * 100;
    for (const [kind, share] of Object.entries(SHARES)) {
      left -= share;
      if (left < 0) return kind as PostbackKind;
    }
    return 'sale';
  }

  #postback(kind: PostbackKind, at: number): BenchPostback {
    const index = this.#count++;
    const name = `${this.#run}-${index}`;
    const past = this.#index();
    const advertiser = advertiserOf(past);
    const own = { transactionId: `t-${name}`, customerId: `n-${name}` };
    switch (kind) {
      case 'sale': {
        const changes = { ...own, clickId: clickIdOf(past, this.#history) };
        this.#sales.push({ advertiser, changes });
        return this.#made(kind, name, at, advertiser, changes);
      }
      case 'duplicate': {
        const sold = this.#sales[Math.floor(this.#random() * this.#sales.length)];
        if (sold !== undefined && index % 2 === 0)
          return this.#made(kind, name, at, sold.advertiser, sold.changes);
        return this.#made(kind, name, at, advertiser, {
          transactionId: pastTransactionOf(past),
          customerId: customerOf(past),
          clickId: clickIdOf(past, this.#history),
        });
      }
      case 'renewal':
        return this.#made(kind, name, at, advertiser, {
          eventType: 'renewal',
          transactionId: own.transactionId,
          customerId: customerOf(past),
        });
      case 'refund':
        return this.#made(kind, name, at, advertiser, {
          eventType: 'refund',
          transactionId: own.transactionId,
          originalTransactionId: pastTransactionOf(past),
          reversalId: own.transactionId,
          revenueMicros: 1_000_000n,
        });
      case 'late': {
        const clickId = freshClickIdOf(name, at - 1_000);
        const click = outgoing('click.recorded.v1', clickId, clickOf(clickId, advertiser, at - 1_000));
        return { ...this.#made(kind, name, at, advertiser, { ...own, clickId }), click };
      }
    }
  }

  #made(
    kind: PostbackKind,
    name: string,
    at: number,
    advertiser: string,
    changes: Partial<PostbackReceived>,
  ): BenchPostback {
    const event = postbackOf(advertiser, deterministicUuid('bench_receipt', name), at, changes);
    const record = outgoing('postback.received.v1', event.lane, event);
    return { kind, record, click: null, transactionId: event.transactionId };
  }

  /** Of a click, past conversion or customer, mostly of the last day. */
  #index(): number {
    const { stored } = this.#history;
    const lastDay = Math.ceil(stored / HISTORY_DAYS);
    const isOfLastDay = this.#random() * 100 < LAST_DAY_PERCENT;
    return isOfLastDay
      ? stored - 1 - Math.floor(this.#random() * lastDay)
      : 1 + Math.floor(this.#random() * (stored - 1));
  }
}

/** Mulberry32: the load is the same in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
