/** The click event: what is kept, what only as a hash or encrypted, and what not at all. */
import { randomBytes } from 'node:crypto';
import { aChange, Configuration } from '@tributary/configuration';
import { encodeEvent } from '@tributary/contracts';
import { AD_PLATFORM_PARAMETERS, hashSubject } from '@tributary/domain';
import { Encryption } from '@tributary/runtime';
import { describe, expect, it } from 'vitest';
import { type ClickContext, type ClickFacts, readClick, strayClickRecordOf } from './click-record.ts';

const NOW = Date.UTC(2026, 0, 2);
const encryption = new Encryption(randomBytes(32).toString('base64'));

function context(changes: Partial<ClickContext> = {}): ClickContext {
  const configuration = new Configuration();
  configuration.apply(0, aChange('offer', { id: 'shoes', advertiserId: 'acme', name: 'Shoes' }));
  configuration.apply(
    1,
    aChange('campaign', {
      id: 'spring',
      offerId: 'shoes',
      partnerId: 'blog',
      name: 'Spring',
      landingUrl: 'https://shop.example/',
      status: 'active',
    }),
  );
  const campaign = configuration.campaign('spring');
  const offer = configuration.offer('shoes');
  if (campaign === undefined || offer === undefined) throw new Error('the configuration is malformed');
  return {
    campaign,
    offer,
    configurationVersion: 1,
    receivedAt: NOW,
    encryption,
    ipAddress: '192.0.2.77',
    userAgent: 'Mozilla/5.0',
    referrer: 'https://blog.example/post',
    country: null,
    automation: null,
    ...changes,
  };
}

function recorded(
  parameters: Record<string, string> = {},
  facts: Partial<ClickFacts> = {},
  changes: Partial<ClickContext> = {},
) {
  return readClick(context(changes), {
    clickId: '019b7c0a-1c88-7000-8000-000000000001',
    kind: 'redirect',
    clickedAt: NOW - 5,
    landingUrl: 'https://shop.example/?click_id=1',
    parameters: new Map(Object.entries(parameters)),
    ...facts,
  }).record;
}

it('knows whose click it is, from the configuration alone', () => {
  const event = recorded({
    advertiser_id: 'evil',
    campaign: 'evil',
    partner_id: 'evil',
    partner_click_id: 'p-1',
  });
  expect(event).toMatchObject({
    advertiserId: 'acme',
    offerId: 'shoes',
    campaignId: 'spring',
    partnerId: 'blog',
    partnerClickId: 'p-1',
    clickedAt: NOW - 5,
    receivedAt: NOW,
    configurationVersion: 1,
    isTest: false,
  });
  expect(encodeEvent('click.recorded.v1', event).length).toBeGreaterThan(0);
});

it('keeps sub-ids, utm parameters and nothing unknown', () => {
  const sent = {
    sub1: 'a',
    sub20: 'b',
    sub0: 'no',
    sub21: 'no',
    sub: 'no',
    utm_source: 'mail',
    utm_: 'no',
    other: 'no',
    sub2: '',
  };
  const event = recorded(sent);
  expect(event.subIds).toEqual({ sub1: 'a', sub20: 'b' });
  expect(event.utm).toEqual({ utm_source: 'mail' });
  expect(
    JSON.stringify(event, (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
  ).not.toContain('no"');
});

it('keeps every ad-platform id as it is, with when it was first seen', () => {
  const sent = Object.fromEntries(AD_PLATFORM_PARAMETERS.map((name) => [name, ` ${name}-Id+/= `]));
  expect(recorded({ ...sent, FBCLID: 'no' }).adPlatformIds).toEqual(
    AD_PLATFORM_PARAMETERS.map((name) => ({ name, value: ` ${name}-Id+/= `, firstSeenAt: NOW - 5 })),
  );
});

it('leaves out an ad-platform id it could only keep cut: half an id is another one', () => {
  expect(
    recorded({ fbclid: 'x'.repeat(1_024), gclid: 'x'.repeat(1_025), ttclid: '' }).adPlatformIds,
  ).toHaveLength(1);
});

it('caps what is only looked at', () => {
  const long = 'x'.repeat(5_000);
  const event = recorded({ sub1: long }, { landingUrl: long }, { userAgent: long, referrer: long });
  for (const text of [event.subIds['sub1'], event.landingUrl, event.userAgent, event.referrer])
    expect(text).toHaveLength(1_024);
});

it('keeps no id that it could only keep cut', () => {
  const long = 'x'.repeat(1_025);
  const event = recorded({ customer_id: long, partner_click_id: long });
  expect(event).toMatchObject({ customerId: null, partnerClickId: null });
  expect(event.extras['warnings']).toBe('parameter_too_long:customer_id parameter_too_long:partner_click_id');
});

it('keeps its place in Kafka however much is sent: a record is at most 1 MB', () => {
  const long = '\u{20ac}'.repeat(2_000);
  const names = [
    ...Array.from({ length: 20 }, (_, index) => `sub${index + 1}`),
    ...Array.from({ length: 500 }, (_, index) => `utm_${index}`),
    ...AD_PLATFORM_PARAMETERS,
  ];
  const sent = Object.fromEntries(names.map((name) => [name, long]));
  const event = recorded(sent, { landingUrl: long.repeat(9) }, { userAgent: long, referrer: long });
  expect(Object.keys(event.utm)).toHaveLength(20);
  expect(event.extras['warnings']).toContain('parameters_too_many:utm');
  expect(encodeEvent('click.recorded.v1', event).length).toBeLessThan(300_000);
});

it('keeps what the request said of itself, and the cost', () => {
  const event = recorded(
    { cost: '0.000125', cost_currency: 'usd', consent: 'denied' },
    { fallback: 'campaign_paused' },
    { country: 'AT', automation: 'prefetch' },
  );
  expect(event).toMatchObject({
    country: 'AT',
    automation: 'prefetch',
    costMicros: 125n,
    costCurrency: 'USD',
    consentAdUserData: 'denied',
    consentAdPersonalization: 'denied',
    extras: { fallback: 'campaign_paused' },
  });
});

describe('a click on a campaign that nobody configured', () => {
  const stray = (campaignId: string) =>
    strayClickRecordOf(context({ country: 'AT' }), {
      clickId: '019b7c0a-1c88-7000-8000-000000000001',
      campaignId,
      landingUrl: 'https://fallback.example/',
    });

  it('belongs to nobody, keeps nothing of the person, and tells whose link is broken', () => {
    const event = stray('sprnig');
    expect(event).toMatchObject({
      advertiserId: '',
      offerId: '',
      campaignId: '',
      partnerId: null,
      ipHash: null,
      ipCiphertext: null,
      country: null,
      referrer: 'https://blog.example/post',
      extras: { fallback: 'campaign_unknown', campaign: 'sprnig' },
    });
    expect(encodeEvent('click.recorded.v1', event).length).toBeGreaterThan(0);
  });

  it.each(['CANARY4711@example.org', '4111111111111111', 'a b', '<script>', '', 'x'.repeat(65), '\ud800'])(
    'does not keep %j for a name',
    (campaignId) => {
      expect(stray(campaignId).extras).toEqual({ fallback: 'campaign_unknown' });
    },
  );
});

it.each([
  ['1', true],
  ['true', true],
  ['0', false],
])('test=%s is a test: %s', (test, isTest) => {
  expect(recorded({ test }).isTest).toBe(isTest);
});

describe('the person', () => {
  it('is known by hashes and an encrypted address', () => {
    const event = recorded({ email: 'Jane@Example.org', phone: '+43 664 1234567', customer_id: ' Cust-1 ' });
    expect(event.subjectHashes).toEqual(
      hashSubject({ email: 'jane@example.org', phone: '+436641234567', customerId: 'cust-1' }),
    );
    expect(event.subjectHashes).toHaveProperty('customerExternal');
    expect(event.ipHash).toBe(encryption.hashAddress('192.0.2.77'));
    expect(encryption.decryptPersonal(event.ipCiphertext ?? Buffer.alloc(0))).toBe('192.0.2.77');
  });

  it('may come without an address', () => {
    expect(recorded({}, {}, { ipAddress: null })).toMatchObject({ ipHash: null, ipCiphertext: null });
  });

  it.each(['email', 'phone'])('leaves no trace of the %s', (name) => {
    expect(JSON.stringify(recorded({ [name]: 'CANARY4711@example.org' }))).not.toContain('CANARY4711');
  });

  it.each(['sub1', 'utm_source'])('leaves no trace of an e-mail address in %s', (name) => {
    const event = recorded({ [name]: 'CANARY4711@example.org' });
    expect(JSON.stringify(event)).not.toContain('CANARY4711');
    expect({ ...event.subIds, ...event.utm }).toEqual({ [name]: '[removed]' });
  });

  it.each(['4111 1111 1111 1111', 'DE89370400440532013000', '+43 664 1234567'])(
    'leaves no trace of %s in sub-ids, utm and the address of a page',
    (value) => {
      const landingUrl = `https://shop.example/?a=${encodeURIComponent(value)}`;
      const event = JSON.stringify(recorded({ sub1: value, utm_term: value }, { landingUrl }, {}));
      expect(event).not.toContain(value);
      expect(event).not.toContain(encodeURIComponent(value));
    },
  );

  it.each(['customer_id', 'partner_click_id'])('leaves no trace of an e-mail address as %s', (name) => {
    expect(JSON.stringify(recorded({ [name]: 'CANARY4711@example.org' }))).not.toMatch(/CANARY4711/i);
  });

  it.each([
    ['https://shop.example/?email=CANARY4711&a=1', 'https://shop.example/?email=removed&a=1'],
    ['https://shop.example/?a=1&PHONE=CANARY4711#top', 'https://shop.example/?a=1&PHONE=removed#top'],
    ['https://shop.example/?u=CANARY4711%40example.org', 'https://shop.example/?u=removed'],
    ['https://shop.example/u/CANARY4711@example.org/x', 'https://shop.example/u/removed/x'],
    ['https://shop.example/#email=CANARY4711', 'https://shop.example/#email=removed'],
    ['https://shop.example/a?b=c=d&&e', 'https://shop.example/a?b=c=d&&e'],
    ['not a url', 'not a url'],
  ])('leaves no trace in the address of a page: %s', (sent, kept) => {
    const event = recorded({}, { landingUrl: sent }, { referrer: sent });
    expect(event).toMatchObject({ landingUrl: kept, referrer: kept });
  });
});
