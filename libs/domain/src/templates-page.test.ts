/** docs/templates.md names every macro, modifier, code and rank there is and no others, and its examples render as it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  compileTemplate,
  kindOf,
  type MacroValues,
  MODIFIERS,
  PARTNER_POSTBACK_CATALOGUE,
  type PartnerPostbackMacro,
  SUB_ID_MACROS,
} from './template.ts';
import { CHOICE_RANKS } from './template-choice.ts';
import { BROKEN, COMBINED } from './template-lint.fixture.ts';
import { TEMPLATE_LINT_CODES } from './template-lint.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/templates.md'), 'utf8');

/** The cells of the first table under a heading, without its head; code is taken out of its backticks. */
function tableUnder(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`);
  const [body = ''] = section.split('\n## ');
  const lines = body.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    return cells.map((cell) =>
      cell
        .trim()
        .replaceAll('\\|', '|')
        .replace(/^`(.*)`$/, '$1'),
    );
  });
}

describe('docs/templates.md', () => {
  it('lists exactly the macros, with their kinds', () => {
    const { macros, namespaces } = PARTNER_POSTBACK_CATALOGUE;
    const plain = macros.filter((name) => !SUB_ID_MACROS.some((sub) => sub === name));
    const expected = [
      ...plain.map((name) => [`{${name}}`, kindOf({ name, key: null }, PARTNER_POSTBACK_CATALOGUE)]),
      ['{sub1}` … `{sub20}', 'text'],
      ...namespaces.map((name) => [
        `{${name}:name}`,
        kindOf({ name, key: 'name' }, PARTNER_POSTBACK_CATALOGUE),
      ]),
    ];
    const listed = tableUnder('Macros').map(([macro, kind]) => [macro, kind]);
    expect(listed.toSorted()).toEqual(expected.toSorted());
  });

  it('lists exactly the modifiers, with their groups and kinds', () => {
    expect(tableUnder('Modifiers').map(([name, group, kinds]) => [name, group, kinds])).toEqual(
      Object.entries(MODIFIERS).map(([name, { role, kinds }]) => [name, role, kinds.join(', ')]),
    );
  });

  it('lists exactly the codes, with the severities that the broken templates show', () => {
    const severities = new Map<string, Set<string>>();
    for (const [, ...all] of [...BROKEN, ...COMBINED]) {
      for (const [code, severity] of all) {
        severities.set(code, (severities.get(code) ?? new Set()).add(severity));
      }
    }
    const inWords = (code: string) => {
      const seen = severities.get(code);
      const words = [...(seen?.has('E') ? ['error'] : []), ...(seen?.has('W') ? ['warning'] : [])];
      return words.join(' or ');
    };
    expect(tableUnder('What is found in a template').map(([code, severity]) => [code, severity])).toEqual(
      TEMPLATE_LINT_CODES.map((code) => [code, inWords(code)]),
    );
  });

  it('lists exactly the ranks of overrides, strongest first', () => {
    expect(tableUnder('Which template is used').map(([rank]) => rank)).toEqual([...CHOICE_RANKS]);
  });

  const values: MacroValues<PartnerPostbackMacro> = {
    partner_click_id: 'p-click-9',
    payout: { micros: 12_500_000n, currency: 'USD' },
    currency: 'USD',
    occurred_at: 1_767_323_045_678,
    event: 'sale',
    sub1: 'a&b',
    customer_id: 'customer-7',
  };

  it.each(tableUnder('Examples').map(([template = '', sent = '']) => [template, sent] as const))(
    'says what %s is sent as',
    (template, sent) => {
      const compilation = compileTemplate(`https://p.example/?x=${template}`, PARTNER_POSTBACK_CATALOGUE);
      expect(compilation.ok && compilation.template.render(values)).toBe(`https://p.example/?x=${sent}`);
    },
  );

  it('has examples', () => {
    expect(tableUnder('Examples').length).toBeGreaterThan(10);
  });
});
