/** Our requests beside those of Meta's own published SDK for the same input, field by field. */
import { createRequire } from 'node:module';
import { hashSubject } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { meta } from './meta.ts';
import { sampleDelivery } from './sample.ts';

const { requestOf } = driverOf(meta, {
  pixelId: '123',
  accessToken: 'EAAB-token',
  testEventCode: 'TEST1',
  // The version that this SDK speaks.
  apiVersion: 'v24.0',
});

/** An object of the SDK that is filled by chained setters; its own types do not compile here. */
interface Settable {
  [setter: `set${string}`]: (value: unknown) => Settable;
}

interface Sdk {
  readonly UserData: new () => Settable;
  readonly CustomData: new () => Settable;
  readonly Content: new () => Settable;
  readonly ServerEvent: new () => Settable;
  readonly EventRequest: new (accessToken: string, pixelId: string) => Settable & { execute(): unknown };
}

const sdk = createRequire(import.meta.url)('facebook-nodejs-business-sdk') as Sdk;

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** `{ clientIpAddress: … }` is handed over by `setClientIpAddress`. */
function filled<T extends Settable>(target: T, fields: Fields): T {
  for (const [name, value] of Object.entries(fields)) {
    const setter = `set${name.charAt(0).toUpperCase()}${name.slice(1)}` as const;
    target[setter]?.(value);
    if (target[setter] === undefined) throw new Error(`the SDK has no ${setter}`);
  }
  return target;
}

/** What the SDK puts on the wire; its HTTP service is ours and answers at once. */
async function sentBySdk(events: readonly unknown[], more: Fields = {}): Promise<Sent> {
  const sent: Sent[] = [];
  const httpService = {
    executeRequest: (url: string, method: string, headers: Record<string, string>, params: object) => {
      const body = JSON.parse(JSON.stringify(params, (_name, value) => value ?? undefined));
      sent.push({ method, url, headers, body });
      return Promise.resolve({ events_received: events.length });
    },
  };
  await filled(new sdk.EventRequest('EAAB-token', '123'), { events, httpService, ...more }).execute();
  const [only] = sent;
  if (only === undefined || sent.length > 1) throw new Error('the SDK sends one request');
  return only;
}

/** The sample conversion's person in clear, as somebody would hand it to the SDK; our edge makes the sample's hashes of it. */
const PERSON = {
  email: 'Jane.Doe+news@gmail.com',
  phone: '+1 650 555 0100',
  firstName: 'Jane',
  // Without an apostrophe: the SDK leaves it in, and Meta's page has punctuation removed.
  lastName: 'Doe',
  city: 'New York',
  state: 'NY',
  zip: '10001-1234',
  country: 'US',
  // The SDK hashes no external id.
  externalId: hashSubject({ customerId: 'customer-7' })['customerExternal'],
  clientIpAddress: '203.0.113.77',
  clientUserAgent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
  fbc: 'fb.1.1767315845678.IwAR0AbC-dEf_123',
  fbp: 'fb.1.1767315845678.987654321',
};

const subjectHashes = hashSubject({
  email: PERSON.email,
  phone: PERSON.phone,
  customerId: 'customer-7',
  firstName: PERSON.firstName,
  lastName: PERSON.lastName,
  city: PERSON.city,
  state: PERSON.state,
  postalCode: PERSON.zip,
  country: PERSON.country,
});

const CONTENT = filled(new sdk.Content(), { id: 'sku-9', quantity: 2 });
const ORDER = {
  value: 12.34,
  currency: 'USD',
  orderId: 'order-42',
  predictedLtv: 99.5,
  contentType: 'product',
  contentIds: ['sku-9'],
  contents: [CONTENT],
  numItems: 2,
};

function sdkEvent(eventName: string, eventId: string, more: Fields = {}): Settable {
  return filled(new sdk.ServerEvent(), {
    eventName,
    eventId,
    eventTime: 1_767_319_445,
    actionSource: 'website',
    eventSourceUrl: 'https://shop.example/landing',
    userData: filled(new sdk.UserData(), PERSON),
    customData: filled(new sdk.CustomData(), ORDER),
    ...more,
  });
}

/** The SDK carries the token in the body; ours is in a header. */
function withoutToken({ access_token: _token, ...body }: Sent['body']): object {
  return body;
}

function ourBody(...given: Parameters<typeof requestOf>): unknown {
  return JSON.parse(requestOf(...given).body ?? '');
}

describe("Meta's SDK", () => {
  const sale = sampleDelivery('Purchase', { subjectHashes });

  it('sends a sale to the same address, with the same fields', async () => {
    const theirs = await sentBySdk([sdkEvent('Purchase', sale.deliveryId)]);
    const ours = requestOf([sale]);
    expect({ method: ours.method, url: ours.url }).toEqual({ method: theirs.method, url: theirs.url });
    expect(ours.headers['content-type']).toBe(theirs.headers['Content-Type']);
    expect(ours.headers['authorization']).toBe(`Bearer ${theirs.body['access_token']}`);
    expect(ourBody([sale])).toEqual(withoutToken(theirs.body));
  });

  it('sends a batch alike', async () => {
    const lead = sampleDelivery('Lead', { subjectHashes });
    const theirs = await sentBySdk([
      sdkEvent('Purchase', sale.deliveryId),
      sdkEvent('Lead', lead.deliveryId),
    ]);
    expect(ourBody([sale, lead])).toEqual(withoutToken(theirs.body));
  });

  it('sends a test alike', async () => {
    const test = sampleDelivery('Purchase', { subjectHashes, isTest: true });
    const theirs = await sentBySdk([sdkEvent('Purchase', test.deliveryId)], { testEventCode: 'TEST1' });
    expect(ourBody([test])).toEqual(withoutToken(theirs.body));
  });

  it.each([
    ['located', { country: 0, state: 0 }],
    ['california', { country: 1, state: 1_000 }],
  ])('limits the use of data alike: %s', async (limitedDataUse, { country, state }) => {
    const limits = {
      dataProcessingOptions: ['LDU'],
      dataProcessingOptionsCountry: country,
      dataProcessingOptionsState: state,
    };
    const theirs = await sentBySdk([sdkEvent('Purchase', sale.deliveryId, limits)]);
    expect(ourBody([sale], { limitedDataUse })).toEqual(withoutToken(theirs.body));
  });

  it('opts a person out alike', async () => {
    const consent = { adUserData: 'granted', adPersonalization: 'denied' } as const;
    const theirs = await sentBySdk([sdkEvent('Purchase', sale.deliveryId, { optOut: true })]);
    expect(ourBody([sampleDelivery('Purchase', { subjectHashes, consent })])).toEqual(
      withoutToken(theirs.body),
    );
  });

  it('sends an event that knows of no order alike', async () => {
    const lead = sampleDelivery('Lead', {
      subjectHashes,
      revenue: null,
      transactionId: null,
      productId: null,
      quantity: null,
    });
    const theirs = await sentBySdk([sdkEvent('Lead', lead.deliveryId, { customData: undefined })]);
    expect(ourBody([lead])).toEqual(withoutToken(theirs.body));
  });
});
