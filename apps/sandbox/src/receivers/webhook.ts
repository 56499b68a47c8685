/** A receiver of signed webhooks, as Standard Webhooks wants one: it verifies the body as it came, and takes each message once. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { sentValue } from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Answer, Credentials, OutwardEvent, ParameterNames, Receiver } from './receiver.ts';

/** How far the clock of a message may be off: that of the published libraries. */
const TOLERANCE_MS = 300_000;
const PREFIX = 'whsec_';

export const webhook: Receiver = {
  repeatWindowMs: Number.POSITIVE_INFINITY,
  judge,
  failure: (status) => refusal(status, 'failing'),
  outwardEvents,
};

function judge(call: IncomingCall, credentials: Credentials): Answer {
  const { header } = credentials;
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(header);
  if (!id || !timestamp || !signatures) return refusal(401, 'missing required headers');
  if (!(Math.abs(call.receivedAt - Number(timestamp) * 1_000) <= TOLERANCE_MS)) {
    return refusal(401, 'message timestamp too old or too new');
  }
  const { requiredToken: secret } = credentials;
  if (secret !== null && !isSigned(`${id}.${timestamp}.${call.body}`, signatures, secret)) {
    return refusal(401, 'no matching signature found');
  }
  const message = messageOf(call.body);
  if (message === null) return refusal(400, 'no message of a conversion');
  return message.data['deliveryId'] === id
    ? jsonAnswer(200, { received: id })
    : refusal(400, 'another id in the body');
}

function isSigned(content: string, signatures: string, secret: string): boolean {
  const key = secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret);
  const expected = createHmac('sha256', key).update(content).digest();
  return signatures.split(' ').some((each) => {
    const given = Buffer.from(each.replace(/^v1,/, ''), 'base64');
    return each.startsWith('v1,') && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

interface Message {
  readonly type: string;
  readonly data: JsonObject;
}

function messageOf(body: string): Message | null {
  const parsed = parseJson(body);
  const { type, data } = isJsonObject(parsed) ? parsed : {};
  return typeof type === 'string' && isJsonObject(data) ? { type, data } : null;
}

/** A correction tells what the amounts are now, and which message it corrects; tests are counted nowhere. */
function outwardEvents(call: ReceivedCall, names: ParameterNames): readonly OutwardEvent[] {
  const { deliveryId, correctsDeliveryId, isTest, ...data } = messageOf(call.body)?.data ?? {};
  if (typeof deliveryId !== 'string' || isTest === true) return [];
  const amount = data[names.value];
  const { amount: text, currency } = isJsonObject(amount) ? amount : {};
  const event = { key: deliveryId, identity: deliveryId, value: sentValue(text, currency) };
  return [typeof correctsDeliveryId === 'string' ? { ...event, replaces: correctsDeliveryId } : event];
}

function refusal(status: number, error: string): Answer {
  return jsonAnswer(status, { error }, false);
}
