/** Clicks over HTTP: the redirect of a campaign, and direct clicks a landing page reports. */
import type { IncomingMessage } from 'node:http';
import type { Configuration } from '@tributary/configuration';
import {
  type CompiledTemplate,
  compileTemplate,
  isUuid,
  LANDING_PAGE_CATALOGUE,
  type LandingPageMacro,
  parseInstant,
} from '@tributary/domain';
import { type Clock, DependencyFailure, type Encryption } from '@tributary/runtime';
import { v7 as uuidv7 } from 'uuid';
import { parseExactJson } from '../edge/exact-json.ts';
import { type Answer, headerOf, readBody, unavailable } from '../edge/http-exchange.ts';
import { type ClickContext, clickRecordOf } from './click-record.ts';
import type { ClickRecorder } from './click-recorder.ts';

export interface ClickEndpointOptions {
  readonly configuration: () => Configuration;
  readonly recorder: ClickRecorder;
  readonly encryption: Encryption;
  readonly clock: Clock;
  readonly acceptDeadlineMs: number;
}

/** A click from further ahead than clocks differ, or older than any window, is not taken for its sender's word. */
const MAX_CLICK_AGE_MS = 30 * 86_400_000;
const MAX_CLICK_FUTURE_MS = 60_000;

export class ClickEndpoint {
  readonly #options: ClickEndpointOptions;
  readonly #landingPages = new Map<string, CompiledTemplate<LandingPageMacro>>();

  constructor(options: ClickEndpointOptions) {
    this.#options = options;
  }

  /** GET /c/{campaign}: records the click and redirects to the campaign's own landing page, never to a place the URL names. */
  async redirect(request: IncomingMessage, campaignId: string, query: URLSearchParams): Promise<Answer> {
    if (request.method !== 'GET') return methodNotAllowed('GET');
    const context = this.#contextOf(campaignId, request);
    if (context === null) return { status: 404, body: { code: 'campaign_unknown', field: 'campaign' } };
    const parameters = firstValues(query);
    const clickId = uuidv7({ msecs: context.receivedAt });
    const location = this.#landingUrl(context, clickId, parameters);
    const record = clickRecordOf(context, {
      clickId,
      kind: 'redirect',
      clickedAt: context.receivedAt,
      landingUrl: location,
      parameters,
    });
    await this.#options.recorder.record(record);
    return {
      status: 302,
      headers: { location, 'referrer-policy': 'no-referrer-when-downgrade', 'x-click-id': clickId },
    };
  }

  /** POST /v1/clicks: a click that needs no redirect, as JSON; the page may have minted the click id itself. */
  async direct(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') return methodNotAllowed('POST');
    const body = await readBody(request);
    if (!body.ok) return { status: 413, body: { code: 'body_too_large' } };
    const parameters = flatObject(body.text);
    if (parameters === null)
      return refused('body_malformed', null, 'a JSON object of strings, numbers and booleans');
    const context = this.#contextOf(parameters.get('campaign') ?? '', request);
    if (context === null) return refused('campaign_unknown', 'campaign', 'the id of an active campaign');
    const clickedAt = clickTimeOf(parameters.get('clicked_at'), context.receivedAt);
    if (clickedAt === null)
      return refused('time_out_of_range', 'clicked_at', 'ISO 8601, within the last 30 days');
    const sentId = parameters.get('click_id')?.toLowerCase();
    if (sentId !== undefined && !isUuid(sentId)) return refused('click_id_malformed', 'click_id', 'a UUID');
    const clickId = sentId ?? uuidv7({ msecs: clickedAt });
    const landingUrl = parameters.get('landing_url') ?? null;
    const record = clickRecordOf(context, { clickId, kind: 'direct', clickedAt, landingUrl, parameters });
    try {
      await this.#options.recorder.write(record, this.#options.acceptDeadlineMs);
    } catch (error) {
      if (error instanceof DependencyFailure) return unavailable();
      throw error;
    }
    return { status: 200, body: { clickId, status: 'accepted' } };
  }

  #contextOf(campaignId: string, request: IncomingMessage): ClickContext | null {
    const receivedAt = this.#options.clock.now();
    const configuration = this.#options.configuration();
    const campaign = configuration.campaign(campaignId, receivedAt);
    if (campaign === undefined || campaign.status !== 'active') return null;
    const offer = configuration.offer(campaign.offerId, receivedAt);
    if (offer === undefined) return null;
    return {
      campaign,
      offer,
      configurationVersion: configuration.version,
      receivedAt,
      encryption: this.#options.encryption,
      ipAddress: request.socket.remoteAddress ?? null,
      userAgent: headerOf(request, 'user-agent'),
      referrer: headerOf(request, 'referer'),
    };
  }

  #landingUrl({ campaign }: ClickContext, clickId: string, parameters: ReadonlyMap<string, string>): string {
    const template = this.#landingPage(campaign.landingUrl);
    const subIds = Object.fromEntries([...parameters].filter(([name]) => /^sub\d{1,2}$/.test(name)));
    const url = template.render({
      ...subIds,
      click_id: clickId,
      campaign_id: campaign.id,
      partner_id: campaign.partnerId ?? '',
      partner_click_id: parameters.get('partner_click_id') ?? '',
    });
    if (template.uses.some(({ name }) => name === 'click_id')) return url;
    const withId = new URL(url);
    withId.searchParams.set('click_id', clickId);
    return withId.href;
  }

  #landingPage(text: string): CompiledTemplate<LandingPageMacro> {
    const known = this.#landingPages.get(text);
    if (known !== undefined) return known;
    const compiled = compileTemplate(text, LANDING_PAGE_CATALOGUE);
    // Console compiles a landing page before it accepts it.
    if (!compiled.ok)
      throw new Error('a campaign in the configuration has a landing page that does not compile');
    this.#landingPages.set(text, compiled.template);
    return compiled.template;
  }
}

function methodNotAllowed(allow: string): Answer {
  return { status: 405, headers: { allow }, body: { code: 'method_not_allowed' } };
}

function refused(code: string, field: string | null, expected: string): Answer {
  return { status: 400, body: { code, field, expected } };
}

function clickTimeOf(text: string | undefined, receivedAt: number): number | null {
  if (text === undefined) return receivedAt;
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
