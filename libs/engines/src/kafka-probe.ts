/** Asks a Kafka broker, in its own protocol, whether it serves clients yet. */
import { connect } from 'node:net';
import { LOOPBACK } from './free-port.ts';

const METADATA_KEY = 3;
const METADATA_VERSION = 1;
const CORRELATION_ID = 1;
const NULL_STRING = -1;
const ANSWER_BOUND_MS = 1_000;

/**
 * True once the broker lists itself among the live brokers.
 *
 * An open port is too early, and so is an ApiVersions answer: while the controller still fences the broker, it answers
 * that too, but refuses to create topics for want of brokers. Metadata lists only brokers that are not fenced.
 */
export function isKafkaServing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port });
    let received = Buffer.alloc(0);
    const finish = (serving: boolean) => {
      socket.destroy();
      resolve(serving);
    };
    socket.setTimeout(ANSWER_BOUND_MS, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const brokers = liveBrokers(received);
      if (brokers !== undefined) finish(brokers > 0);
    });
  });
}

/** Length, header (key, version, correlation id, no client id), then an empty list of topics. */
function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(METADATA_KEY, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt32BE(CORRELATION_ID, 8);
  request.writeInt16BE(NULL_STRING, 12);
  request.writeInt32BE(0, 14);
  return request;
}

/** The answer begins with its length, the correlation id and the number of brokers; undefined until those are here. */
function liveBrokers(received: Buffer): number | undefined {
  if (received.length < 12) return undefined;
  return received.readInt32BE(4) === CORRELATION_ID ? received.readInt32BE(8) : 0;
}
