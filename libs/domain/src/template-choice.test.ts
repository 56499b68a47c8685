/** Which template is chosen, by table, and that the words tell of the same choice for any overrides. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooserAmong, explainChoice, type OverrideScope } from './template-choice.ts';

const OFFER: OverrideScope = { offerId: 'shoes', eventType: null };
const EVENT: OverrideScope = { offerId: null, eventType: 'lead' };
const BOTH: OverrideScope = { offerId: 'shoes', eventType: 'lead' };
const OTHER: OverrideScope = { offerId: 'boots', eventType: null };

describe('the choice', () => {
  it.each<[string, OverrideScope[], OverrideScope, number | null]>([
    ['the global one without overrides', [], BOTH, null],
    ['the one for both before all', [EVENT, OFFER, BOTH], BOTH, 2],
    ['the offer before the event type', [EVENT, OFFER], BOTH, 1],
    ['the event type before the global one', [EVENT, OTHER], BOTH, 0],
    ['the global one where none fits', [OTHER, BOTH], { offerId: 'shoes', eventType: 'sale' }, null],
    ['the offer for its other events', [BOTH, OFFER], { offerId: 'shoes', eventType: 'sale' }, 1],
    ['the event type without an offer', [BOTH, OFFER, EVENT], { offerId: null, eventType: 'lead' }, 2],
    ['never an offer without an offer', [OFFER, BOTH], { offerId: null, eventType: 'lead' }, null],
    ['the first of two alike', [OFFER, OFFER], BOTH, 0],
    ['nothing that only an object has', [OFFER], { offerId: 'constructor', eventType: '__proto__' }, null],
  ])('takes %s', (_what, overrides, subject, chosen) => {
    expect(chooserAmong(overrides)(subject)).toBe(chosen);
  });

  it('says in words why, and why not the others', () => {
    expect(explainChoice([EVENT, OTHER, OFFER, BOTH], { offerId: 'shoes', eventType: 'sale' })).toEqual({
      chosen: 2,
      rank: 'offer',
      words: 'the override for offer shoes, which the conversion is of',
      passedOver: [
        { override: 0, words: 'it is for event type lead, and the conversion is a sale' },
        { override: 1, words: 'it is for offer boots, and the conversion is of offer shoes' },
        { override: 3, words: 'it is for event type lead, and the conversion is a sale' },
        { override: null, words: 'it is for whatever no override fits, and one for the offer fits' },
      ],
    });
    expect(explainChoice([EVENT, OFFER, BOTH], BOTH)).toMatchObject({
      rank: 'offer_and_event',
      words: 'the override for offer shoes and event type lead, which the conversion is of',
      passedOver: [
        { override: 0, words: 'it fits, but one for the offer and the event type comes before it' },
        { override: 1, words: 'it fits, but one for the offer and the event type comes before it' },
        { override: null },
      ],
    });
    expect(explainChoice([OTHER], { offerId: null, eventType: 'lead' })).toEqual({
      chosen: null,
      rank: 'global',
      words: 'the global template: no override fits the conversion',
      passedOver: [{ override: 0, words: 'it is for offer boots, and the conversion is of none' }],
    });
    expect(explainChoice([], BOTH).words).toBe('the global template: there are no overrides');
  });

  it('is one that fits, with none that fits stronger, and every other is told of', () => {
    const scope = fc.record({
      offerId: fc.option(fc.constantFrom('a', 'b')),
      eventType: fc.option(fc.constantFrom('x', 'y')),
    });
    const strength = ({ offerId, eventType }: OverrideScope) =>
      (offerId === null ? 0 : 2) + (eventType === null ? 0 : 1);
    fc.assert(
      fc.property(
        fc.array(
          scope.filter((of) => strength(of) > 0),
          { maxLength: 8 },
        ),
        scope,
        (overrides, subject) => {
          const fitting = overrides.filter(
            (of) =>
              (of.offerId === null || of.offerId === subject.offerId) &&
              (of.eventType === null || of.eventType === subject.eventType),
          );
          const { chosen, passedOver } = explainChoice(overrides, subject);
          const winner = chosen === null ? undefined : overrides[chosen];
          expect(winner === undefined).toBe(fitting.length === 0);
          if (winner !== undefined) {
            expect(fitting).toContain(winner);
            expect(strength(winner)).toBe(Math.max(...fitting.map(strength)));
          }
          const told = new Set([chosen, ...passedOver.map(({ override }) => override)]);
          expect(told).toEqual(new Set([null, ...overrides.keys()]));
        },
      ),
    );
  });
});
