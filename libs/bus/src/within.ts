/** Bounds on waiting: no call to a broker that may be gone is waited for without one. */
import { DependencyFailure } from '@tributary/runtime';

/** The promise's value, or after `boundMs` a failure; the call itself may still end later, and nobody hears of it. @throws DependencyFailure */
export async function within<T>(boundMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new DependencyFailure('kafka_deadline', `${what} took longer than ${boundMs} ms`)),
      boundMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
