/** The plan as lines: what would change, and what is doubtful in it, by code and place. */
import { expect, it } from 'vitest';
import { planLines, type Step } from './apply-plan.ts';

const step = (changes: Partial<Step>): Step => ({
  collection: 'destinations',
  id: 'partner',
  action: 'create',
  expectedVersion: -1,
  differences: [{ path: 'name', after: 'Partner' }],
  wanted: null,
  ...changes,
});

it('shows the warnings of what is written, and none of what stays as it is', () => {
  const path = 'document.settings.urlTemplate';
  const warnings = [
    { path, code: 'not_https', position: 0, message: 'write https' },
    { path, message: 'of no code' },
  ];
  const lines = planLines({
    steps: [step({ warnings }), step({ id: 'old', action: 'unchanged', differences: [], warnings })],
    leftAlone: [],
  });
  expect(lines).toEqual([
    'create destinations/partner',
    '    name: "Partner"',
    '    warning: document.settings.urlTemplate: not_https at 0: write https',
    '    warning: document.settings.urlTemplate: of no code',
    '1 to create, 0 to change, 0 to remove, 1 unchanged',
  ]);
});
