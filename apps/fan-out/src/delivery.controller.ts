/** Where decided conversions, due retries and orders to send again enter fan-out. */
import { Controller, Inject, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type BatchAnswer, type PartitionBatch, PassThroughFilter } from '@tributary/bus';
import { FanOut } from './fan-out.ts';
import { DUE_TOPICS, type DueTopic } from './timer.ts';

@Controller()
@UseFilters(PassThroughFilter)
export class DeliveryController {
  readonly #fanOut: FanOut;

  constructor(@Inject(FanOut) fanOut: FanOut) {
    this.#fanOut = fanOut;
  }

  @EventPattern('conversion.decided.v1')
  decisions(@Payload() batch: PartitionBatch<'conversion.decided.v1'>): Promise<number> {
    return this.#fanOut.decisions(batch);
  }

  @EventPattern('delivery.commanded.v1')
  commands(@Payload() batch: PartitionBatch<'delivery.commanded.v1'>): Promise<number> {
    return this.#fanOut.commands(batch);
  }

  @EventPattern([...DUE_TOPICS])
  due(@Payload() batch: PartitionBatch<DueTopic>): Promise<BatchAnswer> {
    return this.#fanOut.due(batch);
  }
}
