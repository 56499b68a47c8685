/** A cluster of brokers that speak just enough of Kafka's protocol to produce, so that answers can be given which a real one gives once in a year. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';
const PARTITIONS = 12;

const PRODUCE = 0;
const METADATA = 3;
const FIND_COORDINATOR = 10;
const API_VERSIONS = 18;
const INIT_PRODUCER_ID = 22;
/** Newest version of each request that is answered here. */
const VERSIONS = new Map([
  [PRODUCE, 3],
  [METADATA, 1],
  [FIND_COORDINATOR, 0],
  [API_VERSIONS, 0],
  [INIT_PRODUCER_ID, 0],
]);

export const NOT_LEADER = 6;
const COORDINATOR_NOT_AVAILABLE = 15;
export const OUT_OF_ORDER_SEQUENCE = 45;
export const INVALID_PRODUCER_EPOCH = 47;
export const UNKNOWN_PRODUCER_ID = 59;

export interface StoredShare {
  readonly node: number;
  readonly partition: number;
  readonly producerId: number;
  readonly firstSequence: number;
  readonly keys: readonly (string | null)[];
}

export type OnProduce = (share: StoredShare) => Promise<number> | number;

export class StubCluster {
  /** What was acknowledged, in the order of arrival. */
  readonly stored: StoredShare[] = [];
  /** Error code for a share that arrives, 0 to store it. */
  onProduce: OnProduce = () => 0;
  /** Connections are taken and never answered. */
  isMute = false;
  /** How often somebody asked for the coordinator of a group; there is never one. */
  coordinatorAsked = 0;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #leaders = new Map<number, number>();
  #producerIds = 0;

  /** Starts brokers 0 … count - 1; partition n is led by broker n modulo count. */
  async start(count: number): Promise<void> {
    for (let node = 0; node < count; node++) {
      const server = createServer((socket) => this.#serve(node, socket)).listen(0, HOST);
      await once(server, 'listening');
      this.#servers.push(server);
    }
    for (let partition = 0; partition < PARTITIONS; partition++) this.lead(partition, partition % count);
  }

  lead(partition: number, node: number): void {
    this.#leaders.set(partition, node);
  }

  get brokers(): string[] {
    return this.#servers.map((_server, node) => `${HOST}:${this.#portOf(node)}`);
  }

  keysOf(partition: number): (string | null)[] {
    return this.stored.filter((share) => share.partition === partition).flatMap(({ keys }) => keys);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #serve(node: number, socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        const request = new Reader(received.subarray(4, end));
        received = received.subarray(end);
        if (!this.isMute) void this.#answer(node, request).then((answer) => socket.write(answer));
      }
    });
  }

  async #answer(node: number, request: Reader): Promise<Buffer> {
    const apiKey = request.int16();
    const version = request.int16();
    const correlationId = request.int32();
    request.string();
    const body = await this.#bodyOf(node, apiKey, version, request);
    const answer = Buffer.concat([int32(correlationId), body]);
    return Buffer.concat([int32(answer.length), answer]);
  }

  async #bodyOf(node: number, apiKey: number, version: number, request: Reader): Promise<Buffer> {
    if (apiKey === API_VERSIONS) {
      const keys = [...VERSIONS].map(([key, newest]) => Buffer.concat([int16(key), int16(0), int16(newest)]));
      return Buffer.concat([int16(0), array(keys), version > 0 ? int32(0) : Buffer.alloc(0)]);
    }
    if (apiKey === METADATA) return this.#metadata(request.array(() => request.string() ?? ''));
    if (apiKey === INIT_PRODUCER_ID) {
      return Buffer.concat([int32(0), int16(0), int64(++this.#producerIds), int16(0)]);
    }
    if (apiKey === FIND_COORDINATOR) {
      this.coordinatorAsked += 1;
      return Buffer.concat([int16(COORDINATOR_NOT_AVAILABLE), int32(-1), string(''), int32(-1)]);
    }
    if (apiKey === PRODUCE) return this.#produce(node, request);
    throw new Error(`request ${apiKey} is not answered here`);
  }

  #metadata(topics: readonly string[]): Buffer {
    const brokers = this.#servers.map((_server, node) =>
      Buffer.concat([int32(node), string(HOST), int32(this.#portOf(node)), string(null)]),
    );
    const partitions = [...this.#leaders].map(([partition, leader]) =>
      Buffer.concat([
        int16(0),
        int32(partition),
        int32(leader),
        array([int32(leader)]),
        array([int32(leader)]),
      ]),
    );
    const described = topics.map((name) =>
      Buffer.concat([int16(0), string(name), Buffer.from([0]), array(partitions)]),
    );
    return Buffer.concat([array(brokers), int32(0), array(described)]);
  }

  async #produce(node: number, request: Reader): Promise<Buffer> {
    request.string();
    request.int16();
    request.int32();
    const topics = request.array(() => ({
      name: request.string(),
      shares: request.array(() => ({ partition: request.int32(), records: request.bytes() })),
    }));
    const answers: Buffer[] = [];
    for (const { name, shares } of topics) {
      const parts: Buffer[] = [];
      for (const { partition, records } of shares) {
        const share = { node, partition, ...readBatch(records) };
        const code = this.#leaders.get(partition) === node ? await this.onProduce(share) : NOT_LEADER;
        const offset = this.keysOf(partition).length;
        if (code === 0 && !this.#isRepeat(share)) this.stored.push(share);
        parts.push(
          Buffer.concat([int32(partition), int16(code), int64(code === 0 ? offset : -1), int64(-1)]),
        );
      }
      answers.push(Buffer.concat([string(name), array(parts)]));
    }
    return Buffer.concat([array(answers), int32(0)]);
  }

  /** An idempotent producer's repeat is acknowledged and not stored again. */
  #isRepeat({ partition, producerId, firstSequence }: StoredShare): boolean {
    return this.stored.some(
      (known) =>
        known.partition === partition &&
        known.producerId === producerId &&
        known.firstSequence === firstSequence,
    );
  }

  #portOf(node: number): number {
    const address = this.#servers[node]?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }
}

/** Producer id, sequence and keys of a record batch of format 2, the only one an idempotent producer writes. */
function readBatch(batch: Buffer): Pick<StoredShare, 'producerId' | 'firstSequence' | 'keys'> {
  const reader = new Reader(batch);
  reader.skip(8 + 4 + 4 + 1 + 4 + 2 + 4 + 8 + 8);
  const producerId = Number(reader.int64());
  reader.skip(2);
  const firstSequence = reader.int32();
  const keys = reader.array(() => {
    const length = reader.varint();
    const end = reader.position + length;
    reader.skip(1);
    reader.varint();
    reader.varint();
    const keyLength = reader.varint();
    const key = keyLength < 0 ? null : reader.text(keyLength);
    reader.position = end;
    return key;
  });
  return { producerId, firstSequence, keys };
}

class Reader {
  position = 0;
  readonly #buffer: Buffer;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  skip(bytes: number): void {
    this.position += bytes;
  }

  int16(): number {
    this.position += 2;
    return this.#buffer.readInt16BE(this.position - 2);
  }

  int32(): number {
    this.position += 4;
    return this.#buffer.readInt32BE(this.position - 4);
  }

  int64(): bigint {
    this.position += 8;
    return this.#buffer.readBigInt64BE(this.position - 8);
  }

  text(length: number): string {
    this.position += length;
    return this.#buffer.toString('utf8', this.position - length, this.position);
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.text(length);
  }

  bytes(): Buffer {
    const length = this.int32();
    this.position += length;
    return this.#buffer.subarray(this.position - length, this.position);
  }

  array<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  /** Zigzag, as in record batches. */
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#buffer.readUInt8(this.position++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
  }
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function int64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer;
}

function string(text: string | null): Buffer {
  return text === null ? int16(-1) : Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);
}

function array(items: readonly Buffer[]): Buffer {
  return Buffer.concat([int32(items.length), ...items]);
}
