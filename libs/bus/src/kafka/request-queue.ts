/** Takes a spinning timer out of kafkajs: every connection of version 2.2.4 wakes a thousand times a second while it has nothing to do. */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  /** Epoch ms until which the broker wants no requests; -1 when it never said so. */
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

// Its queue asks for a timer in `throttledUntil - now` ms, which is negative, so 1, and asks again whenever it fires
// (kafkajs issues 1704 and 1751). Nothing waits then: it needs a timer only for requests that do, or are throttled.
const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
  prototype: RequestQueue;
};
const schedule = prototype.scheduleCheckPendingRequests;

prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
};
