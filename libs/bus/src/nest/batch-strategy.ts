/** Nest's transport over our consumer group: @EventPattern(topic) handlers get whole batches, and an offset is committed only after them. */

import { Catch, type ExceptionFilter } from '@nestjs/common';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { TOPICS, type TopicName } from '@tributary/contracts';
import type { GroupStatus } from '@tributary/runtime';
import { lastValueFrom, type Observable, throwError } from 'rxjs';
import { type ConsumerGroupOptions, KafkaConsumerGroup } from '../kafka/consumer-group.ts';
import type { BatchAnswer, BatchHandler, ConsumerGroup } from '../records.ts';

export type BatchStrategyOptions = Omit<ConsumerGroupOptions, 'handlers'> & {
  /** Makes the group; a test may give one in memory. */
  readonly makeGroup?: (options: ConsumerGroupOptions) => ConsumerGroup;
};

const NO_GROUP: GroupStatus = { isMember: false, assigned: 0, prepared: 0, lag: 0, isStalled: false };

// Why not Nest's own Kafka server: it commits offsets without work in four known cases and loops for ever on a poison record.
export class BatchStrategy extends Server implements CustomTransportStrategy {
  readonly #options: BatchStrategyOptions;
  #group: ConsumerGroup | undefined;

  constructor(options: BatchStrategyOptions) {
    super();
    this.#options = options;
  }

  listen(callback: (error?: unknown) => void): void {
    this.#start().then(() => callback(), callback);
  }

  async close(): Promise<void> {
    await this.#group?.stop();
    this.#group = undefined;
  }

  /** `status` is taken by Nest. */
  get groupStatus(): GroupStatus {
    return this.#group?.status ?? NO_GROUP;
  }

  override on(): never {
    throw new Error('events of the consumer are handled inside the bus');
  }

  override unwrap<T>(): T {
    throw new Error('the consumer is not handed out');
  }

  async #start(): Promise<void> {
    const { makeGroup = (options) => new KafkaConsumerGroup(options) } = this.#options;
    this.#group = makeGroup({ ...this.#options, handlers: this.#handlers() });
    await this.#group.start();
  }

  #handlers(): ReadonlyMap<TopicName, BatchHandler> {
    return new Map(
      [...this.messageHandlers].map(([pattern, handler]) => {
        if (!Object.hasOwn(TOPICS, pattern)) throw new Error(`no topic is called ${pattern}`);
        if (handler.next !== undefined)
          throw new Error(`two handlers take ${pattern}, and Nest would await one only`);
        const handle: BatchHandler = async (batch) => {
          const answer: Observable<BatchAnswer> = this.transformToObservable(await handler(batch));
          // Nothing at all is an answer too, which the bus refuses: a filter that swallows errors must not look like a defect of the record.
          return lastValueFrom(answer, { defaultValue: Number.NaN }).catch((error: unknown) => {
            if (isOfNestsOwnFilter(error)) return Number.NaN;
            throw error;
          });
        };
        return [pattern as TopicName, handle];
      }),
    );
  }
}

/** Nest's own filter turns every error into this; what was an outage cannot be told from a defect any more. */
function isOfNestsOwnFilter(error: unknown): boolean {
  return typeof error === 'object' && !(error instanceof Error) && Object(error).status === 'error';
}

/** Lets a handler's error reach the bus as it is; every controller of the bus needs it. */
@Catch()
export class PassThroughFilter implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
