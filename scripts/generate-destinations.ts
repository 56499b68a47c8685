/** Writes docs/destinations from the definitions in libs/destinations; `--check` only tells which pages are stale. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import {
  attemptRedactor,
  CORRECTION_KINDS,
  type CorrectionForm,
  DESTINATIONS,
  type DestinationDefinition,
  type DestinationSettings,
  mapSecrets,
  type PageRows,
  parseSettings,
  recordRequest,
  SAMPLE_NOW,
  sampleDelivery,
  settingsRedactor,
} from '../libs/destinations/src/index.ts';

const folder = join(import.meta.dirname, '../docs/destinations');
const HOUR_MS = 3_600_000;

type Row = readonly string[];

/** In a table even code ends at a bar. */
function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function section(title: string, ...parts: readonly string[]): string {
  const body = parts.filter((part) => part !== '');
  return body.length === 0 ? '' : [`## ${title}`, ...body].join('\n\n');
}

function rowsUnder(head: Row, rows: PageRows): string {
  return rows.length === 0 ? '' : table(head, rows);
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

interface Property {
  readonly description?: string;
  readonly default?: unknown;
  readonly secret?: boolean;
  readonly enum?: readonly string[];
  readonly additionalProperties?: Property | false;
}

function settingRows(definition: DestinationDefinition): Row[] {
  const { properties = {}, required = [] } = z.toJSONSchema(definition.settings, {
    io: 'input',
    unrepresentable: 'any',
  });
  return Object.entries(properties).map(([name, schema]) => {
    const property = schema as Property;
    const isSecret =
      property.secret === true ||
      (property.additionalProperties && property.additionalProperties.secret === true);
    const choices = property.enum === undefined ? '' : ` (${property.enum.map(code).join(', ')})`;
    const standard = required.includes(name) ? 'required' : defaultOf(property);
    return [
      code(name),
      isSecret ? `${standard}, secret` : standard,
      `${property.description ?? ''}${choices}`,
    ];
  });
}

function defaultOf({ default: value }: Property): string {
  return value === undefined || JSON.stringify(value) === '{}' ? 'none' : code(value);
}

function exampleDocument({ settings: schema, key, title, exampleSettings }: DestinationDefinition): string {
  const secrets: Record<string, string> = {};
  const settings = withoutSecrets(schema, exampleSettings, [], secrets);
  const document = { name: title, definition: key, advertiserId: 'shop', status: 'active', settings };
  return fenced('json', JSON.stringify({ document, secrets }, null, 2));
}

/** The settings without what is secret; that goes to `secrets` by its path. */
function withoutSecrets(
  schema: DestinationDefinition['settings'],
  settings: Readonly<Record<string, unknown>>,
  path: readonly string[],
  secrets: Record<string, string>,
): unknown {
  const marked = mapSecrets(schema, settings, () => SECRET);
  const strip = (value: unknown, at: readonly string[]): unknown => {
    if (value === SECRET) secrets[at.join('.')] = '…';
    if (value === SECRET) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const kept = Object.entries(value)
      .map(([name, inner]) => [name, strip(inner, [...at, name])] as const)
      .filter(([, inner]) => inner !== undefined);
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  };
  return strip(marked, path) ?? {};
}

const SECRET = '\0secret';

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function eventRows({ events }: DestinationDefinition): Row[] {
  const types = Map.groupBy(Object.keys(events), (type) => events[type] ?? '');
  return [...types].map(([event, names]) => [names.map(code).join(', '), code(event)]);
}

/** The example settings' own names come first: some platforms have none but those that somebody set up there. */
function exampleEvent({ events }: DestinationDefinition, settings: DestinationSettings): string {
  const named = { ...events, ...settings.events };
  return named['sale'] ?? Object.values(named)[0] ?? 'sale';
}

/** The request for the sample conversion as it would be recorded: secrets and the address hidden. */
function exampleRequest(definition: DestinationDefinition, settings: DestinationSettings): string {
  const delivery = sampleDelivery(exampleEvent(definition, settings));
  const accessToken = definition.credential?.isNeeded(settings) ? 'access-token' : null;
  const request = definition.buildRequest({ deliveries: [delivery], settings, accessToken, now: SAMPLE_NOW });
  const hide = attemptRedactor(request, [delivery], settingsRedactor(definition, settings));
  const { method, url, headers, body } = recordRequest(request, hide);
  const head = [`${method} ${url}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  return fenced('http', [...head, ...(body === null ? [] : ['', readable(body)])].join('\n'));
}

function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function limits(definition: DestinationDefinition, settings: DestinationSettings): string {
  const { maxBatch, maxBodyBytes, dedupWindowMs, credential } = definition;
  const maxAgeMs = definition.maxAgeMs(settings);
  const size = maxBodyBytes === 0 ? 'no body' : `at most ${maxBodyBytes.toLocaleString('en')} bytes`;
  const age =
    maxAgeMs === null ? 'the platform names no greatest age' : `events are at most ${inWords(maxAgeMs)} old`;
  const window =
    dedupWindowMs === null
      ? 'for how long a repeat is recognised is not documented'
      : `a repeat is recognised for ${inWords(dedupWindowMs)}`;
  const count = maxBatch === 1 ? 'one event' : `at most ${maxBatch.toLocaleString('en')} events`;
  const token =
    credential === null ? '' : ' The access token is fetched by an OAuth refresh and renewed before it ends.';
  return `A request carries ${count} and ${size}; ${age}; ${window}.${token}`;
}

function inWords(durationMs: number): string {
  const hours = durationMs / HOUR_MS;
  return hours % 24 === 0 && hours > 48 ? `${hours / 24} days` : `${hours} hours`;
}

function correctionTable(definition: DestinationDefinition, settings: DestinationSettings): string {
  const named = [...new Set(Object.values(definition.events))];
  const events = named.length === 0 ? ['every event'] : named;
  const rows = events.flatMap((event) => {
    const forms = definition.corrections(settings, event);
    return CORRECTION_KINDS.map((kind) => ({ event, kind, text: formInWords(forms[kind]) }));
  });
  const alike = [...Map.groupBy(rows, ({ kind, text }) => `${kind} ${text}`).values()];
  return table(
    ['correction', 'of', 'how'],
    alike.map((same) => {
      const [first] = same;
      const of =
        same.length === events.length ? 'every event' : same.map(({ event }) => code(event)).join(', ');
      return [first?.kind === 'restate' ? 'another amount' : 'taken back', of, first?.text ?? ''];
    }),
  );
}

const TOLD = { new_total: 'the new amount', difference: 'the difference', nothing: 'no amount' } as const;

function formInWords(form: CorrectionForm): string {
  if (form.form === 'impossible') return `not possible: ${form.reason}`;
  const own = form.form === 'counter_event' && form.event !== null ? ` ${code(form.event)}` : '';
  const kind = form.form === 'adjustment' ? 'an adjustment' : `a counter-event${own}`;
  const down = form.direction === 'down' ? ', lowering only' : '';
  const age = form.maxAgeMs === null ? '' : `, within ${inWords(form.maxAgeMs)} of the conversion`;
  return `${kind} with ${TOLD[form.tells]}${down}${age}`;
}

/** What becomes of event types that the table does not name, or of all where there is none. */
const EVENTS_BESIDE = {
  same_name: {
    table: 'Every other event type that a subscription lets through is sent under our own name.',
    no_table: 'Every event type that a subscription lets through is sent under our own name.',
  },
  withhold: {
    table: 'Every other type is not sent, unless the setting `events` names it.',
    no_table: 'Only the types that the setting `events` names are sent.',
  },
} as const;

function pageOf(definition: DestinationDefinition): string {
  const { key, title, api, page, unmappedEvents, exampleSettings } = definition;
  const parsed = parseSettings(definition, exampleSettings);
  if (!parsed.ok) throw new Error(`${key}: ${JSON.stringify(parsed.problems)}`);
  const { settings } = parsed;
  const documentation = api.docs.startsWith('https:') ? `, [documentation](${api.docs})` : '';
  const events = eventRows(definition);
  const rest = EVENTS_BESIDE[unmappedEvents][events.length === 0 ? 'no_table' : 'table'];
  const parts = [
    `# ${title}`,
    '<!-- Generated by scripts/generate-destinations.ts from the definition: npm run generate. -->',
    `Definition \`${key}\`, in [libs/destinations/src/${key}.ts](../../libs/destinations/src/${key}.ts), API version \`${api.version}\`${documentation}.\n${page.summary}`,
    section(
      'Settings',
      table(['setting', 'default', 'meaning'], settingRows(definition)),
      'A secret is written through the console API beside the settings, under `secrets`:',
      exampleDocument(definition),
    ),
    section('Events', events.length === 0 ? '' : table(['our event type', 'its event'], events), rest),
    section(
      'What is sent',
      rowsUnder(['field', 'from'], page.fields),
      'For the sample conversion, as it is recorded:',
      exampleRequest(definition, settings),
      "Extras are kept only when the source's `allowedExtras` names them.",
    ),
    section(
      'Limits',
      limits(definition, settings),
      page.checks.length === 0
        ? ''
        : 'Checked before anything is sent: a conversion that breaks a rule is `refused` with `invalid_<code>:<field>`, and no request is made.',
      rowsUnder(['code and field', 'rule'], page.checks),
    ),
    section('Corrections', correctionTable(definition, settings)),
    section(
      'How answers are judged',
      rowsUnder(['answer', 'outcome'], page.answers),
      'The sender adds its own rules for every destination: see [delivery reasons](../errors.md#delivery-reasons).',
    ),
    section('Notes', page.notes.map((note) => `- ${note}`).join('\n')),
    section('Sources', page.sources.map((source) => `- ${source.replace(/^https:\S+$/, '<$&>')}`).join('\n')),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const pages = new Map(DESTINATIONS.map((definition) => [`${definition.key}.md`, pageOf(definition)]));
const strangers = readdirSync(folder).filter((name) => !pages.has(name));
const stale = [...pages].filter(([name, text]) => read(join(folder, name)) !== text).map(([name]) => name);

if (!process.argv.includes('--check')) {
  for (const [name, text] of pages) writeFileSync(join(folder, name), text);
} else if (stale.length > 0) {
  console.error(`docs/destinations is stale (${stale.join(', ')}): npm run generate`);
  process.exitCode = 1;
}
if (strangers.length > 0) {
  console.error(`docs/destinations has pages of no definition: ${strangers.join(', ')}`);
  process.exitCode = 1;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
