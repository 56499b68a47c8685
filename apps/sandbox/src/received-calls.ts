/** The record of every call the receivers got: in memory for questions, in a file so that a restart forgets none. */
import { appendFileSync, closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OnApplicationShutdown } from '@nestjs/common';

/** The kinds of receivers; stored in the record and part of the admin addresses. */
export const RECEIVER_KINDS = [
  'partner',
  'meta',
  'tiktok',
  'snap',
  'pinterest',
  'linkedin',
  'reddit',
  'x',
  'ga4',
  'google-data-manager',
  'microsoft-uet',
  'webhook',
] as const;
export type ReceiverKind = (typeof RECEIVER_KINDS)[number];

/** One receiver: a partner network by name, a platform by the id of the pixel, dataset or account that events go to. */
export interface ReceiverName {
  readonly kind: ReceiverKind;
  readonly name: string;
}

/** A call as it came in; header values are not part of it, so no credential is kept. */
export interface IncomingCall extends ReceiverName {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Decoded, in the order sent. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** The text as sent: amounts in it keep their digits. Empty for none. */
  readonly body: string;
  /** Epoch milliseconds, UTC. */
  readonly receivedAt: number;
}

export interface ReceivedCall extends IncomingCall {
  /** 1 for the first call since the record was cleared. */
  readonly sequence: number;
  /** Whether the receiver took what was reported; true also when the connection was then reset. */
  readonly accepted: boolean;
  /** HTTP status of the answer; null when the connection was reset instead. */
  readonly answeredStatus: number | null;
}

const FILE_NAME = 'received-calls.jsonl';
const LINE_END = '\n';

export class ReceivedCalls implements OnApplicationShutdown {
  readonly #file: number | null;
  #calls: ReceivedCall[];

  /**
   * @param folder where the record is kept, made if missing; empty for memory only.
   * @throws Error when a line of the file cannot be read: the record would otherwise be silently short.
   */
  constructor(folder: string) {
    this.#file = null;
    this.#calls = [];
    if (folder === '') return;
    mkdirSync(folder, { recursive: true });
    this.#file = openSync(join(folder, FILE_NAME), 'a+');
    this.#calls = readCalls(this.#file);
  }

  /**
   * Records a call; when this returns, a SIGKILL of the process no longer loses it. It is not flushed to the disk:
   * the page cache outlives the process, and only a crash of the machine would empty it.
   */
  add(call: Omit<ReceivedCall, 'sequence'>): void {
    const received = { sequence: (this.#calls.at(-1)?.sequence ?? 0) + 1, ...call };
    if (this.#file !== null) appendFileSync(this.#file, JSON.stringify(received) + LINE_END);
    this.#calls.push(received);
  }

  /** Everything recorded, in the order received, of all receivers or of those that match. */
  matching({ kind, name }: Partial<ReceiverName> = {}): readonly ReceivedCall[] {
    return this.#calls.filter(
      (call) => (kind === undefined || call.kind === kind) && (name === undefined || call.name === name),
    );
  }

  /** Loses the last call of a receiver, as a receiver with a fault would; false when it has none. */
  loseLast({ kind, name }: ReceiverName): boolean {
    const index = this.#calls.findLastIndex((call) => call.kind === kind && call.name === name);
    if (index < 0) return false;
    this.#calls.splice(index, 1);
    if (this.#file !== null) {
      ftruncateSync(this.#file);
      appendFileSync(this.#file, this.#calls.map((call) => JSON.stringify(call) + LINE_END).join(''));
    }
    return true;
  }

  clear(): void {
    if (this.#file !== null) ftruncateSync(this.#file);
    this.#calls = [];
  }

  /** Called by Nest after the last answer. */
  onApplicationShutdown(): void {
    if (this.#file !== null) closeSync(this.#file);
  }
}

/** The calls of the file. A last line without its end was never answered: it is cut off, or the next would continue it. */
function readCalls(file: number): ReceivedCall[] {
  const text = readFileSync(file, 'utf8');
  const complete = text.slice(0, text.lastIndexOf(LINE_END) + 1);
  if (complete.length < text.length) ftruncateSync(file, Buffer.byteLength(complete));
  return complete
    .split(LINE_END)
    .slice(0, -1)
    .map((line, index) => readCall(line, index + 1));
}

function readCall(line: string, number: number): ReceivedCall {
  try {
    return JSON.parse(line) as ReceivedCall;
  } catch (cause) {
    throw new Error(`${FILE_NAME}: line ${number} is not a received call`, { cause });
  }
}
