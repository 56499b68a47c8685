/** What a load has told the pipeline: clicks and postbacks with their places in the log, written without ingestion. */
import { type EventProducer, outgoing } from '@tributary/bus';
import type { ClickRecorded, PostbackReceived } from '@tributary/contracts';

export interface ToldPostback {
  readonly event: PostbackReceived;
  readonly partition: number;
  readonly offset: number;
}

export class ToldFacts {
  readonly clicks: ClickRecorded[] = [];
  readonly #postbacks: ToldPostback[] = [];
  readonly #producer: EventProducer;

  constructor(producer: EventProducer) {
    this.#producer = producer;
  }

  /** In log order within each partition. */
  get postbacks(): readonly ToldPostback[] {
    return this.#postbacks.toSorted((a, b) => a.offset - b.offset);
  }

  get size(): number {
    return this.#postbacks.length;
  }

  /** @throws DependencyFailure */
  async click(...clicks: readonly ClickRecorded[]): Promise<void> {
    await this.#producer.produce(clicks.map((click) => outgoing('click.recorded.v1', click.clickId, click)));
    this.clicks.push(...clicks);
  }

  /** @throws DependencyFailure */
  async postback(event: PostbackReceived): Promise<void> {
    const [place] = await this.#producer.produce([outgoing('postback.received.v1', event.lane, event)]);
    if (place === undefined) throw new Error('a postback was acknowledged without a place');
    this.#postbacks.push({ event, partition: place.partition, offset: place.offset });
  }
}
