/** The local receivers as fan-out knows them: a destination and a subscription for each, and decided conversions that each asks for one delivery. */
import { createHash } from 'node:crypto';
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';
import { deterministicUuid, outwardKey } from '@tributary/domain';
import { Encryption } from '@tributary/runtime';
import { aDecision } from '@tributary/testing';

/** Of the benchmarks and fault loops alone. */
export const SECRETS_KEY = Buffer.alloc(32, 7).toString('base64');

export type ReceiverKind = 'partner-postback' | 'meta';

export interface ConfiguredReceiver {
  /** Its place among the local receivers. */
  readonly index: number;
  /** Number of the partner whose conversions it is told; its place when absent. */
  readonly partner?: number;
  readonly kind: ReceiverKind;
  readonly origin: string;
  /** Requests at once. */
  readonly concurrency?: number;
  readonly scheduleMs?: readonly number[];
}

/** A decision on its way, and the one delivery that it asks for. */
export interface AskedDelivery {
  readonly receiver: ConfiguredReceiver;
  readonly deliveryId: string;
  readonly record: OutgoingRecord;
}

/** What a sale is called outward. */
const EVENTS: Readonly<Record<ReceiverKind, string>> = { 'partner-postback': 'sale', meta: 'Purchase' };
const CLICK_AGE_MS = 3_600_000;
const CLICK_ADDRESS = '192.0.2.10';
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36';

const encryption = new Encryption(SECRETS_KEY);
/** Encrypted anew each hour: fan-out derives a key for each day. */
let address: { readonly until: number; readonly ciphertext: Buffer } | undefined;

export function destinationIdOf({ index }: ConfiguredReceiver): string {
  return `receiver-${index}`;
}

/** The destination and its subscription. @param overrides for a later version of the destination. */
export function changesOf(
  receiver: ConfiguredReceiver,
  overrides: Partial<ConfigurationChanged> = {},
): readonly [ConfigurationChanged, ConfigurationChanged] {
  const { index, kind, concurrency, scheduleMs } = receiver;
  const id = destinationIdOf(receiver);
  const destination = {
    id,
    name: id,
    definition: kind,
    settings: settingsOf(receiver),
    partnerId: partnerIdOf(receiver),
    status: 'active',
    ...(concurrency !== undefined && { concurrency }),
    ...(scheduleMs !== undefined && { scheduleMs }),
  };
  const secrets: Record<string, Buffer> =
    kind === 'meta'
      ? { accessToken: encryption.encryptSecret(`token-${index}`, `destination:${id}:accessToken`) }
      : {};
  const subscription = {
    id: `to-${id}`,
    destinationId: id,
    filter: { partnerIds: [partnerIdOf(receiver)] },
  };
  return [
    aChange('destination', destination, { secrets, ...overrides }),
    aChange('subscription', subscription),
  ];
}

function settingsOf({ kind, origin, index }: ConfiguredReceiver): Readonly<Record<string, string>> {
  if (kind === 'meta') return { baseUrl: origin, pixelId: `10000${index}` };
  const query =
    'cid={partner_click_id}&sum={payout|decimals:2}&cur={currency}&status={status}&tx={conversion_id}&sub={sub1}';
  return { urlTemplate: `${origin}/postback?${query}` };
}

export function partnerIdOf({ index, partner = index }: ConfiguredReceiver): string {
  return `partner-${partner}`;
}

/**
 * A sale that the receiver is to be told, encoded.
 * @param name of one name the same conversion comes each time. @param at when it occurred and was decided, epoch ms.
 */
export function saleFor(receiver: ConfiguredReceiver, name: string, at: number): AskedDelivery {
  const conversionId = deterministicUuid('outward_sale', name);
  const clickId = deterministicUuid('outward_click', name);
  const decided = aDecision({
    conversionId,
    receiptId: deterministicUuid('outward_receipt', name),
    transactionId: `order-${name}`,
    partnerId: partnerIdOf(receiver),
    partnerClickId: `network-${clickId.slice(-12)}`,
    occurredAt: at,
    receivedAt: at,
    decidedAt: at,
    clickId,
    clickedAt: at - CLICK_AGE_MS,
    clickReceivedAt: at - CLICK_AGE_MS,
    clickUserAgent: USER_AGENT,
    clickIpCiphertext: clickAddress(at),
    adPlatformIds: [{ name: 'fbclid', value: `IwAR-${clickId.slice(-12)}`, firstSeenAt: at - CLICK_AGE_MS }],
    subjectHashes: { emailPlain: createHash('sha256').update(name).digest('hex') },
    consentAdUserData: 'granted',
    consentAdPersonalization: 'granted',
  });
  return {
    receiver,
    deliveryId: outwardKey(conversionId, destinationIdOf(receiver), EVENTS[receiver.kind]),
    record: outgoing('conversion.decided.v1', conversionId, decided),
  };
}

function clickAddress(at: number): Buffer {
  if (address === undefined || address.until < at)
    address = { until: at + 3_600_000, ciphertext: encryption.encryptPersonal(CLICK_ADDRESS, at) };
  return address.ciphertext;
}
