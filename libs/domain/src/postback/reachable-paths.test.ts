/** Only paths that lead nowhere are left out, however many sets of names a source has sent. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileProfile } from './compile-profile.ts';
import { CallTree, type CompiledPath, type Parameters } from './parameters.ts';
import type { PostbackField } from './postback-fields.ts';
import { reachablePaths } from './reachable-paths.ts';
import { parsePostback } from './read-postback.ts';
import { completeProfile } from './source-profile.ts';

const PROFILE = {
  aliases: {
    clickId: ['aff_sub', 'data[click]', 'order.click'],
    transactionId: ['items[0].id', 'params[name=order].value'],
    revenue: ['data[total]'],
  },
  allowedExtras: ['tier', 'order.tier', 'data[tier]'],
  defaultCurrency: 'EUR',
  defaultEventType: 'sale',
};
const NAMES = [
  ...['aff_sub', 'click_id', 'data[click]', 'data', 'order', 'order.click', 'items', 'items[0].id', 'params'],
  ...[
    'params[0][name]',
    'params[0][value]',
    'data[total]',
    'revenue',
    'amount',
    'tier',
    'order.tier',
    'sub1',
  ],
  ...['sub20', 'sub21', 'txid', 'unknown'],
];
const JSON_TEXTS = [
  '{"click":"c","tier":"gold","total":"1.5"}',
  '[{"id":"7"}]',
  '[{"name":"order","value":"o-1"}]',
  '{"click":""}',
];

const calls = fc
  .uniqueArray(fc.constantFrom(...NAMES), { maxLength: 12 })
  .chain((names) =>
    fc
      .tuple(...names.map(() => fc.constantFrom('', '1', '2.50', '{click_id}', 'order', ...JSON_TEXTS)))
      .map((values): Parameters => new Map(names.map((name, index) => [name, values[index] ?? '']))),
  );

it('leaves out no path that leads to something, whatever was sent before', () => {
  const known = compileProfile(completeProfile(PROFILE));
  fc.assert(
    fc.property(calls, (parameters) => {
      const tree = new CallTree(parameters);
      const found = (paths: readonly CompiledPath[]) =>
        paths.filter((path) => tree.value(path) !== undefined).map(({ name }) => name);
      const reachable = reachablePaths(known, parameters);
      for (const field of Object.keys(known.paths) as PostbackField[])
        expect(found(reachable.paths[field])).toEqual(found(known.paths[field]));
      expect(found(reachable.extras)).toEqual(found(known.extras));
      expect(reachable.subIds.map(({ name }) => name)).toEqual(
        [...parameters.keys()].filter((name) => name === 'sub1' || name === 'sub20'),
      );
    }),
    { numRuns: 1_000 },
  );
});

it('reads on when it has learnt as many sets of names as it keeps', () => {
  const profile = completeProfile(PROFILE);
  const read = (parameters: Parameters) => parsePostback(parameters, profile, 1_767_225_600_000);
  for (let n = 0; n < 6_000; n++) read(new Map([[`name-${n}`, 'x']]));
  const parsed = read(
    new Map([
      ['other', 'x'],
      ['order', '{"click":"c"}'],
      ['revenue', '2.50'],
      ['sub1', 's'],
    ]),
  );
  expect(parsed).toMatchObject({
    ok: true,
    postback: { clickId: 'c', revenueMicros: 2_500_000n, subIds: { sub1: 's' } },
  });
});
