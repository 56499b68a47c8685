/** Clicks and impressions over real HTTP: what is answered, what is recorded, and that no request leads off the campaign's page. */
import { aChange } from '@tributary/configuration';
import { Encryption } from '@tributary/runtime';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clicksFallback, clickWarnings } from '../ingestion-metrics.ts';
import { ClickBed, type ClickBedOptions } from './click-bed.fixture.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const BROWSER =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

const campaign = { offerId: 'shoes', partnerId: 'blog', name: 'Spring', status: 'active' };
const landingUrl = 'https://shop.example/land?c={{click_id}}&s={sub1}&p={partner_click_id}#top';
const CHANGES = [
  aChange('offer', { id: 'shoes', advertiserId: 'acme', name: 'Shoes' }),
  aChange('campaign', { ...campaign, id: 'spring', landingUrl }),
  aChange('campaign', { ...campaign, id: 'plain', landingUrl: 'https://shop.example/land?a=b#top' }),
  aChange('campaign', {
    ...campaign,
    id: 'everywhere',
    landingUrl: 'https://shop.example/{sub1}/{{sub2}}/x{sub3|raw}?{sub4}={sub5|raw}&f={fbclid}#{sub6|raw}',
  }),
  aChange('campaign', {
    ...campaign,
    id: 'foreign',
    landingUrl: 'https://shop.example/日本/ü?q=値&c={click_id}',
  }),
  aChange('campaign', { ...campaign, id: 'euro', landingUrl, costCurrency: 'EUR' }),
  aChange('campaign', { ...campaign, id: 'paused', status: 'paused', landingUrl }),
  aChange('campaign', {
    ...campaign,
    id: 'ended',
    status: 'paused',
    landingUrl,
    fallbackUrl: 'https://shop.example/over?s={sub1}',
  }),
  aChange('campaign', {
    ...campaign,
    id: 'ended-with-id',
    status: 'paused',
    landingUrl,
    fallbackUrl: 'https://shop.example/over?c={click_id}',
  }),
  aChange('campaign', { ...campaign, id: 'orphan', offerId: 'nowhere', landingUrl }),
];

let bed: ClickBed;

const start = async (settings: Partial<ClickBedOptions> = {}) => {
  bed = await ClickBed.start({ changes: CHANGES, now: () => NOW, ...settings });
};

beforeEach(() => start());
afterEach(() => bed.stop());

async function restart(settings: Partial<ClickBedOptions>): Promise<void> {
  await bed.stop();
  await start(settings);
}

async function fallbacks(reason: string, to: string): Promise<number> {
  const { values } = await clicksFallback.get();
  return values.find(({ labels }) => labels['reason'] === reason && labels['to'] === to)?.value ?? 0;
}

describe('methods', () => {
  it.each(['/c/spring', '/c/nowhere', '/i/spring', '/t.js'])(
    'OPTIONS %s tells what it takes',
    async (path) => {
      const response = await bed.call(path, { method: 'OPTIONS' });
      expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
      expect(response.headers.get('content-length')).toBeNull();
      expect(bed.records).toEqual([]);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('%s is not one of them', async (method) => {
    for (const path of ['/c/spring', '/i/spring', '/t.js']) {
      const response = await bed.call(path, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    }
    expect(bed.records).toEqual([]);
  });

  it('HEAD of a click goes where a click goes, with no click id, and records none', async () => {
    const response = await bed.call('/c/spring?sub1=a', { method: 'HEAD' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('https://shop.example/land?c=&s=a&p=#top');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-click-id')).toBeNull();
    const plain = await bed.call('/c/plain', { method: 'HEAD' });
    expect(plain.headers.get('location')).toBe('https://shop.example/land?a=b#top');
    expect((await bed.call('/c/nowhere', { method: 'HEAD' })).status).toBe(404);
    expect(bed.records).toEqual([]);
  });
});

describe('a page of another origin', () => {
  it('may post a click, without credentials, and is told so ahead', async () => {
    const preflight = await bed.call('/v1/clicks', { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      allow: 'POST, OPTIONS',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type',
    });
    for (const body of ['{"campaign":"spring"}', '{"campaign":"nowhere"}', 'x']) {
      const response = await bed.call('/v1/clicks', { method: 'POST', body });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  it.each(['/c/spring', '/i/spring', '/postback/shop'])('may not read %s', async (path) => {
    const response = await bed.call(path, { headers: { origin: 'https://evil.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('posts as text, as sendBeacon does', async () => {
    const headers = { 'content-type': 'text/plain;charset=UTF-8', 'user-agent': BROWSER };
    const body = JSON.stringify({
      campaign: 'spring',
      referrer: 'https://search.example/',
      landing_url: 'https://shop.example/?gclid=G',
      gclid: 'G',
      gclid_first_seen_at: '2026-01-01T00:00:00.000Z',
      consent: 'granted',
      cost: '0,5',
      cost_currency: 'EUR',
    });
    const response = await bed.call('/v1/clicks', { method: 'POST', body, headers });
    expect(await response.json()).toMatchObject({ status: 'accepted', warnings: ['amount_malformed:cost'] });
    expect(bed.clicks()).toMatchObject([
      {
        kind: 'direct',
        referrer: 'https://search.example/',
        userAgent: BROWSER,
        automation: null,
        consentAdUserData: 'granted',
        adPlatformIds: [{ name: 'gclid', value: 'G', firstSeenAt: Date.UTC(2026, 0, 1) }],
        extras: { warnings: 'amount_malformed:cost' },
      },
    ]);
  });

  it.each(['{click_id}', '{{click_id}}', '##ID##'])(
    'that sends %s for its click id has none',
    async (click_id) => {
      const body = JSON.stringify({ campaign: 'spring', click_id, clicked_at: '{time}' });
      const response = await bed.call('/v1/clicks', { method: 'POST', body });
      expect(await response.json()).toMatchObject({ clickId: expect.stringMatching(UUID) });
    },
  );
});

describe('a campaign that takes no clicks', () => {
  it.each(['nowhere', 'orphan', 'paused'])('%s is answered 404 while nobody says where to go', async (id) => {
    const before = await fallbacks(id === 'paused' ? 'campaign_paused' : 'campaign_unknown', 'nowhere');
    const response = await bed.call(`/c/${id}`);
    expect([response.status, await response.json()]).toEqual([
      404,
      { code: 'campaign_unknown', field: 'campaign' },
    ]);
    expect(bed.records).toEqual([]);
    expect(await fallbacks(id === 'paused' ? 'campaign_paused' : 'campaign_unknown', 'nowhere')).toBe(
      before + 1,
    );
  });

  it('sends people to its own fallback, and the click is recorded', async () => {
    const before = await fallbacks('campaign_paused', 'campaign');
    const response = await bed.call('/c/ended?sub1=a%26b', { headers: { 'user-agent': BROWSER } });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('https://shop.example/over?s=a%26b');
    expect(bed.clicks()).toMatchObject([
      {
        clickId: response.headers.get('x-click-id'),
        kind: 'redirect',
        advertiserId: 'acme',
        campaignId: 'ended',
        landingUrl: 'https://shop.example/over?s=a%26b',
        subIds: { sub1: 'a&b' },
        extras: { fallback: 'campaign_paused' },
      },
    ]);
    expect(await fallbacks('campaign_paused', 'campaign')).toBe(before + 1);
  });

  it('gives its fallback the click id only where the fallback asks for it', async () => {
    const response = await bed.call('/c/ended-with-id');
    expect(response.headers.get('location')).toBe(
      `https://shop.example/over?c=${response.headers.get('x-click-id')}`,
    );
    const head = await bed.call('/c/ended-with-id', { method: 'HEAD' });
    expect(head.headers.get('location')).toBe('https://shop.example/over?c=');
    expect(bed.records).toHaveLength(1);
  });

  describe('with a fallback of the installation', () => {
    const fallbackUrl = 'https://fallback.example/日本?from=tracker';
    const location = 'https://fallback.example/%E6%97%A5%E6%9C%AC?from=tracker';
    beforeEach(() => restart({ fallbackUrl }));

    it('sends people there when it is paused', async () => {
      const response = await bed.call('/c/paused');
      expect(response.headers.get('location')).toBe(location);
      expect(bed.clicks()).toMatchObject([
        { campaignId: 'paused', advertiserId: 'acme', extras: { fallback: 'campaign_paused' } },
      ]);
    });

    it('but prefers its own', async () => {
      expect((await bed.call('/c/ended')).headers.get('location')).toMatch(/^https:\/\/shop\.example\/over/);
    });

    it.each(['sprnig', 'orphan'])(
      'sends people there when %s is unknown, and the click is recorded',
      async (id) => {
        const before = await fallbacks('campaign_unknown', 'installation');
        const response = await bed.call(`/c/${id}?email=CANARY4711&sub1=CANARY4711`, {
          headers: { referer: 'https://blog.example/post', 'user-agent': BROWSER },
        });
        expect([response.status, response.headers.get('location')]).toEqual([302, location]);
        expect(response.headers.get('x-click-id')).toBeNull();
        expect(bed.clicks()).toMatchObject([
          {
            kind: 'redirect',
            advertiserId: '',
            campaignId: '',
            referrer: 'https://blog.example/post',
            ipHash: null,
            extras: { fallback: 'campaign_unknown', campaign: id },
          },
        ]);
        expect(bed.records[0]?.value.toString('latin1')).not.toContain('CANARY4711');
        expect(await fallbacks('campaign_unknown', 'installation')).toBe(before + 1);
      },
    );

    it('records no HEAD there either', async () => {
      const response = await bed.call('/c/nowhere', { method: 'HEAD' });
      expect([response.status, response.headers.get('location')]).toEqual([302, location]);
      expect(bed.records).toEqual([]);
    });

    it.each(HOSTILE_PATHS())('%s leads nowhere else', async (path) => {
      const answer = await bed.raw(`GET ${path}`);
      expect(locationOf(answer)).toBe(location);
    });
  });
});

describe('what a click costs', () => {
  it.each([
    ['/c/spring?cost=0.012&cost_currency=USD', 12_000n, 'USD', {}],
    ['/c/euro?cost=1.5', 1_500_000n, 'EUR', {}],
    ['/c/euro?cost={cost}', null, null, { warnings: 'unreplaced_macro:cost' }],
    ['/c/euro?cost=%24%7BCOST%7D', null, null, { warnings: 'unreplaced_macro:cost' }],
    ['/c/euro?cost=a%20lot', null, null, { warnings: 'amount_malformed:cost' }],
    ['/c/spring?cost=1', null, null, { warnings: 'currency_missing:cost_currency' }],
  ])('%s is %s %s', async (path, costMicros, costCurrency, extras) => {
    expect((await bed.call(path)).status).toBe(302);
    expect(bed.clicks()).toMatchObject([{ costMicros, costCurrency, extras }]);
  });

  it('counts what it could not read', async () => {
    const count = async () =>
      (await clickWarnings.get()).values.find(({ labels }) => labels['warning'] === 'amount_negative')
        ?.value ?? 0;
    const before = await count();
    await bed.call('/c/euro?cost=-1');
    expect(await count()).toBe(before + 1);
  });
});

describe('a macro that was not replaced', () => {
  it.each(['{sub1}', '{{sub1}}', '[SUB]', '%SUB%'])(
    '%s is left out of the landing page and of the click',
    async (macro) => {
      const sent = encodeURIComponent(macro);
      const response = await bed.call(`/c/spring?sub1=${sent}&partner_click_id=${sent}`);
      const clickId = response.headers.get('x-click-id');
      expect(response.headers.get('location')).toBe(`https://shop.example/land?c=${clickId}&s=&p=#top`);
      expect(bed.clicks()).toMatchObject([{ subIds: {}, partnerClickId: null }]);
    },
  );
});

describe('a request that no person made', () => {
  it.each([
    [{ 'user-agent': BROWSER }, null],
    [{ 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' }, 'bot'],
    [{ 'user-agent': 'facebookexternalhit/1.1' }, 'bot'],
    [{ 'user-agent': 'curl/8.5.0' }, 'bot'],
    [{ 'user-agent': '' }, 'bot'],
    [{ 'user-agent': BROWSER, purpose: 'prefetch' }, 'prefetch'],
    [{ 'user-agent': BROWSER, 'sec-purpose': 'prefetch;prerender' }, 'prefetch'],
    [{ 'user-agent': BROWSER, 'x-moz': 'prefetch' }, 'prefetch'],
    [{ 'user-agent': BROWSER, 'x-purpose': 'preview' }, 'prefetch'],
    [{ 'user-agent': BROWSER, purpose: 'purchase' }, null],
    [{ 'user-agent': 'Googlebot/2.1', purpose: 'prefetch' }, 'bot'],
  ] as [Record<string, string>, string | null][])(
    '%o is flagged %s and redirected',
    async (headers, automation) => {
      expect((await bed.call('/c/spring', { headers })).status).toBe(302);
      expect(bed.clicks()).toMatchObject([{ automation }]);
    },
  );

  it('is a bot without a user agent', async () => {
    expect(await bed.raw('GET /c/spring')).toMatch(/^HTTP\/1\.1 302 /);
    expect(bed.clicks()).toMatchObject([{ automation: 'bot', userAgent: null }]);
  });
});

describe('the country', () => {
  it('is believed of no header until one is configured', async () => {
    await bed.call('/c/spring', { headers: { 'cf-ipcountry': 'AT' } });
    expect(bed.clicks()).toMatchObject([{ country: null }]);
  });

  it.each([
    ['AT', 'AT'],
    ['at', 'AT'],
    ['XX', null],
    ['T1', null],
    ['Austria', null],
    ['AT, DE', null],
    ['', null],
  ])('%j is %s', async (sent, country) => {
    await restart({ countryHeader: 'cf-ipcountry' });
    await bed.call('/c/spring', { headers: { 'cf-ipcountry': sent } });
    expect(bed.clicks()).toMatchObject([{ country }]);
  });
});

describe('the address', () => {
  const encryption = new Encryption(Buffer.alloc(32, 1).toString('base64'));
  const FORWARDED = ['X-Forwarded-For: 198.51.100.7, 203.0.113.9, 192.0.2.4'];

  it.each<[string, number, readonly string[], string | null]>([
    ['is that of the connection without a proxy', 0, FORWARDED, '127.0.0.1'],
    ['is what the only proxy was called by', 1, FORWARDED, '192.0.2.4'],
    ['is what the outer of two proxies was called by', 2, FORWARDED, '203.0.113.9'],
    ['is nobody knows whose where a proxy did not say', 1, [], null],
  ])('%s', async (_which, proxyDepth, headers, address) => {
    await restart({ proxyDepth, encryption });
    await bed.raw('GET /c/spring', headers);
    const ipHash = address === null ? null : encryption.hashAddress(address);
    expect(bed.clicks().map((click) => click.ipHash)).toEqual([ipHash]);
  });
});

describe('an impression', () => {
  it('is recorded and answered with a pixel that nobody caches', async () => {
    const response = await bed.call('/i/spring?sub1=a&cost=0.001&cost_currency=EUR', {
      headers: { referer: 'https://blog.example/post', 'user-agent': BROWSER },
    });
    const image = Buffer.from(await response.arrayBuffer());
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/gif',
      'cache-control': 'no-store',
      'content-length': String(image.length),
    });
    expect(image.subarray(0, 10)).toEqual(Buffer.from([...Buffer.from('GIF89a'), 1, 0, 1, 0]));
    expect(bed.clicks()).toMatchObject([
      {
        clickId: expect.stringMatching(UUID),
        kind: 'impression',
        campaignId: 'spring',
        landingUrl: null,
        referrer: 'https://blog.example/post',
        subIds: { sub1: 'a' },
        costMicros: 1_000n,
      },
    ]);
    expect(response.headers.get('x-click-id')).toBeNull();
  });

  it.each(['nowhere', 'paused', 'ended', 'orphan', '', '%', '%00', '..%2f'])(
    'of %j is not recorded, and still answered with a pixel',
    async (id) => {
      const response = await bed.call(`/i/${id}`);
      expect([response.status, response.headers.get('content-type')]).toEqual([404, 'image/gif']);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
      expect(bed.records).toEqual([]);
    },
  );

  it('is not recorded by HEAD', async () => {
    const response = await bed.call('/i/spring', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(bed.records).toEqual([]);
  });
});

describe('the landing page', () => {
  it('may be written in any alphabet', async () => {
    const response = await bed.call('/c/foreign');
    expect(response.headers.get('location')).toBe(
      `https://shop.example/%E6%97%A5%E6%9C%AC/%C3%BC?q=%E5%80%A4&c=${response.headers.get('x-click-id')}`,
    );
  });

  it('gets an ad platform its click id back', async () => {
    const response = await bed.call('/c/everywhere?fbclid=IwAR%2B1');
    expect(response.headers.get('location')).toContain('&f=IwAR%2B1');
  });
});

/** facts: what leaves a host when a URL is joined, decoded or split carelessly. */
const HOSTILE_VALUES = [
  'https://evil.example',
  'http://evil.example',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '/\\\\evil.example',
  '\\\\evil.example',
  'https:evil.example',
  'https://shop.example@evil.example',
  '@evil.example',
  ':443@evil.example/',
  '.evil.example',
  '%2f%2fevil.example',
  '%252f%252fevil.example',
  '%5c%5cevil.example',
  '..',
  '../..//evil.example',
  '%2e%2e/%2e%2e//evil.example',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)//',
  'data:text/html,<script>alert(1)</script>',
  '\r\nLocation: https://evil.example',
  '\r\n\r\n<script>alert(1)</script>',
  '%0d%0aLocation:%20https://evil.example',
  '%250d%250aSet-Cookie:a=b',
  '\t//evil.example',
  '\n//evil.example',
  ' //evil.example',
  '\0//evil.example',
  '\u0085//evil.example',
  '\u2028//evil.example',
  '\uff0f\uff0fevil.example',
  '\u3002evil.example',
  'evil.example\u2044x',
  '?url=https://evil.example',
  '#@evil.example',
  ';@evil.example',
  'ß\u{1f6d2}\u202eelpmaxe.live',
  '%',
  '%zz',
  '%ff%fe',
];

function HOSTILE_PATHS(): string[] {
  return [
    '/c//evil.example',
    '/c/..//evil.example',
    '/c/%2f%2fevil.example',
    '/c/%5c%5cevil.example',
    '/c/https://evil.example',
    '/c/https:%2f%2fevil.example',
    '/c/spring@evil.example',
    '/c/spring%0d%0aLocation:%20https://evil.example',
    '/c/spring%00',
    '/c/spring/',
    '/c/%',
    '/c/%ff',
    '/c/__proto__',
    '/c/constructor',
    '/c/nowhere?url=https://evil.example&redirect=//evil.example&landing_url=https://evil.example',
  ];
}

const TARGET_NAMES = [
  'url',
  'redirect',
  'redirect_url',
  'r',
  'u',
  'to',
  'target',
  'next',
  'goto',
  'dest',
  'destination',
];
const OUR_NAMES = [
  'landing_url',
  'fallback_url',
  'lp',
  'return',
  'campaign',
  'click_id',
  'partner_click_id',
  'fbclid',
];

/** The one Location of an answer; fails when there are two, or something a header may not hold. */
function locationOf(answer: string): string {
  const [head = ''] = answer.split('\r\n\r\n');
  const locations = head.split('\r\n').filter((line) => /^location:/i.test(line));
  expect(locations).toHaveLength(1);
  const location = locations[0]?.slice('location: '.length) ?? '';
  expect(location).toMatch(/^[\x21-\x7e]+$/);
  return location;
}

function expectOwnPage(answer: string): void {
  expect(answer).toMatch(/^HTTP\/1\.1 302 /);
  const { origin, username, password } = new URL(locationOf(answer));
  expect([origin, username, password]).toEqual(['https://shop.example', '', '']);
}

describe('an open redirect', () => {
  it.each(HOSTILE_VALUES)('is not to be had with %j in any parameter', async (value) => {
    const sent = encodeURIComponent(value.toWellFormed());
    const names = [
      ...TARGET_NAMES,
      ...OUR_NAMES,
      ...Array.from({ length: 20 }, (_, index) => `sub${index + 1}`),
    ];
    const query = names.map((name) => `${name}=${sent}`).join('&');
    for (const id of ['spring', 'plain', 'everywhere', 'foreign', 'ended'])
      expectOwnPage(await bed.raw(`GET /c/${id}?${query}`));
  });

  it.each(HOSTILE_VALUES.filter((value) => /^[\x21-\x7e]+$/.test(value)))(
    'is not to be had with %s unencoded, or encoded twice',
    async (value) => {
      const twice = encodeURIComponent(encodeURIComponent(value));
      for (const sent of [value.replaceAll('#', '%23'), twice])
        for (const id of ['spring', 'everywhere'])
          expectOwnPage(
            await bed.raw(`GET /c/${id}?sub1=${sent}&sub2=${sent}&sub3=${sent}&sub5=${sent}&sub6=${sent}`),
          );
    },
  );

  it.each(HOSTILE_VALUES)('is not to be had with %j in a header', async (value) => {
    const header = value.replace(/[^\t\x20-\x7e]/g, '');
    const headers = [
      'Referer',
      'X-Forwarded-Host',
      'X-Original-URL',
      'Forwarded',
      'Origin',
      'User-Agent',
    ].map((name) => `${name}: ${header}`);
    expectOwnPage(await bed.raw('GET /c/spring', headers));
  });

  it.each(HOSTILE_PATHS())('is not to be had with the path %s', async (path) => {
    const answer = await bed.raw(`GET ${path}`);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).not.toMatch(/^location:/im);
    expect(bed.records).toEqual([]);
  });
});

describe('whatever is sent', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(...HOSTILE_VALUES),
    fc.constantFrom('{click_id}', '\ud800', '\udc00x', '1e400', '__proto__'),
  );
  const name = fc.oneof(
    fc.constantFrom(
      'sub1',
      'sub2',
      'sub5',
      'cost',
      'cost_currency',
      'fbclid',
      'fbclid_first_seen_at',
      'test',
    ),
    fc.constantFrom(
      'email',
      'phone',
      'customer_id',
      'partner_click_id',
      'utm_x',
      'consent',
      'gcs',
      'clicked_at',
    ),
    fc.constantFrom('url', 'redirect', 'click_id', 'landing_url', 'referrer', 'campaign', '__proto__'),
    text,
  );
  const encoded = (value: string) => encodeURIComponent(value.toWellFormed());

  it('a redirect leads to its own page, and never fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('spring', 'plain', 'everywhere', 'foreign', 'ended', 'ended-with-id'),
        fc.array(fc.tuple(name, text), { maxLength: 12 }),
        async (id, pairs) => {
          const query = pairs.map(([key, value]) => `${encoded(key)}=${encoded(value)}`).join('&');
          expectOwnPage(await bed.raw(`GET /c/${id}?${query}`));
        },
      ),
      { numRuns: 300 },
    );
    expect(bed.clicks()).toHaveLength(300);
  });

  it('a URL that no client would write is a click, unknown, or no HTTP, and never a 500', async () => {
    const byte = fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code));
    const path = fc.oneof(
      fc.string({ unit: byte, maxLength: 60 }).map((tail) => `/c/${tail}`),
      fc.string({ unit: byte, maxLength: 60 }).map((tail) => `/c/everywhere?sub1=${tail}`),
      fc.string({ unit: byte, maxLength: 60 }).map((tail) => `/i/spring?${tail}`),
    );
    await fc.assert(
      fc.asyncProperty(path, async (target) => {
        const answer = await bed.raw(`GET ${target}`);
        expect(answer).toMatch(/^HTTP\/1\.1 (?:200|302|404|400) /);
        if (answer.startsWith('HTTP/1.1 302')) expectOwnPage(answer);
      }),
      { numRuns: 300 },
    );
  });

  it('a direct click is taken or refused, and never a 500', async () => {
    const value = fc.oneof(text, fc.double(), fc.boolean(), fc.constant(null), fc.jsonValue());
    const body = fc.oneof(
      fc.dictionary(name, value).map((members) => JSON.stringify({ campaign: 'spring', ...members })),
      fc.json(),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(body, async (sent) => {
        const response = await bed.call('/v1/clicks', { method: 'POST', body: sent });
        expect([200, 400]).toContain(response.status);
      }),
      { numRuns: 300 },
    );
  });
});
