/** Other rules from a file and from options: what they change of the terms in force, and what of a file is refused. */
import { aChange, Configuration, offerTermsAt } from '@tributary/configuration';
import type { OfferTerms } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { changeOf, durationIn, modelIn, type OtherRules } from './other-rules.ts';

const DAY_MS = 86_400_000;
const NONE: OtherRules = { file: null, model: null, windowMs: null };

const configuration = new Configuration();
const SHOES = {
  id: 'shoes',
  advertiserId: 'acme',
  name: 'Shoes',
  model: 'time_decay',
  halfLifeMs: DAY_MS,
  payouts: [{ kind: 'percent', eventType: 'sale', percent: '10' }],
};
for (const [offset, change] of [
  aChange('advertiser', { id: 'acme', name: 'Acme', currency: 'EUR' }),
  aChange('offer', SHOES),
  aChange('offer', { id: 'hats', advertiserId: 'acme', name: 'Hats' }),
].entries())
  configuration.apply(offset, change);

function terms(offerId: string): OfferTerms {
  const inForce = offerTermsAt(configuration, offerId, 'sale', 0);
  if (inForce === null) throw new Error('no such offer');
  return inForce;
}

function changed(offerId: string, rules: Partial<OtherRules>): OfferTerms | undefined {
  return changeOf(configuration, { ...NONE, ...rules })?.change(terms(offerId), 'sale', 0);
}

it('without other rules there is no change', () => {
  expect(changeOf(configuration, NONE)).toBeNull();
});

it('a model and a window are for every offer', () => {
  for (const id of ['shoes', 'hats'])
    expect(changed(id, { model: 'linear', windowMs: DAY_MS })).toEqual({
      ...terms(id),
      model: 'linear',
      window: { minMs: 0, maxMs: DAY_MS },
    });
});

describe('a file', () => {
  const file =
    'offers: { shoes: { model: linear, payouts: [{ kind: percent, eventType: sale, percent: "20" }] } }';

  it('changes the fields it has of the offers it names', () => {
    const { payouts, model, window } = changed('shoes', { file }) ?? {};
    expect({ model, window }).toEqual({ model: 'linear', window: terms('shoes').window });
    expect(payouts).toMatchObject([{ kind: 'percent', percentMicros: 20_000_000n }]);
    expect(changed('hats', { file })).toEqual(terms('hats'));
  });

  it('may be JSON', () => {
    expect(changed('hats', { file: '{"offers":{"hats":{"model":"first_click"}}}' })?.model).toBe(
      'first_click',
    );
  });

  it.each([
    ['matchesHashedIdentity: true', true],
    ['windows: { default: { minMs: 0, maxMs: 5 }, viewThrough: { default: { minMs: 0, maxMs: 5 } } }', true],
    ['model: first_click', false],
  ])('with %s links persons: %s', (part, linksPersons) => {
    const change = changeOf(configuration, { ...NONE, file: `offers: { hats: { ${part} } }` });
    expect(change?.linksPersons).toBe(linksPersons);
  });

  it.each([
    ['of something else', 'campaigns: {}', 'the file must hold offers'],
    ['of an unknown offer', 'offers: { socks: {} }', 'offers/socks: there is no such offer'],
    ['with an unknown model', 'offers: { hats: { model: best } }', 'offers/hats: model:'],
    ['with an unknown field', 'offers: { hats: { modle: linear } }', 'modle'],
  ])('%s is refused', (_name, text, message) => {
    expect(() => changeOf(configuration, { ...NONE, file: text })).toThrow(message);
  });
});

it.each([
  ['30m', 1_800_000],
  ['12h', 43_200_000],
  ['7d', 7 * DAY_MS],
])('%s is a window of %d ms', (text, ms) => {
  expect(durationIn(text)).toBe(ms);
});

it.each(['', '7', '0d', '-1d', '1.5h', '7 d', '7w'])('%j is no window', (text) => {
  expect(() => durationIn(text)).toThrow('--window');
});

it('a model that there is not is refused', () => {
  expect(modelIn('linear')).toBe('linear');
  expect(() => modelIn('best')).toThrow('last_click');
});
