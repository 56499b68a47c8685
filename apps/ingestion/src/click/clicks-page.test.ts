/** docs/clicks.md holds: its links lead where it says, its JSON is answered so, and its pages work in a browser, where one is found. */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { aChange } from '@tributary/configuration';
import { AD_PLATFORM_PARAMETERS, LANDING_PAGE_CATALOGUE } from '@tributary/domain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ClickBed } from './click-bed.fixture.ts';

const DOCS = readFileSync(join(import.meta.dirname, '../../../../docs/clicks.md'), 'utf8');
const CLICK_ORIGIN = 'https://click.example';
const ID = '019b7c0a-1c88-7000-8000-000000000001';

const campaign = { offerId: 'shoes', name: 'Spring', status: 'active' };
const landingUrl = 'https://shop.example/land?cid={click_id}&s={sub1}';
const CHANGES = [
  aChange('offer', { id: 'shoes', advertiserId: 'acme', name: 'Shoes' }),
  aChange('campaign', { ...campaign, id: 'spring', landingUrl }),
  aChange('campaign', { ...campaign, id: 'plain', landingUrl: 'https://shop.example/land' }),
  aChange('campaign', { ...campaign, id: 'paused', status: 'paused', landingUrl }),
  aChange('campaign', {
    ...campaign,
    id: 'ended',
    status: 'paused',
    landingUrl,
    fallbackUrl: 'https://shop.example/over?s={sub1}',
  }),
];

let bed: ClickBed;

beforeEach(async () => {
  bed = await ClickBed.start({ changes: CHANGES, now: Date.now, fallbackUrl: 'https://shop.example/' });
});
afterEach(() => bed.stop());

/** The rows of every table whose first column is a link. */
const LINKS = [...DOCS.matchAll(/^\| `(\/c\/\S+)` +\| `(https:\S+)` +\|$/gm)].map(
  ([, link = '', target = '']) => [link, target] as const,
);

/** The blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...DOCS.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(
    ([, text = '']) => text,
  );
}

it('has links', () => {
  expect(LINKS.length).toBeGreaterThan(7);
});

it.each(LINKS)('%s leads to %s', async (link, target) => {
  const response = await bed.call(link);
  expect(response.headers.get('location')).toBe(
    target.replace('{id}', response.headers.get('x-click-id') ?? 'none'),
  );
});

it('names every macro of a landing page, and every ad platform', () => {
  const section = DOCS.split('### Macros of a landing page')[1]?.split('###')[0] ?? '';
  const named = new Set([...section.matchAll(/`\{(\w+)\}`/g)].map(([, name]) => name));
  const subIds = /^sub(?:[2-9]|1\d)$/;
  expect([...named].toSorted()).toEqual(
    LANDING_PAGE_CATALOGUE.macros.filter((name) => !subIds.test(name)).toSorted(),
  );
  expect([...named]).toEqual(expect.arrayContaining([...AD_PLATFORM_PARAMETERS]));
});

it('answers a direct click as it says', async () => {
  const [sent = '', answer = ''] = blocks('json');
  const response = await bed.call('/v1/clicks', { method: 'POST', body: sent });
  expect([response.status, await response.json()]).toEqual([200, JSON.parse(answer)]);
  expect(bed.clicks()).toMatchObject([{ campaignId: 'spring', subIds: { sub1: 'newsletter' } }]);
});

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find(isExecutable);
if (CHROMIUM === undefined)
  console.log('skipped: no Chromium was found, and the pages of docs/clicks.md need one');

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(CHROMIUM === undefined)('in a browser', () => {
  /** Pages of the shop by path, on an origin that is not the edge's. */
  const pages = new Map<string, string>();
  const shop = createServer((request, response) => {
    const page = pages.get((request.url ?? '').split('?')[0] ?? '') ?? '';
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  const [placed = '', reporting = '', pixel = ''] = blocks('html');
  let profile: string;

  beforeAll(() => new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    shop.closeAllConnections();
    shop.close();
  });
  beforeEach(() => {
    pages.clear();
    profile = mkdtempSync(join(tmpdir(), 'tributary-chromium-'));
  });
  afterEach(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));

  const place = (path: string, snippet: string, rest = '') =>
    pages.set(
      path,
      `<!doctype html><title>shop</title>${snippet.replaceAll(CLICK_ORIGIN, bed.origin)}${rest}`,
    );

  /** The page's document once its scripts are done, wherever they led. */
  async function documentAt(path: string): Promise<string> {
    const { port } = shop.address() as AddressInfo;
    const { stdout } = await promisify(execFile)(
      CHROMIUM ?? '',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
        ...[`--user-data-dir=${profile}`, '--virtual-time-budget=4000', '--dump-dom'],
        `http://127.0.0.1:${port}${path}`,
      ],
      { timeout: 50_000 },
    );
    return stdout;
  }

  const after = (script: string) => `<script>addEventListener('load', function () { ${script} });</script>`;

  it('a click id in the address is in the form, and still there on the next page', async () => {
    place('/land', placed, after("location.href = '/next'"));
    place('/next', placed, after("document.querySelector('form').requestSubmit()"));
    place('/order', '<script>document.title = location.search</script>');
    expect(await documentAt(`/land?click_id=${ID}`)).toContain(`<title>?click_id=${ID}</title>`);
    expect(bed.records).toEqual([]);
  });

  it('a direct click is reported by a beacon across origins, under the id that the form has', async () => {
    place('/land', reporting, after("document.querySelector('form').requestSubmit()"));
    place('/order', '<script>document.title = location.search</script>');
    const document = await documentAt('/land?gclid=Cj0&utm_source=ads&sub1=a+b');
    await expect.poll(() => bed.records.length, { timeout: 5_000 }).toBe(1);
    const [click] = bed.clicks();
    expect(document).toContain(`<title>?click_id=${click?.clickId}</title>`);
    expect(click).toMatchObject({
      kind: 'direct',
      campaignId: 'spring',
      subIds: { sub1: 'a b' },
      utm: { utm_source: 'ads' },
      adPlatformIds: [{ name: 'gclid', value: 'Cj0' }],
      // Headless Chromium says what it is.
      automation: 'bot',
      extras: {},
    });
    expect(Math.abs((click?.adPlatformIds[0]?.firstSeenAt ?? 0) - (click?.clickedAt ?? 0))).toBeLessThan(
      60_000,
    );
  });

  it('a denied consent keeps nothing and reports nothing', async () => {
    const denied = reporting.replace('data-campaign', 'data-consent="denied" data-campaign');
    const told = "document.title = localStorage.length + document.cookie + '/' + tributary.clickId()";
    place('/land', denied, after(told));
    expect(await documentAt('/land?gclid=Cj0')).toContain('<title>0/null</title>');
    expect(await documentAt(`/land?click_id=${ID}`)).toContain(`<title>0/${ID}</title>`);
    expect(bed.records).toEqual([]);
  });

  it('a link to a named host gets the click id when it is followed', async () => {
    const { port } = shop.address() as AddressInfo;
    const link = `<a href="http://127.0.0.1:${port}/pay?a=b">pay</a>`;
    const linking = placed.replace(' async', ' data-links="pay.example 127.0.0.1" async');
    place('/land', linking, `${link}${after("document.querySelector('a').click()")}`);
    place('/pay', '<script>document.title = location.search</script>');
    expect(await documentAt(`/land?click_id=${ID}`)).toContain(`<title>?a=b&amp;click_id=${ID}</title>`);
  });

  it('a pixel is an image of one by one, and an impression', async () => {
    place('/ad', pixel, after("document.title = document.querySelector('img').naturalWidth"));
    expect(await documentAt('/ad')).toContain('<title>1</title>');
    expect(bed.clicks()).toMatchObject([{ kind: 'impression', subIds: { sub1: 'banner' } }]);
  });
});
