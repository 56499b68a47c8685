/** docs/errors.md lists every code of the console API with its status, and no others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { REFUSAL_STATUSES } from './refusal.ts';

it('docs/errors.md lists exactly the codes of the console API', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');
  const [, section = ''] = page.split('\n## The console API\n');
  const [body = ''] = section.split('\n## ');
  const rows = [...body.matchAll(/^\| `([a-z_]+)` +\| (\d{3}) +\|/gm)];

  expect(Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)]))).toEqual(
    REFUSAL_STATUSES,
  );
});
