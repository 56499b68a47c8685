/** Encryption at rest of secret configuration fields and of personal data that a platform needs in clear. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

const FORMAT = 1;
const KEY_BYTES = 32;
const KEY_TAG_BYTES = 4;
const NONCE_BYTES = 12;
const AUTH_TAG_BYTES = 16;
const DAY_BYTES = 4;
const DAY_MS = 86_400_000;
/** What is decrypted is mostly of the last days; a replay passes through more. */
const KEPT_DAY_KEYS = 64;

interface Key {
  /** First bytes of the key's SHA-256: tells which key decrypts, and nothing of the key. */
  readonly tag: Buffer;
  readonly bytes: Buffer;
}

/** AES-256-GCM under `SECRETS_KEYS`: the first key encrypts, all decrypt, so a key is rotated by putting a new one in front. */
export class Encryption {
  readonly #keys: readonly Key[];
  /** The key of the day that is encrypted now: deriving one costs more than encrypting an address. */
  #today: { readonly day: number; readonly key: KeyObject } | undefined;
  /** The same for what is decrypted, by tag and day; the oldest is forgotten first. */
  readonly #dayKeys = new Map<string, KeyObject>();

  /**
   * @param keys base64 keys of 32 bytes, comma separated.
   * @throws Error when a key has another length; the message holds no key.
   */
  constructor(keys: string) {
    this.#keys = keys.split(',').map((text, index) => {
      const bytes = Buffer.from(text.trim(), 'base64');
      if (bytes.length !== KEY_BYTES)
        throw new Error(`SECRETS_KEYS: key ${index + 1} is not ${KEY_BYTES} bytes of base64`);
      return { tag: createHash('sha256').update(bytes).digest().subarray(0, KEY_TAG_BYTES), bytes };
    });
  }

  /** Ciphertext of a secret field; `context` (entity and field) binds it to its place, so it cannot be moved to another. */
  encryptSecret(plain: string, context: string): Buffer {
    const key = this.#primary();
    return Buffer.concat([Buffer.from([FORMAT]), key.tag, seal(key.bytes, plain, context)]);
  }

  /** @throws Error when no key fits or the ciphertext was moved or changed. */
  decryptSecret(ciphertext: Uint8Array, context: string): string {
    const buffer = Buffer.from(ciphertext);
    const key = this.#keyOf(buffer);
    return open(key.bytes, buffer.subarray(1 + KEY_TAG_BYTES), context);
  }

  /** Name of the key that encrypts now, as hex: the first bytes of its SHA-256. */
  get primaryKeyTag(): string {
    return this.#primary().tag.toString('hex');
  }

  /** Names of all keys of this process, in their order. */
  get keyTags(): readonly string[] {
    return this.#keys.map(({ tag }) => tag.toString('hex'));
  }

  /** Ciphertext of personal data under a key derived for the UTC day of `at`, so that a day's key opens that day alone. */
  encryptPersonal(plain: string, at: number): Buffer {
    const key = this.#primary();
    const day = Buffer.alloc(DAY_BYTES);
    const number = Math.floor(at / DAY_MS);
    day.writeUInt32BE(number);
    if (this.#today?.day !== number) this.#today = { day: number, key: createSecretKey(dayKey(key, day)) };
    return Buffer.concat([Buffer.from([FORMAT]), key.tag, day, seal(this.#today.key, plain, 'personal')]);
  }

  /** @throws Error when no key fits or the ciphertext was changed. */
  decryptPersonal(ciphertext: Uint8Array): string {
    const buffer = Buffer.from(ciphertext);
    const body = 1 + KEY_TAG_BYTES + DAY_BYTES;
    return open(this.#dayKeyOf(buffer.subarray(0, body)), buffer.subarray(body), 'personal');
  }

  /** Keyed hash of an address, for velocity rules: equal addresses are found, none can be read back by trying all. */
  hashAddress(address: string): string {
    return hash('sha256', Buffer.concat([this.#primary().bytes, Buffer.from(address)]), 'hex');
  }

  /** @param head of a ciphertext: format, tag and day. */
  #dayKeyOf(head: Buffer): KeyObject {
    const name = head.toString('latin1');
    const kept = this.#dayKeys.get(name);
    if (kept !== undefined) return kept;
    const key = createSecretKey(dayKey(this.#keyOf(head), head.subarray(1 + KEY_TAG_BYTES)));
    const [oldest] = this.#dayKeys.keys();
    if (oldest !== undefined && this.#dayKeys.size >= KEPT_DAY_KEYS) this.#dayKeys.delete(oldest);
    this.#dayKeys.set(name, key);
    return key;
  }

  #primary(): Key {
    const [first] = this.#keys;
    if (first === undefined) throw new Error('SECRETS_KEYS is empty');
    return first;
  }

  #keyOf(ciphertext: Buffer): Key {
    const tag = ciphertext.subarray(1, 1 + KEY_TAG_BYTES);
    const key = this.#keys.find((candidate) => candidate.tag.equals(tag));
    if (ciphertext[0] !== FORMAT || key === undefined)
      throw new Error('no key in SECRETS_KEYS decrypts this value');
    return key;
  }
}

/** Name of the key that a ciphertext was made with; it may be one that this process does not have. */
export function keyTagOf(ciphertext: Uint8Array): string {
  return Buffer.from(ciphertext.subarray(1, 1 + KEY_TAG_BYTES)).toString('hex');
}

function dayKey(key: Key, day: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', key.bytes, day, 'tributary personal data', KEY_BYTES));
}

/** Drawn in bulk: asking the generator for twelve bytes costs as much as encrypting an address with them. */
const NONCES_AT_ONCE = 256;
let nonces = Buffer.alloc(0);

/** Random bytes that were never given out before. */
function nextNonce(): Buffer {
  if (nonces.length === 0) nonces = randomBytes(NONCES_AT_ONCE * NONCE_BYTES);
  const nonce = nonces.subarray(0, NONCE_BYTES);
  nonces = nonces.subarray(NONCE_BYTES);
  return nonce;
}

function seal(key: Buffer | KeyObject, plain: string, context: string): Buffer {
  const nonce = nextNonce();
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const body = cipher.update(plain, 'utf8');
  // Of GCM nothing is left for the end but the tag.
  cipher.final();
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

function open(key: Buffer | KeyObject, sealed: Buffer, context: string): string {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: AUTH_TAG_BYTES })
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + AUTH_TAG_BYTES));
  return Buffer.concat([
    decipher.update(sealed.subarray(NONCE_BYTES + AUTH_TAG_BYTES)),
    decipher.final(),
  ]).toString('utf8');
}
