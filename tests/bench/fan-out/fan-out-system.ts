/** What the fan-out benchmark runs against: embedded engines, the tables, one fan-out process, and receivers in a process of their own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { outgoing } from '@tributary/bus';
import { CONCURRENCY } from '../../../apps/fan-out/src/destination-lanes.ts';
import {
  type AskedDelivery,
  type ConfiguredReceiver,
  changesOf,
  destinationIdOf,
  type ReceiverKind,
  SECRETS_KEY,
} from '../../receivers/configured-receivers.ts';
import { LocalReceivers } from '../../receivers/local-receivers.ts';
import { BenchEngines } from '../bench-engines.ts';
import { cpuSecondsOf } from '../cpu-seconds.ts';
import { MeasuredService } from '../measured-service.ts';
import type { CeilingOrder, CeilingResult } from './undici-ceiling.child.ts';

export type BenchProcess = 'fan-out' | 'clickhouse' | 'kafka' | 'receivers';

const CEILING = join(import.meta.dirname, 'undici-ceiling.child.ts');
const SEND_AT_ONCE = 2_000;
/** So that a receiver that answers after 29 seconds is slow, and not away. */
const DELIVERY_TIMEOUT_MS = 30_000;

export class FanOutSystem {
  readonly engines: BenchEngines;
  readonly local: LocalReceivers;
  readonly receivers: readonly ConfiguredReceiver[];
  readonly #versions = new Map<string, number>();
  #fanOut: MeasuredService | undefined;

  private constructor(engines: BenchEngines, local: LocalReceivers, kinds: readonly ReceiverKind[]) {
    this.engines = engines;
    this.local = local;
    this.receivers = kinds.map((kind, index) => ({ index, kind, origin: local.origins[index] ?? '' }));
  }

  /** @param kinds of the receivers, one each. */
  static async start(kinds: readonly ReceiverKind[]): Promise<FanOutSystem> {
    const [engines, local] = await Promise.all([BenchEngines.start(), LocalReceivers.start(kinds.length)]);
    const system = new FanOutSystem(engines, local, kinds);
    for (const receiver of system.receivers) await system.#configure(receiver);
    return system;
  }

  /** @param profileTo directory for a CPU profile of the process, written when it ends. */
  async startFanOut(profileTo: string | null): Promise<void> {
    this.#fanOut = await MeasuredService.start({
      name: 'fan-out',
      portSetting: 'FAN_OUT_PORT',
      profileTo,
      environment: {
        ...this.engines.environment,
        SECRETS_KEYS: SECRETS_KEY,
        DELIVERY_TIMEOUT_MS: String(DELIVERY_TIMEOUT_MS),
        DELIVERY_ALLOWED_NETWORKS: '127.0.0.0/8',
      },
    });
  }

  async send(asked: readonly AskedDelivery[]): Promise<void> {
    for (let start = 0; start < asked.length; start += SEND_AT_ONCE)
      await this.engines.producer.produce(
        asked.slice(start, start + SEND_AT_ONCE).map(({ record }) => record),
      );
  }

  /** A new version of destinations, as somebody writes who has mended them: their lanes begin anew. */
  async mend(receivers: readonly ConfiguredReceiver[]): Promise<void> {
    for (const receiver of receivers) await this.#configure(receiver);
  }

  /** What undici alone does with requests that fan-out has sent. */
  async ceiling(order: Omit<CeilingOrder, 'origins' | 'connections'>): Promise<CeilingResult> {
    const child = fork(CEILING, [], { execArgv: process.execArgv });
    const whole: CeilingOrder = { ...order, origins: this.local.origins, connections: CONCURRENCY };
    child.send(whole);
    const ended = once(child, 'exit').then(() => {
      throw new Error('the ceiling ended without a result');
    });
    const [result] = await Promise.race([once(child, 'message'), ended]);
    // Its requests are none of ours.
    await this.local.begin();
    return result as CeilingResult;
  }

  /** CPU time of each process so far. @throws Error while fan-out does not run. */
  cpuSeconds(): Readonly<Record<BenchProcess, number>> {
    if (this.#fanOut === undefined) throw new Error('fan-out does not run');
    return {
      'fan-out': this.#fanOut.cpuSeconds,
      ...this.engines.cpuSeconds(),
      receivers: cpuSecondsOf(this.local.pid),
    };
  }

  async stop(): Promise<void> {
    await this.#fanOut?.stop();
    await this.local.stop();
    await this.engines.stop();
  }

  async #configure(receiver: ConfiguredReceiver): Promise<void> {
    const expectedVersion = this.#versions.get(destinationIdOf(receiver)) ?? -1;
    const isFirst = expectedVersion === -1;
    const now = Date.now();
    const later = isFirst ? {} : { expectedVersion, recordedAt: now, effectiveFrom: now };
    const changes = changesOf(receiver, later);
    // A subscription stays as it is.
    const records = (isFirst ? changes : changes.slice(0, 1)).map((change) =>
      outgoing('configuration.changed.v1', change.entityId, change),
    );
    const [place] = await this.engines.producer.produce(records);
    if (place !== undefined) this.#versions.set(destinationIdOf(receiver), place.offset);
  }
}
