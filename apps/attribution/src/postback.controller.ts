/** Where batches of postbacks enter attribution. */
import { Controller, Inject, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type PartitionBatch, PassThroughFilter } from '@tributary/bus';
import { Attribution } from './attribution.ts';

@Controller()
@UseFilters(PassThroughFilter)
export class PostbackController {
  readonly #attribution: Attribution;

  constructor(@Inject(Attribution) attribution: Attribution) {
    this.#attribution = attribution;
  }

  @EventPattern('postback.received.v1')
  postbacks(@Payload() batch: PartitionBatch<'postback.received.v1'>): Promise<number> {
    return this.#attribution.decide(batch);
  }
}
