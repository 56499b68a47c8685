/** Clicks over HTTP: the redirect of a campaign, direct clicks a landing page reports, and the pixel of an impression. */
import type { IncomingMessage } from 'node:http';
import type { Campaign, Configuration, Offer } from '@tributary/configuration';
import { isUnreplacedMacro, isUuid, parseExactJson, parseInstant } from '@tributary/domain';
import { type Clock, DependencyFailure, type Encryption } from '@tributary/runtime';
import { clientAddressOf } from '../access/client-address.ts';
import { type Answer, headerOf, MAX_CALL_BYTES, readBody, unavailable } from '../edge/http-exchange.ts';
import { newId } from '../edge/new-id.ts';
import { clicksAutomated, clicksFallback, clickWarnings } from '../ingestion-metrics.ts';
import { AutomationDetector } from './automation.ts';
import {
  type ClickFacts,
  type FallbackReason,
  type ReadClick,
  type RequestContext,
  readClick,
  strayClickRecordOf,
  warningText,
} from './click-record.ts';
import type { ClickRecorder } from './click-recorder.ts';
import { LandingPages } from './landing-pages.ts';

export interface ClickEndpointOptions {
  readonly configuration: () => Configuration;
  readonly recorder: ClickRecorder;
  readonly encryption: Encryption;
  readonly clock: Clock;
  readonly acceptDeadlineMs: number;
  /** Proxies between the clients and us (`TRUSTED_PROXIES`). */
  readonly proxyDepth: number;
  /** Where clicks on unknown campaigns go, and on paused ones that do not say it themselves; nowhere when empty or absent. */
  readonly fallbackUrl?: string;
  /** Header, in lower case, in which a trusted proxy names the caller's country; none when empty or absent. */
  readonly countryHeader?: string;
}

/** What a campaign id leads to. */
type Place =
  | { readonly kind: 'active' | 'paused'; readonly campaign: Campaign; readonly offer: Offer }
  | { readonly kind: 'unknown' };

/** Where a person is sent; `to` says by whose word. */
interface Target {
  readonly to: 'landing_page' | 'campaign' | 'installation';
  readonly url: string;
}

/** A click from further ahead than clocks differ, or older than any window, is not taken for its sender's word. */
const MAX_CLICK_AGE_MS = 30 * 86_400_000;
const MAX_CLICK_FUTURE_MS = 60_000;

const READING = 'GET, HEAD, OPTIONS';
const POSTING = 'POST, OPTIONS';
/**
 * Landing pages post from their own origins. Any may, since a click proves nothing by where it was posted from; none with
 * credentials, since there are none.
 */
const FROM_ANY_PAGE = { 'access-control-allow-origin': '*' };
const PREFLIGHT = {
  ...FROM_ANY_PAGE,
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'content-type',
  'access-control-max-age': '86400',
};

/** The smallest GIF: one transparent pixel. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

export class ClickEndpoint {
  readonly #options: ClickEndpointOptions;
  readonly #landingPages = new LandingPages();
  readonly #automation = new AutomationDetector();
  readonly #fallbackUrl: string | null;

  constructor(options: ClickEndpointOptions) {
    this.#options = options;
    this.#fallbackUrl = options.fallbackUrl ? new URL(options.fallbackUrl).href : null;
  }

  /**
   * GET /c/{campaign}: records the click and redirects to the campaign's own landing page, never to a place the URL names.
   * HEAD is answered alike, without a click id: whoever only checks a link has not clicked it, and nothing is recorded.
   */
  async redirect(request: IncomingMessage, campaignId: string, query: URLSearchParams): Promise<Answer> {
    if (request.method === 'OPTIONS') return allowed(READING);
    if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed(READING);
    const receivedAt = this.#options.clock.now();
    const place = this.#placeOf(campaignId, receivedAt);
    const parameters = firstValues(query);
    const clickId = request.method === 'GET' ? newId(receivedAt) : null;
    const target = this.#targetOf(place, clickId, parameters);
    if (clickId === null) return target === null ? campaignUnknown() : redirectTo(target.url);
    const fallback = fallbackReasonOf(place);
    if (fallback !== undefined) clicksFallback.inc({ reason: fallback, to: target?.to ?? 'nowhere' });
    if (target === null) return campaignUnknown();
    const context = this.#contextOf(request, receivedAt);
    if (place.kind === 'unknown') {
      const record = strayClickRecordOf(context, { clickId, campaignId, landingUrl: target.url });
      await this.#options.recorder.record(record);
      return redirectTo(target.url);
    }
    const facts = { clickId, clickedAt: receivedAt, landingUrl: target.url, parameters, fallback };
    const { record } = this.#read(place, context, { ...facts, kind: 'redirect' });
    await this.#options.recorder.record(record);
    return redirectTo(target.url, clickId);
  }

  /** GET /i/{campaign}: records that an ad was seen, for view-through, and answers a pixel whatever happens: it stands in a page. */
  async impression(request: IncomingMessage, campaignId: string, query: URLSearchParams): Promise<Answer> {
    if (request.method === 'OPTIONS') return allowed(READING);
    if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed(READING);
    const receivedAt = this.#options.clock.now();
    const place = this.#placeOf(campaignId, receivedAt);
    if (place.kind !== 'active') return pixel(404);
    if (request.method === 'HEAD') return pixel(200);
    const { record } = this.#read(place, this.#contextOf(request, receivedAt), {
      clickId: newId(receivedAt),
      kind: 'impression',
      clickedAt: receivedAt,
      landingUrl: null,
      parameters: firstValues(query),
    });
    await this.#options.recorder.record(record);
    return pixel(200);
  }

  /** POST /v1/clicks: a click that needs no redirect, as JSON; the page may have minted the click id itself. */
  async direct(request: IncomingMessage): Promise<Answer> {
    if (request.method === 'OPTIONS') return allowed(POSTING, PREFLIGHT);
    const answer = request.method === 'POST' ? await this.#direct(request) : methodNotAllowed(POSTING);
    return { ...answer, headers: { ...answer.headers, ...FROM_ANY_PAGE } };
  }

  async #direct(request: IncomingMessage): Promise<Answer> {
    const body = await readBody(request, MAX_CALL_BYTES);
    if (!body.ok)
      return body.problem === 'encoded'
        ? { status: 415, body: { code: 'content_type_unsupported', field: 'Content-Encoding' } }
        : { status: 413, body: { code: 'body_too_large' } };
    // The content type is not looked at: sendBeacon sends text/plain, which needs no preflight.
    const parameters = flatObject(body.bytes.toString('utf8'));
    if (parameters === null)
      return refused('body_malformed', null, 'a JSON object of strings, numbers and booleans');
    const receivedAt = this.#options.clock.now();
    const place = this.#placeOf(parameters.get('campaign') ?? '', receivedAt);
    if (place.kind !== 'active')
      return refused('campaign_unknown', 'campaign', 'the id of an active campaign');
    const clickedAt = clickTimeOf(parameters.get('clicked_at'), receivedAt);
    if (clickedAt === null)
      return refused('time_out_of_range', 'clicked_at', 'ISO 8601, within the last 30 days');
    const sentId = sentClickId(parameters);
    if (sentId !== null && !isUuid(sentId)) return refused('click_id_malformed', 'click_id', 'a UUID');
    const context = this.#contextOf(request, receivedAt);
    const { record, warnings } = this.#read(
      place,
      // The browser's own header would name the landing page itself.
      { ...context, referrer: parameters.get('referrer') ?? context.referrer },
      {
        clickId: sentId?.toLowerCase() ?? newId(clickedAt),
        kind: 'direct',
        clickedAt,
        landingUrl: parameters.get('landing_url') ?? null,
        parameters,
      },
    );
    try {
      await this.#options.recorder.write(record, this.#options.acceptDeadlineMs);
    } catch (error) {
      if (error instanceof DependencyFailure) return unavailable();
      throw error;
    }
    return {
      status: 200,
      body: { clickId: record.clickId, status: 'accepted', warnings: warnings.map(warningText) },
    };
  }

  #placeOf(campaignId: string, at: number): Place {
    const configuration = this.#options.configuration();
    const campaign = configuration.campaign(campaignId, at);
    const offer = campaign && configuration.offer(campaign.offerId, at);
    if (campaign === undefined || offer === undefined) return { kind: 'unknown' };
    return { kind: campaign.status, campaign, offer };
  }

  /** Null when nobody says where to go. Only configuration is asked: no parameter can name a target. */
  #targetOf(place: Place, clickId: string | null, parameters: ReadonlyMap<string, string>): Target | null {
    if (place.kind === 'active') {
      const url = this.#landingPages.landingUrl(place.campaign, clickId, parameters);
      return { to: 'landing_page', url };
    }
    const own =
      place.kind === 'paused' ? this.#landingPages.fallbackUrl(place.campaign, clickId, parameters) : null;
    if (own !== null) return { to: 'campaign', url: own };
    return this.#fallbackUrl === null ? null : { to: 'installation', url: this.#fallbackUrl };
  }

  #contextOf(request: IncomingMessage, receivedAt: number): RequestContext {
    const { configuration, encryption, proxyDepth, countryHeader = '' } = this.#options;
    const automation = this.#automation.automationOf(request.headers);
    if (automation !== null) clicksAutomated.inc({ automation });
    return {
      configurationVersion: configuration().version,
      receivedAt,
      encryption,
      ipAddress: clientAddressOf(request, proxyDepth),
      userAgent: headerOf(request, 'user-agent'),
      referrer: headerOf(request, 'referer'),
      country: countryHeader === '' ? null : countryOf(headerOf(request, countryHeader)),
      automation,
    };
  }

  #read(
    { campaign, offer }: Exclude<Place, { kind: 'unknown' }>,
    context: RequestContext,
    facts: ClickFacts,
  ): ReadClick {
    const click = readClick({ ...context, campaign, offer }, facts);
    for (const { code } of click.warnings) clickWarnings.inc({ warning: code });
    return click;
  }
}

/** Codes that proxies send for a country they do not know: Cloudflare's XX, and T1 for Tor, which is no country code at all. */
function countryOf(text: string | null): string | null {
  const country = text?.trim().toUpperCase() ?? '';
  return /^[A-Z]{2}$/.test(country) && country !== 'XX' ? country : null;
}

function fallbackReasonOf(place: Place): FallbackReason | undefined {
  if (place.kind === 'active') return undefined;
  return place.kind === 'paused' ? 'campaign_paused' : 'campaign_unknown';
}

function redirectTo(location: string, clickId?: string): Answer {
  return {
    status: 302,
    headers: {
      location,
      'referrer-policy': 'no-referrer-when-downgrade',
      ...(clickId !== undefined && { 'x-click-id': clickId }),
    },
  };
}

function campaignUnknown(): Answer {
  return { status: 404, body: { code: 'campaign_unknown', field: 'campaign' } };
}

/** `cross-origin`: pages that isolate themselves show no foreign image that does not say so. */
function pixel(status: number): Answer {
  return {
    status,
    headers: { 'content-type': 'image/gif', 'cross-origin-resource-policy': 'cross-origin' },
    body: PIXEL,
  };
}

function allowed(allow: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 204, headers: { allow, ...headers } };
}

function methodNotAllowed(allow: string): Answer {
  return { status: 405, headers: { allow }, body: { code: 'method_not_allowed' } };
}

function refused(code: string, field: string | null, expected: string): Answer {
  return { status: 400, body: { code, field, expected } };
}

/** The id the sender minted; a macro in its place is none. */
function sentClickId(parameters: ReadonlyMap<string, string>): string | null {
  const sent = parameters.get('click_id');
  return sent === undefined || isUnreplacedMacro(sent) ? null : sent;
}

function clickTimeOf(text: string | undefined, receivedAt: number): number | null {
  if (text === undefined || isUnreplacedMacro(text)) return receivedAt;
  const clickedAt = parseInstant(text);
  const isPlausible =
    clickedAt !== null &&
    clickedAt <= receivedAt + MAX_CLICK_FUTURE_MS &&
    clickedAt >= receivedAt - MAX_CLICK_AGE_MS;
  return isPlausible ? clickedAt : null;
}

/** Each name with its first value. */
function firstValues(query: URLSearchParams): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of query) if (!values.has(name)) values.set(name, value);
  return values;
}

/** The scalar members of a JSON object as text; null when it is none. */
function flatObject(text: string): ReadonlyMap<string, string> | null {
  const parsed = parseExactJson(text);
  if (!parsed.ok) return null;
  const { value: document } = parsed;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return null;
  const scalars = Object.entries(document).filter(([, value]) =>
    ['string', 'boolean'].includes(typeof value),
  );
  return new Map(scalars.map(([name, value]) => [name, String(value)]));
}
