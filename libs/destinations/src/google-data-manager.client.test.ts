/** Our requests beside those of Google's own client for the same input, field by field. */
import { IngestionServiceClient, protos } from '@google-ads/datamanager';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import type { OutwardDelivery } from './definition.ts';
import {
  ACCOUNT_REASONS,
  DESTINATION_REASONS,
  DROPPED_REASONS,
  googleDataManager,
} from './google-data-manager.ts';
import { sampleCorrection, sampleDelivery } from './sample.ts';

const { requestOf, settingsOf } = driverOf(
  googleDataManager,
  {
    customerId: '1234567890',
    loginCustomerId: '9876543210',
    events: { sale: '444' },
    clientId: 'client-1',
    clientSecret: 'secret-1',
    refreshToken: 'refresh-1',
  },
  'token-1',
);

const { v1 } = protos.google.ads.datamanager;
type Request = protos.google.ads.datamanager.v1.IIngestEventsRequest;

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What the client puts on the wire; its transport is ours and answers at once. */
async function sentByClient(request: Request): Promise<Sent> {
  return sentBy('{"requestId":"request-1"}', async (client) => {
    const [response] = await client.ingestEvents(request);
    expect(response.requestId).toBe('request-1');
  });
}

async function sentBy(
  answer: string,
  call: (client: IngestionServiceClient) => Promise<unknown>,
): Promise<Sent> {
  const sent: Sent[] = [];
  const auth = {
    universeDomain: 'googleapis.com',
    getRequestHeaders: () => Promise.resolve(new Headers()),
    fetch: (url: string, { method, headers, body }: { method: string; headers: Headers; body?: string }) => {
      sent.push({ method, url, headers: Object.fromEntries(headers), body: JSON.parse(body || 'null') });
      return Promise.resolve(new Response(answer));
    },
  };
  await call(new IngestionServiceClient({ fallback: true, auth: auth as never }));
  const [only] = sent;
  if (only === undefined || sent.length > 1) throw new Error('the client sends one request');
  return only;
}

const at = (text: string) => {
  const ms = Date.parse(text);
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 };
};

/** The sample conversion as somebody would hand it to the client. */
function sampleRequest({ deliveryId, conversion }: OutwardDelivery): Request {
  const { subjectHashes } = conversion;
  return {
    destinations: [
      {
        operatingAccount: { accountType: 'GOOGLE_ADS', accountId: '1234567890' },
        loginAccount: { accountType: 'GOOGLE_ADS', accountId: '9876543210' },
        productDestinationId: '444',
      },
    ],
    encoding: 'HEX',
    events: [
      {
        transactionId: deliveryId,
        eventTimestamp: at('2026-01-02T02:04:05.678Z'),
        eventSource: 'WEB',
        conversionValue: 12.34,
        currency: 'USD',
        adIdentifiers: {
          gclid: 'Cj0KCQiA-example_BwE',
          landingPageDeviceInfo: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0' },
        },
        userData: {
          userIdentifiers: [
            { emailAddress: subjectHashes['emailGmail'] ?? null },
            { phoneNumber: subjectHashes['phoneE164'] ?? null },
          ],
        },
        consent: { adUserData: 'CONSENT_GRANTED', adPersonalization: 'CONSENT_GRANTED' },
      },
    ],
  };
}

/** Both bodies as the client's own message types read them: numbers or names of enums, and of times, are the same then. */
function asMessage(body: unknown): unknown {
  const message = v1.IngestEventsRequest.fromObject(withPlainTimes(body) as object);
  return v1.IngestEventsRequest.toObject(message, { enums: String, longs: Number });
}

/** Protobuf's plain objects write a time as seconds and nanoseconds, its JSON as text. */
function withPlainTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPlainTimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      name.endsWith('Timestamp') ? at(inner as string) : withPlainTimes(inner),
    ]),
  );
}

describe("Google's client", () => {
  const delivery = sampleDelivery('444');

  it('sends an event to the same address, with the same fields', async () => {
    const theirs = await sentByClient(sampleRequest(delivery));
    const ours = requestOf([delivery]);
    const { origin, pathname } = new URL(theirs.url);
    expect(ours.method).toBe(theirs.method);
    // The client names the port of https, and how it wants enums in the answer.
    expect(ours.url).toBe(`${origin}${decodeURIComponent(pathname)}`);
    expect(theirs.headers['content-type']).toBe(ours.headers['content-type']);
    expect(asMessage(JSON.parse(ours.body ?? ''))).toEqual(asMessage(theirs.body));
  });

  it('writes times, values and ids as we do', async () => {
    const { body } = await sentByClient(sampleRequest(delivery));
    const [theirs] = (body as { events: readonly Record<string, unknown>[] }).events;
    const [ours] = JSON.parse(requestOf([delivery]).body ?? '').events;
    for (const name of [
      'transactionId',
      'eventTimestamp',
      'conversionValue',
      'currency',
      'adIdentifiers',
      'userData',
    ]) {
      expect(ours[name]).toEqual(theirs?.[name]);
    }
  });

  it.each([
    ['restate', 4.97],
    ['retract', 0],
  ] as const)('sends an adjustment alike: %s', async (kind, conversionValue) => {
    const correction = sampleCorrection(kind, '444');
    const request = sampleRequest(delivery);
    const events = request.events?.map((event) => ({
      ...event,
      conversionValue,
      lastUpdatedTimestamp: at('2026-01-02T02:54:05.678Z'),
    }));
    const theirs = await sentByClient({ ...request, events: events ?? [] });
    expect(asMessage(JSON.parse(requestOf([correction]).body ?? ''))).toEqual(asMessage(theirs.body));
  });

  it('sends a test alike', async () => {
    const theirs = await sentByClient({ ...sampleRequest(delivery), validateOnly: true });
    const ours = requestOf([sampleDelivery('444', { isTest: true })]);
    expect(asMessage(JSON.parse(ours.body ?? ''))).toEqual(asMessage(theirs.body));
  });

  it('knows every field that we send', () => {
    const body = JSON.parse(requestOf([sampleCorrection('restate', '444')]).body ?? '');
    // Protobuf's verifier leaves unknown names alone, so what came through is compared with what went in.
    const known = v1.IngestEventsRequest.toObject(
      v1.IngestEventsRequest.fromObject(withPlainTimes(body) as object),
      {
        enums: String,
        longs: Number,
      },
    );
    expect(known).toEqual(withPlainTimes(body));
  });

  it('asks alike what became of a request, and reads of the answer what we read', async () => {
    const { followUp } = googleDataManager;
    if (followUp === undefined) throw new Error('a follow-up was expected');
    const body = JSON.stringify({
      requestStatusPerDestination: [
        {
          requestStatus: 'PARTIAL_SUCCESS',
          errorInfo: {
            errorCounts: [{ recordCount: '2', reason: 'PROCESSING_ERROR_REASON_EVENT_TOO_OLD' }],
          },
        },
      ],
    });
    const theirs = await sentBy(body, async (client) => {
      const [answer] = await client.retrieveRequestStatus({ requestId: 'request/1' });
      expect(answer.requestStatusPerDestination).toMatchObject([
        { requestStatus: 'PARTIAL_SUCCESS', errorInfo: { errorCounts: [{ recordCount: '2' }] } },
      ]);
    });
    const settings = settingsOf();
    const ours = followUp.buildRequest({ requestId: 'request/1', settings, accessToken: 'token-1', now: 0 });
    const { origin, pathname, searchParams } = new URL(theirs.url);
    expect(ours.method).toBe(theirs.method.toUpperCase());
    expect(ours.url).toBe(
      `${origin}${decodeURIComponent(pathname)}?requestId=${encodeURIComponent(searchParams.get('requestId') ?? '')}`,
    );
    expect(theirs.body).toBeNull();
    const response = { status: 200, headers: {}, body };
    expect(
      followUp.judge({ response, deliveryCount: 3, isAdjustment: false, settings, now: 0 }),
    ).toMatchObject({ answer: 'settled', groups: [{ count: 2 }, { count: 1 }] });
  });

  it.each(DROPPED_REASONS)('knows the reason %s of a dropped event', (reason) => {
    const names = Object.keys(v1.ProcessingErrorReason);
    expect(names).toContain(`PROCESSING_ERROR_REASON_${reason}`);
  });

  it.each([...ACCOUNT_REASONS, ...DESTINATION_REASONS])('knows the reason %s', (reason) => {
    expect(Object.keys(v1.ErrorReason)).toContain(reason);
  });
});
