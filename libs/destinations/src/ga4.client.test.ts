/** Our requests beside those of Segment's published destination for the same input. */

import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import type { OutwardDelivery } from './definition.ts';
import { ga4 } from './ga4.ts';
import { sampleCorrection, sampleDelivery } from './sample.ts';

const { requestOf } = driverOf(ga4, { measurementId: 'G-ABC1234567', apiSecret: 'secret-1' });
const SETTINGS = { apiSecret: 'secret-1', measurementId: 'G-ABC1234567' };

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
}

/** An action of the package, as far as this test calls it. */
interface Action {
  perform(
    request: (url: string, options: { readonly method: string; readonly json: unknown }) => unknown,
    input: { readonly payload: object; readonly settings: object },
  ): unknown;
}

const load = createRequire(import.meta.url);

/** What the action of this name would send. */
function sentBy(name: string, payload: object): Sent {
  const sent: Sent[] = [];
  const path = `@segment/action-destinations/dist/destinations/google-analytics-4/${name}`;
  const { default: action } = load(path) as { readonly default: Action };
  action.perform(
    (url, { method, json }) => {
      // As it goes over the wire: without what is undefined.
      sent.push({ method, url, body: JSON.parse(JSON.stringify(json)) });
    },
    { payload, settings: SETTINGS },
  );
  const [only] = sent;
  if (only === undefined) throw new Error('the action sends nothing');
  return only;
}

function ours(delivery: OutwardDelivery): Sent {
  const { method, url, body } = requestOf([delivery]);
  return { method, url, body: JSON.parse(body ?? '') };
}

/** The same call with the parameters of its URL in the same order. */
function inOrder({ method, url, body }: Sent) {
  const { origin, pathname, searchParams } = new URL(url);
  return { method, address: `${origin}${pathname}`, query: Object.fromEntries(searchParams), body };
}

const person = {
  client_id: '123456789.1767315845',
  ad_user_data_consent: 'GRANTED',
  ad_personalization_consent: 'GRANTED',
};

describe("Segment's destination", () => {
  it('sends a purchase alike', () => {
    const delivery = sampleDelivery('purchase', {
      extras: { ga_client_id: 'GA1.1.123456789.1767315845', ga_session_id: '1767315800' },
    });
    const theirs = sentBy('purchase', {
      ...person,
      timestamp_micros: '2026-01-02T02:04:05.678Z',
      transaction_id: 'order-42',
      value: 12.34,
      currency: 'USD',
      tax: 1.97,
      shipping: 0.99,
      coupon: 'SPRING',
      items: [{ item_id: 'sku-9', quantity: 2 }],
      engagement_time_msec: 1,
      params: { session_id: '1767315800', delivery_id: delivery.deliveryId },
    });
    expect(inOrder(ours(delivery))).toEqual(inOrder(theirs));
  });

  it.each([
    ['restate', 7.37],
    ['retract', 12.34],
  ] as const)('sends a refund alike: %s', (kind, value) => {
    const delivery = sampleCorrection(kind, 'purchase', 'refund');
    const theirs = sentBy('refund', {
      ...person,
      timestamp_micros: '2026-01-02T02:54:05.678Z',
      transaction_id: 'order-42',
      value,
      currency: 'USD',
      params: { delivery_id: delivery.deliveryId },
    });
    const { body } = theirs as {
      readonly body: { readonly events: readonly { params: { items?: unknown } }[] };
    };
    // It lists no items where we leave the list out.
    expect(body.events[0]?.params.items).toEqual([]);
    delete body.events[0]?.params.items;
    expect(inOrder(ours(delivery))).toEqual(inOrder(theirs));
  });

  it('sends a lead alike', () => {
    const delivery = sampleDelivery('generate_lead');
    const theirs = sentBy('generateLead', {
      ...person,
      timestamp_micros: '2026-01-02T02:04:05.678Z',
      value: 12.34,
      currency: 'USD',
      params: { delivery_id: delivery.deliveryId },
    });
    expect(inOrder(ours(delivery))).toEqual(inOrder(theirs));
  });
});
