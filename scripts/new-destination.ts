/** `npm run new:destination <key>`: a definition that conforms and sends nothing real yet, its test table, and its line in the registry. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const sources = join(import.meta.dirname, '../libs/destinations/src');
const [key = ''] = process.argv.slice(2);

if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(key))
  fail('usage: npm run new:destination <key>, e.g. tiktok or google-ads');
const file = join(sources, `${key}.ts`);
if (existsSync(file)) fail(`${key}.ts exists`);

const name = key.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
const title = key.replace(/(?:^|-)([a-z])/g, (match) => match.replace('-', ' ').toUpperCase());

const definition = `/** ${title}: all we know of it. */
import { judgeStatus, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { exactUnits, valueProblems } from './amounts.ts';
import { ipAddress, userAgent } from './browser.ts';
import { consentProblems, whenConsentDenied } from './consent.ts';
import { noCorrections } from './correction.ts';
import {
  type DestinationPage,
  defineDestination,
  delivered,
  forAll,
  type OutwardDelivery,
  refused,
  retry,
} from './definition.ts';
import { DAY_MS, MINUTE_MS, timeProblems } from './event-time.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';

const DOCS = 'https://${key}.example/docs';
const MAX_AGE_MS = 7 * DAY_MS;

const settings = z.strictObject({
  accessToken: secret().describe('sent in the \`Authorization\` header'),
  baseUrl: baseUrl('https://${key}.example'),
  whenConsentDenied: whenConsentDenied(),
  events: eventOverrides(),
});

const page: DestinationPage = {
  summary: 'Sends a conversion to ${title}.',
  fields: [['\`id\`', 'the delivery id, the same on every attempt']],
  checks: [['\`too_old\`, \`time\`', 'at most 7 days old']],
  answers: [['200 with \`accepted\` equal to what was sent', 'delivered']],
  notes: [],
  sources: [DOCS],
};

export const ${name} = defineDestination<z.output<typeof settings>>({
  key: '${key}',
  title: '${title}',
  api: { version: 'v1', docs: DOCS },
  page,
  settings,
  exampleSettings: { accessToken: 'example-token' },
  events: { lead: 'lead', sale: 'purchase' },
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 100,
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => MAX_AGE_MS,
  dedupWindowMs: null,
  credential: null,

  batchKey: () => '',
  amounts: () => ['revenue'],
  corrections: () => noCorrections('no way to change or take back an event was looked up yet', DOCS),

  validate: (input) => [
    ...timeProblems(input, { field: 'time', source: DOCS, maxAgeMs: MAX_AGE_MS, maxLeadMs: MINUTE_MS }),
    ...consentProblems(input, { field: 'user', source: 'docs/destinations/${key}.md' }),
    ...valueProblems(input, {
      valueField: 'value',
      currencyField: 'currency',
      requiredFor: ['purchase'],
      source: DOCS,
    }),
  ],

  buildRequest: ({ deliveries, settings: given }) => ({
    method: 'POST',
    url: \`\${given.baseUrl}/v1/events\`,
    headers: { authorization: \`Bearer \${given.accessToken}\`, 'content-type': 'application/json' },
    body: jsonText({ events: deliveries.map(outwardEvent) }),
  }),

  judge: ({ response: { status, headers, body }, deliveryCount, now }) => {
    const byStatus = judgeStatus({ status, retryAfterMs: parseRetryAfter(headers['retry-after'], now) });
    if (byStatus.outcome === 'refused' && deliveryCount > 1 && status === 400) {
      return forAll(deliveryCount, retry('batch_refused', { splitBatch: true }));
    }
    if (byStatus.outcome !== 'delivered') return forAll(deliveryCount, byStatus);
    const answer = success.safeParse(parseJson(body));
    if (!answer.success) return forAll(deliveryCount, retry('response_unreadable'));
    if (answer.data.accepted === deliveryCount) return forAll(deliveryCount, delivered());
    return forAll(
      deliveryCount,
      deliveryCount > 1 ? retry('batch_refused', { splitBatch: true }) : refused('event_invalid', 'event'),
    );
  },
});

function outwardEvent({ deliveryId, event, conversion }: OutwardDelivery): JsonValue {
  const { revenue, isTest, occurredAt, subjectHashes } = conversion;
  return {
    id: deliveryId,
    name: event,
    time: Math.floor(occurredAt / 1_000),
    test: isTest ? true : undefined,
    user: {
      email: subjectHashes['emailPlain'],
      ip: ipAddress(conversion),
      user_agent: userAgent(conversion),
    },
    value: revenue === null ? undefined : exactUnits(revenue),
    currency: revenue?.currency,
  };
}

const success = z.looseObject({ accepted: z.int() });
`;

const test = `/** ${title} by table: the exact request, what is not valid, and the outcome of each response. */
import type { OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { ${name} } from './${key}.ts';
import { SAMPLE_NOW, sampleDelivery } from './sample.ts';

const { bodyOf, requestOf, problemsOf, outcomesOf, parses } = driverOf(${name}, { accessToken: 'token-1' });
const DAY_MS = 86_400_000;

describe('settings', () => {
  it.each([
    ['no token', { accessToken: '' }],
    ['a misspelt setting', { acessToken: 'token-1' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('purchase');
    const { url, headers } = requestOf([delivery]);
    expect(url).toBe('https://${key}.example/v1/events');
    expect(headers).toEqual({ authorization: 'Bearer token-1', 'content-type': 'application/json' });
    expect(bodyOf([delivery])).toEqual({
      events: [
        {
          id: delivery.deliveryId,
          name: 'purchase',
          time: 1_767_319_445,
          user: {
            email: delivery.conversion.subjectHashes['emailPlain'],
            ip: '203.0.113.77',
            user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
          },
          value: 12.34,
          currency: 'USD',
        },
      ],
    });
  });
});

describe('validate', () => {
  it.each<[string, Partial<OutwardConversion>, string[]]>([
    ['a complete sale', {}, []],
    ['too old', { occurredAt: SAMPLE_NOW - 7 * DAY_MS - 1 }, ['time too_old']],
    ['without a value', { revenue: null }, ['value field_missing']],
  ])('%s', (_what, changes, expected) => {
    expect(problemsOf('purchase', changes)).toEqual(expected);
  });
});

describe('judge', () => {
  const split = { outcome: 'retry', reason: 'batch_refused', splitBatch: true };

  it.each<[number, string, number, unknown]>([
    [200, '{"accepted":1}', 1, { outcome: 'delivered' }],
    [200, '{"accepted":1}', 2, split],
    [200, '{"accepted":0}', 1, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [200, '<html>', 1, { outcome: 'retry', reason: 'response_unreadable' }],
    [400, '{}', 2, split],
    [503, '', 1, { outcome: 'retry', reason: 'http_503' }],
  ])('%i %s for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });
});
`;

const registry = join(sources, 'index.ts');
const index = readFileSync(registry, 'utf8');
const LIST = /DESTINATIONS: readonly DestinationDefinition\[\] = \[([\s\S]*?)\];/;
const [, listed = ''] = LIST.exec(index) ?? fail('index.ts has no list DESTINATIONS');
const names = [...listed.split(',').map((text) => text.trim()), name].filter((text) => text !== '').sort();

writeFileSync(file, definition);
writeFileSync(join(sources, `${key}.test.ts`), test);
writeFileSync(
  registry,
  index
    .replace(LIST, `DESTINATIONS: readonly DestinationDefinition[] = [\n  ${names.join(',\n  ')},\n];`)
    .replace('\nexport * from', `import { ${name} } from './${key}.ts';\n\nexport * from`),
);
console.log(`libs/destinations/src/${key}.ts and its test stand; index.ts names them. Now:
1. fill in what the platform documents, each rule with its source
2. npm run format && npm run generate`);

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
