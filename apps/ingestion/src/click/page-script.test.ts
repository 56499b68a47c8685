/** The landing-page script: how it is served, and what it does on every page, with a stand-in for the browser. */
import type { IncomingMessage } from 'node:http';
import { createContext, runInContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { AD_PLATFORM_PARAMETERS } from '@tributary/domain';
import { parse } from 'acorn';
import { describe, expect, it } from 'vitest';
import { send } from '../edge/http-exchange.ts';
import { servePageScript } from './page-script.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const DAY_MS = 86_400_000;
const ID = '019b7c0a-1c88-7000-8000-000000000001';
const OTHER_ID = '019b7c0a-1c88-7000-8000-000000000002';
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function served(headers: Record<string, string> = {}, method = 'GET') {
  return servePageScript({ method, headers } as unknown as IncomingMessage);
}

const SCRIPT = String(served().body);

describe('GET /t.js', () => {
  it('is under 2 KB gzipped, and the same script either way', () => {
    const gzipped = served({ 'accept-encoding': 'br, gzip' });
    const bytes = Buffer.isBuffer(gzipped.body) ? gzipped.body : Buffer.alloc(0);
    expect(bytes.length).toBeLessThan(2_000);
    expect(gunzipSync(bytes).toString()).toBe(SCRIPT);
    expect(gzipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
  });

  it('is ES5', () => {
    expect(() => parse(SCRIPT, { ecmaVersion: 5 })).not.toThrow();
    expect(() => parse('const a = 1', { ecmaVersion: 5 })).toThrow(SyntaxError);
  });

  it('knows every ad platform that we know', () => {
    expect(SCRIPT).toContain(`^(${AD_PLATFORM_PARAMETERS.join('|')})$`);
  });

  it.each(['', 'br', 'gzip;q=0', 'identity, gzip; q=0.0'])('comes as it is for %j', (accepted) => {
    expect(served({ 'accept-encoding': accepted }).headers).not.toHaveProperty('content-encoding');
  });

  it.each([
    [(tag: string) => tag, 304],
    [(tag: string) => `W/${tag}`, 304],
    [(tag: string) => `"x", ${tag}`, 304],
    [() => '*', 304],
    [() => '"x"', 200],
  ])('is asked about by its ETag (%#)', (asked, status) => {
    const etag = served().headers?.['etag'] ?? '';
    const answer = served({ 'if-none-match': asked(etag) });
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ etag, 'cache-control': expect.stringMatching(/max-age=\d{4}/) });
  });

  it('has another ETag for other bytes', () => {
    expect(served({ 'accept-encoding': 'gzip' }).headers?.['etag']).not.toBe(served().headers?.['etag']);
  });

  it('says nothing of a body that 304 does not have', () => {
    let sent: object = {};
    const response = {
      writeHead: (_status: number, headers: object) => (sent = headers),
      end: () => undefined,
    };
    send(response as never, served({ 'if-none-match': '*' }));
    expect(sent).not.toHaveProperty('content-length');
  });
});

interface Page {
  readonly href: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly storage?: Map<string, string> | 'none';
  readonly cookies?: Map<string, string>;
  readonly now?: number;
  readonly isPrerendered?: boolean;
  readonly beacon?: 'taken' | 'refused' | 'missing';
  readonly hasScript?: boolean;
}

interface Input {
  type: string;
  name: string;
  value: string;
}

/** The little of a browser that the script touches. */
function browse(page: Page) {
  const { data = {}, storage = new Map(), cookies = new Map(), now = NOW, beacon = 'taken' } = page;
  const url = new URL(page.href);
  const sent: { via: string; url: string; body: Record<string, string> }[] = [];
  const listeners = new Map<string, (event: unknown) => void>();
  const plain: Input = { type: 'hidden', name: 'click_id', value: '' };
  const visible: Input = { type: 'text', name: 'click_id', value: 'typed' };
  const marked: Input[] = [];
  const form = {
    querySelector: () => marked[0] ?? null,
    appendChild: (input: Input) => marked.push({ ...input, value: input.value ?? '' }),
  };
  const post = (via: string, to: string, text: string) => sent.push({ via, url: to, body: JSON.parse(text) });
  const document = {
    currentScript:
      page.hasScript === false ? null : { src: 'https://click.example/t.js?v=1', dataset: { ...data } },
    referrer: 'https://search.example/',
    prerendering: page.isPrerendered ?? false,
    querySelector: () => null,
    querySelectorAll: (selector: string) => {
      if (selector === 'form[data-tributary]') return [form];
      if (selector === 'input[type=hidden][name=click_id]') return [plain, ...marked];
      throw new Error(`the stand-in does not know ${selector}`);
    },
    createElement: () => ({}),
    addEventListener: (name: string, listener: (event: unknown) => void) => listeners.set(name, listener),
    get cookie() {
      return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    },
    set cookie(text: string) {
      const [pair = '', ...attributes] = text.split(';');
      const [name = '', value = ''] = pair.split('=');
      if (attributes.includes('max-age=0')) cookies.delete(name);
      else cookies.set(name, value);
    },
  };
  const localStorage = {
    getItem: (key: string) => store().get(key) ?? null,
    setItem: (key: string, value: string) => store().set(key, value),
    removeItem: (key: string) => store().delete(key),
  };
  const store = () => {
    if (storage === 'none') throw new Error('SecurityError');
    return storage;
  };
  const window: { tributary?: { clickId(): string | null; consent(state: string): void } } = {};
  class FixedDate extends Date {
    static override now = () => now;
  }
  const navigator =
    beacon === 'missing'
      ? {}
      : {
          sendBeacon: (to: string, text: string) => {
            if (beacon === 'refused') return false;
            return post('beacon', to, text) > 0;
          },
        };
  const fetched = (to: string, init: { body: string }) => {
    post('fetch', to, init.body);
    return Promise.reject(new Error('offline'));
  };
  const location = { href: url.href, search: url.search, hash: url.hash };
  const globals = {
    window,
    document,
    location,
    navigator,
    localStorage,
    crypto,
    fetch: fetched,
    Date: FixedDate,
  };
  runInContext(SCRIPT, createContext(globals));
  return {
    sent,
    cookies,
    storage,
    plain,
    visible,
    marked,
    api: window.tributary,
    fire: (name: string, event: unknown = {}) => listeners.get(name)?.(event),
    kept: () => (storage === 'none' ? undefined : storage.get('tributary')),
  };
}

const LANDING = 'https://shop.example/land';
const withCampaign = { campaign: 'spring' };

describe('a page with a click id in its address', () => {
  it.each([
    [`${LANDING}?click_id=${ID}`, {}],
    [`${LANDING}?a=b&click_id=${ID.toUpperCase()}#top`, {}],
    [`${LANDING}#/route?click_id=${ID}`, {}],
    [`${LANDING}#click_id=${ID}`, {}],
    [`${LANDING}?cid=${ID}`, { parameter: 'cid' }],
    [`${LANDING}?bad=%zz&click_id=${ID}`, {}],
  ])('%s keeps it and fills it into forms, and reports nothing', (href, data) => {
    const page = browse({ href, data: { ...withCampaign, ...data } });
    expect(page.plain.value).toBe(ID);
    expect(page.marked).toEqual([{ type: 'hidden', name: 'click_id', value: ID }]);
    expect(page.visible.value).toBe('typed');
    expect(JSON.parse(page.kept() ?? '')).toMatchObject({ c: ID, t: NOW });
    expect(page.api?.clickId()).toBe(ID);
    expect(page.sent).toEqual([]);
  });

  it.each(['x', '', `${ID}0`, '<script>', '{click_id}', "'+alert(1)+'"])('takes no %j for one', (value) => {
    const page = browse({ href: `${LANDING}?click_id=${encodeURIComponent(value)}` });
    expect([page.plain.value, page.api?.clickId()]).toEqual(['', null]);
  });

  it('is remembered on the next page, for thirty days or as long as told, and replaced by a newer click', () => {
    const storage = new Map<string, string>();
    browse({ href: `${LANDING}?click_id=${ID}`, storage });
    const later = (days: number, data = {}) =>
      browse({ href: LANDING, storage: new Map(storage), now: NOW + days * DAY_MS, data }).api?.clickId();
    expect([later(0), later(29), later(31)]).toEqual([ID, ID, null]);
    expect([later(6, { days: '7' }), later(8, { days: '7' }), later(80, { days: '90' })]).toEqual([
      ID,
      null,
      ID,
    ]);
    expect(browse({ href: `${LANDING}?click_id=${OTHER_ID}`, storage }).api?.clickId()).toBe(OTHER_ID);
    expect(browse({ href: LANDING, storage }).plain.value).toBe(OTHER_ID);
  });

  it('is remembered in a cookie where there is no storage', () => {
    const cookies = new Map<string, string>();
    browse({ href: `${LANDING}?click_id=${ID}`, storage: 'none', cookies });
    expect(browse({ href: LANDING, storage: 'none', cookies }).plain.value).toBe(ID);
  });
});

describe('a direct click', () => {
  it('is reported with all that the address says, under an id that the forms get too', () => {
    const query =
      'gclid=G%2B1&utm_source=ads&sub1=a+b&cost=0.5&cost_currency=EUR&partner_click_id=p&email=jane';
    const page = browse({ href: `${LANDING}?${query}`, data: { ...withCampaign, consent: 'granted' } });
    expect(page.sent).toEqual([
      {
        via: 'beacon',
        url: 'https://click.example/v1/clicks',
        body: {
          campaign: 'spring',
          click_id: expect.stringMatching(UUID_V7),
          landing_url: `${LANDING}?${query}`,
          referrer: 'https://search.example/',
          gclid: 'G+1',
          gclid_first_seen_at: '2026-01-02T03:04:05.000Z',
          utm_source: 'ads',
          sub1: 'a b',
          cost: '0.5',
          cost_currency: 'EUR',
          partner_click_id: 'p',
          consent: 'granted',
        },
      },
    ]);
    const id = page.sent[0]?.body['click_id'] ?? '';
    expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(NOW);
    expect(page.plain.value).toBe(id);
  });

  it('is reported only where a campaign is named', () => {
    const page = browse({ href: `${LANDING}?gclid=G` });
    expect([page.sent, page.api?.clickId()]).toEqual([[], null]);
  });

  it('is one click: neither a reload nor the next page makes another, a new ad does', () => {
    const storage = new Map<string, string>();
    const visit = (query: string) =>
      browse({ href: `${LANDING}${query}`, data: withCampaign, storage }).sent.length;
    expect(['?gclid=G', '?gclid=G', '', '?q=1', '?gclid=H', ''].map(visit)).toEqual([1, 0, 0, 0, 1, 0]);
  });

  it('is not made of a click that came by a redirect', () => {
    const storage = new Map<string, string>();
    browse({ href: `${LANDING}?click_id=${ID}`, data: withCampaign, storage });
    expect(browse({ href: LANDING, data: withCampaign, storage }).sent).toEqual([]);
  });

  it('tells when each ad-platform id was first seen, for ninety days', () => {
    const storage = new Map<string, string>();
    browse({ href: `${LANDING}?fbclid=F`, storage });
    browse({ href: `${LANDING}?fbclid=F`, storage, now: NOW + DAY_MS });
    const report = (days: number) =>
      browse({
        href: `${LANDING}?gclid=G`,
        data: withCampaign,
        storage: new Map(storage),
        now: NOW + days * DAY_MS,
      }).sent[0]?.body;
    expect(report(3)).toMatchObject({
      fbclid: 'F',
      fbclid_first_seen_at: '2026-01-02T03:04:05.000Z',
      gclid_first_seen_at: '2026-01-05T03:04:05.000Z',
    });
    expect(report(91)).not.toHaveProperty('fbclid');
  });

  it.each(['refused', 'missing'] as const)('goes out by fetch where the beacon is %s', (beacon) => {
    const page = browse({ href: LANDING, data: withCampaign, beacon });
    expect(page.sent).toMatchObject([{ via: 'fetch', url: 'https://click.example/v1/clicks' }]);
  });

  it('goes where it is told', () => {
    const page = browse({ href: LANDING, data: { ...withCampaign, endpoint: 'https://other.example' } });
    expect(page.sent).toMatchObject([{ url: 'https://other.example/v1/clicks' }]);
  });

  it('waits until a page that was prepared ahead is looked at', () => {
    const page = browse({ href: LANDING, data: withCampaign, isPrerendered: true });
    expect(page.sent).toEqual([]);
    page.fire('prerenderingchange');
    expect(page.sent).toHaveLength(1);
  });
});

describe('consent', () => {
  const denied = { ...withCampaign, consent: 'denied' };

  it('that is denied keeps nothing, erases what was kept and reports nothing; forms get what the address says', () => {
    const storage = new Map([['tributary', JSON.stringify({ c: OTHER_ID, t: NOW, a: {} })]]);
    const cookies = new Map([['tributary', 'x']]);
    const page = browse({ href: LANDING, data: denied, storage, cookies });
    expect([storage.size, cookies.size, page.sent, page.plain.value]).toEqual([0, 0, [], '']);
    expect(browse({ href: `${LANDING}?click_id=${ID}`, data: denied, storage }).plain.value).toBe(ID);
    expect(storage.size).toBe(0);
  });

  it('may be given and taken back later', () => {
    const page = browse({ href: `${LANDING}?gclid=G`, data: denied });
    page.api?.consent('granted');
    expect(page.sent).toMatchObject([{ body: { consent: 'granted', gclid: 'G' } }]);
    expect(page.plain.value).toMatch(UUID_V7);
    page.api?.consent('denied');
    expect([page.kept(), page.plain.value, page.api?.clickId()]).toEqual([undefined, '', null]);
  });
});

describe('links', () => {
  const follow = (href: string, data: Record<string, string>) => {
    const link = new URL(href);
    const page = browse({ href: `${LANDING}?click_id=${ID}`, data });
    page.fire('click', { target: { closest: () => link } });
    return link.href;
  };

  it.each([
    ['https://pay.example/x', `https://pay.example/x?click_id=${ID}`],
    ['https://pay.example/x?a=b#c', `https://pay.example/x?a=b&click_id=${ID}#c`],
    ['https://pay.example/x?click_id=y', 'https://pay.example/x?click_id=y'],
    ['https://other.example/', 'https://other.example/'],
    ['https://evilpay.example/', 'https://evilpay.example/'],
    ['mailto:a@pay.example', 'mailto:a@pay.example'],
  ])('%s becomes %s', (href, followed) => {
    expect(follow(href, { links: 'shop.example pay.example' })).toBe(followed);
  });

  it('are left alone unless the page asks for it', () => {
    expect(follow('https://pay.example/x', {})).toBe('https://pay.example/x');
  });
});

describe('a form that is drawn later', () => {
  it.each(['DOMContentLoaded', 'submit'])('is filled at %s', (event) => {
    const page = browse({ href: `${LANDING}?click_id=${ID}` });
    page.plain.value = '';
    page.fire(event);
    expect(page.plain.value).toBe(ID);
  });
});

describe('nothing throws', () => {
  it.each(['', 'x', '5', 'null', '[]', '{"a":5}', '{"a":{"fbclid":null}}', '{"c":{"x":1},"a":{}}'])(
    'when %j is what was kept',
    (text) => {
      expect(() =>
        browse({ href: LANDING, data: withCampaign, storage: new Map([['tributary', text]]) }),
      ).not.toThrow();
    },
  );

  it('when the script cannot find itself', () => {
    expect(browse({ href: `${LANDING}?click_id=${ID}`, hasScript: false }).plain.value).toBe(ID);
  });

  it('when the browser has next to nothing', () => {
    const document = { currentScript: null, querySelector: () => null, addEventListener: () => undefined };
    expect(() => runInContext(SCRIPT, createContext({ window: {}, document }))).not.toThrow();
  });
});
