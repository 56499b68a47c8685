/** What a service does about an outage, for tests on engines that have just started: it waits and tries the same again. */
import type { EventProducer, OutgoingRecord } from '@tributary/bus';
import { DependencyFailure } from '@tributary/runtime';
import { eventually } from '@tributary/testing';

const OUTAGE_BOUND_MS = 60_000;

/** The call's result once its dependency answers. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const [result] = await eventually(
    () =>
      call().then(
        (value): [T] | [] => [value],
        (error: unknown) => {
          if (error instanceof DependencyFailure) return [];
          throw error;
        },
      ),
    (outcome) => outcome.length > 0,
    OUTAGE_BOUND_MS,
  );
  return result as T;
}

/** Publishes; ids make a repeat harmless. */
export async function publish(producer: EventProducer, records: readonly OutgoingRecord[]): Promise<void> {
  await patiently(() => producer.produce(records));
}
