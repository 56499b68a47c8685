/** Where batches of postbacks and of orders enter attribution. */
import { Controller, Inject, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type BatchAnswer, type PartitionBatch, PassThroughFilter } from '@tributary/bus';
import { Attribution } from './attribution.ts';

@Controller()
@UseFilters(PassThroughFilter)
export class AttributionController {
  readonly #attribution: Attribution;

  constructor(@Inject(Attribution) attribution: Attribution) {
    this.#attribution = attribution;
  }

  @EventPattern('postback.received.v1')
  postbacks(@Payload() batch: PartitionBatch<'postback.received.v1'>): Promise<BatchAnswer> {
    return this.#attribution.decide(batch);
  }

  @EventPattern('attribution.commanded.v1')
  orders(@Payload() batch: PartitionBatch<'attribution.commanded.v1'>): Promise<BatchAnswer> {
    return this.#attribution.execute(batch);
  }
}
