/** The load as a process of its own, so that sending costs the server's event loop nothing: builds its requests, waits for the word, sends. */
import process from 'node:process';
import { pipelineClickRequest, saleRequest } from '../pipeline/pipeline-requests.ts';
import { type LoadResult, runLoad } from './generator.ts';
import { batchRequest, ceilingRequest, clickRequest, postbackRequest, signedRequest } from './requests.ts';

const REQUESTS = {
  ceiling: ceilingRequest,
  postback: postbackRequest,
  signed: signedRequest,
  batch: batchRequest,
  click: clickRequest,
  'pipeline-click': pipelineClickRequest,
  sale: saleRequest,
} as const;
export type RequestKind = keyof typeof REQUESTS;

export interface LoadOrder {
  readonly kind: RequestKind;
  /** Names the facts: of two loads with the same name request n is the same. */
  readonly run: string;
  readonly port: number;
  readonly connections: number;
  /** Requests that are built beforehand; the load ends when they are used up. */
  readonly prepared: number;
  readonly durationMs: number;
  readonly perSecond: number | null;
}

export type FromChild =
  | { readonly type: 'prepared' }
  | { readonly type: 'done'; readonly result: LoadResult }
  | { readonly type: 'failed'; readonly message: string };

const tell = (message: FromChild) => process.send?.(message);

process.once('message', (order: LoadOrder) => {
  const requests = Array.from({ length: order.prepared }, (_, index) =>
    REQUESTS[order.kind](order.run, index),
  );
  process.once('message', () => {
    runLoad({ ...order, requests })
      .then((result) => tell({ type: 'done', result }))
      .catch((error: Error) => tell({ type: 'failed', message: error.message }));
  });
  tell({ type: 'prepared' });
});
