/** docs/crm.md explains every signal, every field, every reason and every time, and no others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STANDARD_LIFECYCLE_RULES } from './rules.ts';
import { RAISING_REASONS, SIGNALS, WITHDRAWING_REASONS } from './signal.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const PAGE = readFileSync(join(ROOT, 'docs/crm.md'), 'utf8');
const SCHEMA: { readonly fields: readonly { readonly name: string }[] } = JSON.parse(
  readFileSync(join(ROOT, 'schemas/lifecycle.signalled.v1.avsc'), 'utf8'),
);

/** The words in the first column of the table under a heading, up to the next heading. */
function wordsUnder(heading: string): readonly string[] {
  const [, section = ''] = PAGE.split(`\n${heading}\n`);
  const [body = ''] = section.split(/\n#+ /);
  const cells = [...body.matchAll(/^\| +(`[^|]*)\|/gm)].map(([, cell = '']) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, word = '']) => word));
}

describe('docs/crm.md', () => {
  it.each([
    ['## Signals', SIGNALS],
    ['### Its fields', SCHEMA.fields.map(({ name }) => name)],
    ['### Why', [...new Set([...RAISING_REASONS, ...WITHDRAWING_REASONS])]],
    ['### Its times', Object.keys(STANDARD_LIFECYCLE_RULES)],
  ])('has under "%s" all there is', (heading, words) => {
    expect(wordsUnder(heading).toSorted()).toEqual(words.toSorted());
  });
});
