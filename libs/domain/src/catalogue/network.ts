/** What the catalogue knows of one network: how it calls us, how it wants to be called, and where that was read. */
import type { State } from '../conversion.ts';
import type { ParsedPostback } from '../postback/read-postback.ts';
import type { WrittenProfile } from '../postback/source-profile.ts';

/**
 * | kind                 | what it is                                                                     |
 * |----------------------|--------------------------------------------------------------------------------|
 * | `affiliate_platform` | software that networks and programmes run on: its dialect serves many networks |
 * | `affiliate_network`  | one network or programme with a dialect of its own                             |
 * | `tracker`            | records clicks for a media buyer, between traffic source and network           |
 * | `traffic_source`     | sells the clicks and wants to hear of the conversions                          |
 * | `app_attribution`    | decides which click brought an app's install and events                        |
 * | `shop`               | sells goods or digital products                                                |
 * | `payment_platform`   | charges payments and subscriptions                                             |
 * | `call_tracking`      | counts phone calls                                                             |
 * | `lead_form`          | collects leads                                                                 |
 */
export const NETWORK_KINDS = [
  'affiliate_platform',
  'affiliate_network',
  'tracker',
  'traffic_source',
  'app_attribution',
  'shop',
  'payment_platform',
  'call_tracking',
  'lead_form',
] as const;
export type NetworkKind = (typeof NETWORK_KINDS)[number];

export interface Network {
  /** Its name in commands: lower-case letters, digits and hyphens. */
  readonly key: string;
  readonly name: string;
  readonly kind: NetworkKind;
  /** The page it was read on, or {@link COMMUNITY}. */
  readonly source: string;
  /** Whether macros and parameter names were read on that page; `notes` name what was not. False: try it before money depends on it. */
  readonly confirmed: boolean;
  readonly notes?: readonly string[];
  /** How it reports conversions to us. */
  readonly inbound?: Inbound;
  /** How we report conversions to it. */
  readonly outbound?: Outbound;
}

/** The source of a row that was read in lists of tracker users, and on no page of the network. */
export const COMMUNITY = 'community template list, unconfirmed';

export interface Inbound {
  /** What goes at the end of the offer link, before our click id, so that the network returns it; null where it carries none. */
  readonly clickIdParameter: string | null;
  readonly calls: readonly [InboundCall, ...InboundCall[]];
  /** What differs from the standard profile. */
  readonly profile: WrittenProfile;
  /** What the network wants to read on success, where a bare 200 is not enough. */
  readonly successBody?: string;
}

export interface InboundCall {
  /** When the network makes it. */
  readonly reports: string;
  readonly method: 'GET' | 'POST';
  /**
   * What stands in our postback URL behind the token, as it is pasted into the network's panel, with the network's own
   * macros. Empty where the network names its parameters itself.
   */
  readonly parameters: string;
  readonly examples: readonly [ExampleCall, ...ExampleCall[]];
}

/** One call as the network sends it: its macros filled, or its own query, form or JSON. */
export interface ExampleCall {
  readonly title: string;
  /** What the network puts in the place of each macro of `parameters`. */
  readonly macros?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** JSON as text, where its numbers are longer than a number of ours. */
  readonly jsonText?: string;
  readonly expected: ExpectedPostback | IgnoredPostback;
}

/** What the call says; a member that is left out is absent from it. */
export type ExpectedPostback = Pick<ParsedPostback, 'eventType' | 'status'> & Partial<ParsedPostback>;

export interface IgnoredPostback {
  /** The call is acknowledged and not counted. */
  readonly ignored: 'ignored_by_profile' | 'not_qualified';
}

/** Settings of a partner postback, ready but for the words that only the account's owner knows. */
export interface Outbound {
  readonly method?: 'GET' | 'POST';
  readonly urlTemplate: string;
  /** The words in capitals in the template, and what each is. */
  readonly fillIn?: Readonly<Record<string, string>>;
  /** The secrets that template and headers name, and what each is. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly statuses?: Readonly<Partial<Record<State, string>>>;
  readonly events?: Readonly<Record<string, string>>;
  readonly expectedBody?: string;
  /** What the partner puts on our click URL, with its own macro, so that `{partner_click_id}` is the id it knows; null where it has no macro and appends a name of its own. */
  readonly clickUrlParameter: string | null;
  /** The template rendered for the sample conversion of libs/destinations. */
  readonly rendered: string;
}

/** The click id of every example, as our redirect hands it out. */
export const CLICK_ID = '019b7c9a-512f-7e4d-a63c-1a7e5d3b2f1a';

/** What differs between two installations of ours; in capitals where it still has to be filled in. */
export interface Endpoint {
  readonly host: string;
  readonly source: string;
  readonly token: string;
}

export const UNFILLED_ENDPOINT: Endpoint = { host: 'HOST', source: 'SOURCE', token: 'TOKEN' };

/** The URL to paste into the network's panel. */
export function postbackUrl(
  { parameters }: InboundCall,
  { host, source, token }: Endpoint = UNFILLED_ENDPOINT,
): string {
  const rest = parameters === '' ? '' : `&${parameters}`;
  return `https://${host}/postback/${source}?token=${token}${rest}`;
}

/** One call as it arrives. */
export interface ArrivingCall {
  readonly method: 'GET' | 'POST';
  /** Behind the question mark, without the token. */
  readonly query: string;
  readonly contentType: string | null;
  readonly body: string | null;
}

/** The example as it arrives: macros filled and percent-encoded, the body in the network's content type. */
export function arrivingCall({ method, parameters }: InboundCall, example: ExampleCall): ArrivingCall {
  const own = example.query === undefined ? '' : formText(example.query);
  const query = [filled(parameters, example.macros ?? {}), own].filter((part) => part !== '').join('&');
  const json = example.jsonText ?? (example.json === undefined ? undefined : JSON.stringify(example.json));
  if (json !== undefined) return { method, query, contentType: 'application/json', body: json };
  if (example.form !== undefined)
    return { method, query, contentType: 'application/x-www-form-urlencoded', body: formText(example.form) };
  return { method, query, contentType: null, body: null };
}

/** Longer macros first: `{sub1}` must not be taken for a part of `{{sub1}}`. */
function filled(parameters: string, macros: Readonly<Record<string, string>>): string {
  return Object.entries(macros)
    .toSorted(([a], [b]) => b.length - a.length)
    .reduce((text, [macro, value]) => text.replaceAll(macro, () => encodeURIComponent(value)), parameters);
}

function formText(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}
