/** The configuration log without a broker, for tests: same wire form, same order, delivered after the append like the real one. */
import { type ConfigurationChanged, decodeEvent, encodeEvent } from '@tributary/contracts';
import type { ConfigurationLog, FollowedLog } from './follower.ts';

type OnChange = (offset: number, change: ConfigurationChanged | null) => void;

const TOPIC = 'configuration.changed.v1';

export class InMemoryConfigurationLog implements ConfigurationLog {
  readonly #records: Buffer[] = [];
  readonly #readers = new Set<() => void>();

  async follow(onChange: OnChange): Promise<FollowedLog> {
    let next = 0;
    const read = () => {
      for (; this.#readers.has(read) && next < this.#records.length; next += 1)
        onChange(next, this.#decoded(next));
    };
    this.#readers.add(read);
    // A reader of the real log never sees a record in the same turn in which it asked.
    await Promise.resolve();
    read();
    return {
      // Nothing stands between the log and its readers.
      get lastHeardAt() {
        return Date.now();
      },
      stop: async () => {
        this.#readers.delete(read);
      },
    };
  }

  async append(change: ConfigurationChanged): Promise<number> {
    return this.#store(encodeEvent(TOPIC, change));
  }

  /** Appends a record that no reader can decode, as a broken producer would. */
  appendUndecodable(): number {
    return this.#store(Buffer.from('not an event'));
  }

  #store(record: Buffer): number {
    const offset = this.#records.push(record) - 1;
    for (const read of this.#readers) queueMicrotask(read);
    return offset;
  }

  #decoded(offset: number): ConfigurationChanged | null {
    const decoded = decodeEvent(TOPIC, this.#records[offset] ?? null);
    return decoded.ok ? decoded.value : null;
  }
}
