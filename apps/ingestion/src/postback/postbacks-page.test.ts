/** docs/postbacks.md: every example is read as the page says, and no member of the profile is left out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from '@tributary/configuration';
import {
  compileProfile,
  completeProfile,
  isIgnored,
  parsePostback,
  type Refusal,
  type SourceProfile,
  STANDARD_PROFILE,
} from '@tributary/domain';
import { expect, it } from 'vitest';
import { readBatch, readCall } from './read-call.ts';
import type { Row } from './row.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../../docs/postbacks.md'), 'utf8');
const RECEIVED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);
const EXAMPLE =
  /```json (?<kind>profile|source)\n(?<given>.*?)```\s+```http\n(?<call>.*?)```\s+```json read\n(?<told>.*?)```/gs;

const examples = [...PAGE.matchAll(EXAMPLE)].map(({ groups = {}, index }) => {
  const given = JSON.parse(groups['given'] ?? '') as object;
  const heading = /^##+ (.*)$/m.exec(PAGE.slice(PAGE.lastIndexOf('\n##', index)))?.[1] ?? '';
  return {
    heading,
    source: groups['kind'] === 'source' ? given : { profile: given },
    call: groups['call'] ?? '',
    told: JSON.parse(groups['told'] ?? '') as object,
  };
});

function profileOf(source: object): SourceProfile {
  const parsed = parseDocument('source', { id: 'shop', advertiserId: 'acme', name: 'Shop', ...source });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { profile, allowedExtras } = parsed.entity;
  return completeProfile({ ...profile, allowedExtras });
}

function rowsOf(call: string, profile: SourceProfile): readonly Row[] {
  const [head = '', body = ''] = call.trimEnd().split(/\n\n(.*)/s);
  const [, method = '', path = '', search = ''] = /^(\S+) ([^?\s]+)\??(\S*)/.exec(head) ?? [];
  const contentType = /^Content-Type: (.*)$/m.exec(head)?.[1] ?? '';
  const bytes = Buffer.from(body);
  const read = path === '/v1/postbacks' ? readBatch : readCall;
  const incoming = { method, contentType, search, body: { ok: true as const, bytes, text: body } };
  return read(incoming, compileProfile(profile));
}

/** A row as the page tells it. */
function toldOf(row: Row, profile: SourceProfile): object {
  if (!row.ok) return toldRefusal(row.refusal);
  const parsing = parsePostback(row.parameters, profile, RECEIVED_AT);
  if (!parsing.ok) return toldRefusal(parsing.refusal);
  const { occurredAt, revenueMicros, ...rest } = parsing.postback;
  return {
    ...rest,
    occurredAt: new Date(occurredAt).toISOString(),
    revenueMicros: revenueMicros === null ? null : String(revenueMicros),
  };
}

function toldRefusal({ reason, field }: Refusal): object {
  return isIgnored(reason) ? { ignored: reason, field } : { refused: reason, field };
}

it.each(examples)('$heading: $call', ({ source, call, told }) => {
  const profile = profileOf(source);
  const rows = rowsOf(call, profile).map((row) => toldOf(row, profile));
  const expected = Array.isArray(told) ? told : [told];
  expect(rows).toHaveLength(expected.length);
  expect(rows).toMatchObject(expected);
});

it('has an example for every member', () => {
  const shown = examples.map(({ heading }) => heading.replaceAll('`', ''));
  expect(Object.keys(STANDARD_PROFILE).filter((member) => !shown.includes(member))).toEqual([]);
});
