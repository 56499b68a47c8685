/** docs/errors.md names every code by which a delivery ends here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CORRECTION_OBSTACLES } from '@tributary/destinations';
import { expect, it } from 'vitest';
import { RECEIVER_PROBLEMS } from './receivers.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');

it.each([
  ...CORRECTION_OBSTACLES,
  ...RECEIVER_PROBLEMS,
  'destination_not_live',
  'destination_switched_off',
  'would_double_count',
])('docs/errors.md names %s', (code) => {
  expect(page).toContain(`\`${code}\``);
});
