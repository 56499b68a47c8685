/** Loaded into a process of attribution before its own code: kills it at the point that the order file names, once. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';
import { KafkaEventProducer, type Outgoing, partitionOf, type RecordPosition } from '@tributary/bus';
import { StoredOffsets } from '@tributary/store';
import { CRASH_ORDER_FILE, type CrashPoint, type CrashReport } from './crash-points.ts';

type Produce = KafkaEventProducer['produce'];
type Write = (this: Socket, ...args: unknown[]) => boolean;

/** Kafka's key of a Produce request, behind the four bytes of its length. */
const PRODUCE_REQUEST = 0;
const KEY_AT = 4;

const orderFile = process.env[CRASH_ORDER_FILE] ?? '';
/** The point at which the next Produce request is the last, and what it carries. */
let dyingSend: CrashReport | null = null;

function isOrdered(point: CrashPoint): boolean {
  try {
    return readFileSync(orderFile, 'utf8') === point;
  } catch {
    return false;
  }
}

/** Takes the order away, so that nobody else dies of it; false when another was faster. */
function taken(): boolean {
  try {
    renameSync(orderFile, `${orderFile}.${process.pid}`);
    rmSync(`${orderFile}.${process.pid}`);
    return true;
  } catch {
    return false;
  }
}

function die(report: CrashReport): void {
  writeFileSync(`${orderFile}.writing`, JSON.stringify(report));
  renameSync(`${orderFile}.writing`, `${orderFile}.report`);
  process.kill(process.pid, 'SIGKILL');
}

function dieAt(point: CrashPoint, records: number): void {
  if (isOrdered(point) && taken()) die({ point, records });
}

const { produce } = KafkaEventProducer.prototype;

KafkaEventProducer.prototype.produce = async function (
  this: KafkaEventProducer,
  ...[records, ...limits]: Parameters<Produce>
): Promise<readonly RecordPosition[]> {
  const send = (some: readonly Outgoing[]) => produce.call(this, some, ...limits);
  const isDecision = ({ topic }: Outgoing) => topic === 'conversion.decided.v1';
  const isClock = !records.some(({ topic }) => topic === 'postback.judged.v1');
  const decisions = records.filter(isDecision);
  if (decisions.length === 0) return send(records);
  dieAt(isClock ? 'clock-looked' : 'loaded', records.length);
  const some = decisions.filter(({ topic, key }) => partitionOf(topic, key) % 2 === 0);
  if (some.length > 0 && some.length < decisions.length)
    await dieAfter(isClock ? 'clock-part' : 'part-of-decisions', some, send);
  if (!isClock) await dieAfter('decided-not-judged', decisions, send);
  const sent = isClock ? 'clock-sent' : 'sent';
  if (isOrdered(sent) && taken()) dyingSend = { point: sent, records: records.length };
  const positions = await send(records);
  dieAt(isClock ? 'clock-acknowledged' : 'acknowledged', records.length);
  return positions;
};

async function dieAfter(
  point: CrashPoint,
  some: readonly Outgoing[],
  send: (some: readonly Outgoing[]) => Promise<unknown>,
): Promise<void> {
  if (!isOrdered(point) || !taken()) return;
  await send(some);
  die({ point, records: some.length });
}

const { waitFor } = StoredOffsets.prototype;

/** Waited for when partitions are dealt, before anything else is asked. */
StoredOffsets.prototype.waitFor = function (this: StoredOffsets, ...args: Parameters<typeof waitFor>) {
  dieAt('catching-up', 0);
  return waitFor.apply(this, args);
};

const write = Socket.prototype.write as Write;

Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
  const [data] = args;
  const report = dyingSend;
  if (report === null || !isProduceRequest(data)) return write.apply(this, args);
  // Called back once the bytes are the kernel's: they will reach the broker, and no answer will reach this process.
  return write.call(this, data, 'binary', () => die(report));
} as typeof Socket.prototype.write;

function isProduceRequest(data: unknown): boolean {
  return Buffer.isBuffer(data) && data.length > KEY_AT + 2 && data.readInt16BE(KEY_AT) === PRODUCE_REQUEST;
}
