/** docs/errors.md names every code of the closed lists of this library, and no others in their tables. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CORE_REASONS } from './attribution/reasons.ts';
import { CLICK_WARNINGS } from './click-parameters.ts';
import { VERDICTS } from './conversion.ts';
import { NETWORK_ERRORS } from './delivery.ts';
import { PAYOUT_REASONS } from './payout.ts';
import { REFUSAL_REASONS } from './postback/refusals.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');

/** The codes that stand alone in the first column of the tables under a heading. */
function codesUnder(heading: string): string[] {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`);
  const [body = ''] = section.split('\n## ');
  return [...body.matchAll(/^\| `([a-z_]+)` +\|/gm)].map(([, code = '']) => code);
}

describe('docs/errors.md', () => {
  it.each([
    ['Postbacks that are refused', REFUSAL_REASONS],
    ['Clicks', CLICK_WARNINGS],
    ['Verdicts', VERDICTS],
    ['Decision reasons', CORE_REASONS],
    ['Payout reasons', PAYOUT_REASONS],
  ] as const)('lists exactly the codes under "%s"', (heading, codes) => {
    expect(codesUnder(heading).toSorted()).toEqual([...codes].toSorted());
  });

  it('lists every network error among the delivery reasons', () => {
    expect(codesUnder('Delivery reasons')).toEqual(expect.arrayContaining([...NETWORK_ERRORS]));
  });
});
