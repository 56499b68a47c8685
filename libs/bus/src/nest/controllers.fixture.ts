/** Controllers and filters as services write them, right and wrong ones; what the handlers do is set by the test. */
import { Catch, Controller, type ExceptionFilter, Module, type Type, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EMPTY, type Observable, of } from 'rxjs';
import type { PartitionBatch } from '../records.ts';
import { PassThroughFilter } from './batch-strategy.ts';

export const TOPIC = 'postback.refused.v1';

export const work: { handle: (batch: PartitionBatch) => unknown } = { handle: () => 0 };

export function moduleOf(controller: Type): Type {
  @Module({ controllers: [controller] })
  class TestModule {}
  return TestModule;
}

@Controller()
@UseFilters(PassThroughFilter)
export class Right {
  @EventPattern(TOPIC)
  batch(@Payload() batch: PartitionBatch): unknown {
    return work.handle(batch);
  }
}

@Controller()
export class OfNoTopic {
  @EventPattern('postback.reffused.v1')
  batch(@Payload() _batch: PartitionBatch): number {
    return 0;
  }
}

@Controller()
export class WithoutHandler {}

@Controller()
export class OfOneTopicTwice {
  @EventPattern(TOPIC)
  batch(@Payload() _batch: PartitionBatch): number {
    return 0;
  }

  @EventPattern(TOPIC)
  again(@Payload() _batch: PartitionBatch): number {
    return 0;
  }
}

/** Nest puts its own filter there. */
@Controller()
export class WithoutFilter {
  @EventPattern(TOPIC)
  batch(@Payload() batch: PartitionBatch): unknown {
    return work.handle(batch);
  }
}

@Catch()
class ToValue implements ExceptionFilter {
  catch(error: unknown): Observable<unknown> {
    return of({ failed: String(error) });
  }
}

@Catch()
class ToNothing implements ExceptionFilter {
  catch(): Observable<never> {
    return EMPTY;
  }
}

@Controller()
@UseFilters(ToValue)
export class SwallowingIntoValue {
  @EventPattern(TOPIC)
  batch(@Payload() batch: PartitionBatch): unknown {
    return work.handle(batch);
  }
}

@Controller()
@UseFilters(ToNothing)
export class SwallowingIntoNothing {
  @EventPattern(TOPIC)
  batch(@Payload() batch: PartitionBatch): unknown {
    return work.handle(batch);
  }
}
