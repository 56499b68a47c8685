/** Nest's transport over our consumer group: @EventPattern(topic) handlers get whole batches, and an offset is committed only after them. */
import { Catch, type ExceptionFilter } from '@nestjs/common';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { TOPICS, type TopicName } from '@tributary/contracts';
import { lastValueFrom, type Observable, throwError } from 'rxjs';
import { type ConsumerGroupOptions, KafkaConsumerGroup } from '../kafka/consumer-group.ts';
import type { BatchHandler } from '../records.ts';

export type BatchStrategyOptions = Omit<ConsumerGroupOptions, 'handlers'>;

// Why not Nest's own Kafka server: it commits offsets without work in four known cases and loops for ever on a poison record.
export class BatchStrategy extends Server implements CustomTransportStrategy {
  readonly #options: BatchStrategyOptions;
  #group: KafkaConsumerGroup | undefined;

  constructor(options: BatchStrategyOptions) {
    super();
    this.#options = options;
  }

  listen(callback: (error?: unknown) => void): void {
    this.#group = new KafkaConsumerGroup({ ...this.#options, handlers: this.#handlers() });
    this.#group.start().then(() => callback(), callback);
  }

  async close(): Promise<void> {
    await this.#group?.stop();
    this.#group = undefined;
  }

  /** True while this instance is a member of its group. */
  get isMember(): boolean {
    return this.#group?.isMember ?? false;
  }

  override on(): never {
    throw new Error('events of the consumer are handled inside the bus');
  }

  override unwrap<T>(): T {
    throw new Error('the consumer is not handed out');
  }

  #handlers(): ReadonlyMap<TopicName, BatchHandler> {
    return new Map(
      [...this.messageHandlers].map(([pattern, handler]) => {
        if (!(pattern in TOPICS)) throw new Error(`no topic is called ${pattern}`);
        const handle: BatchHandler = async (batch) => {
          const answer: Observable<number> = this.transformToObservable(await handler(batch));
          return lastValueFrom(answer);
        };
        return [pattern as TopicName, handle];
      }),
    );
  }
}

/** Lets a handler's error reach the bus as it is: Nest's own filter would turn an outage into a plain object. */
@Catch()
export class PassThroughFilter implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
