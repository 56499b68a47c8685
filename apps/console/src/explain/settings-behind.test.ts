/** Which settings a delivery went by: those in force when it was sent, chosen by the conversion, in words. */
import { aChange, Configuration } from '@tributary/configuration';
import { describe, expect, it } from 'vitest';
import { settingsBehind } from './settings-behind.ts';

const NOW = 1_000;
const REQUEST = { destinationId: 'partner', configurationVersion: 3, startedAt: NOW };
const SALE = { offerId: 'shoes', eventType: 'sale' };

const postback = (overrides?: object[]) => ({
  id: 'partner',
  name: 'Partner',
  definition: 'partner-postback',
  status: 'active',
  settings: { urlTemplate: 'https://partner.example/?c={click_id}' },
  ...(overrides && { overrides }),
});
const other = { urlTemplate: 'https://other.example/?c={click_id}' };

function configured(): Configuration {
  const configuration = new Configuration();
  const changes = [
    aChange('destination', postback()),
    aChange(
      'destination',
      postback([
        { offerId: 'boots', settings: other },
        { eventType: 'sale', settings: other },
      ]),
      { expectedVersion: 0 },
    ),
    aChange('partner', { id: 'a', name: 'A' }),
    aChange('destination', postback([{ offerId: 'shoes', settings: other }]), {
      expectedVersion: 1,
      effectiveFrom: NOW + 1,
    }),
  ];
  for (const [offset, change] of changes.entries()) {
    expect(configuration.apply(offset, change)).toEqual({ outcome: 'applied' });
  }
  return configuration;
}

describe('the settings behind a delivery', () => {
  it('are chosen by offer and event type, and told with those passed over', () => {
    expect(settingsBehind(configured(), REQUEST, SALE)).toEqual({
      version: 1,
      chosen: 'overrides.1.settings',
      why: 'the override for event type sale, which the conversion is of',
      passedOver: [
        {
          path: 'overrides.0.settings',
          why: 'it is for offer boots, and the conversion is of offer shoes',
        },
        {
          path: 'settings',
          why: 'it is for whatever no override fits, and one for the event type fits',
        },
      ],
    });
  });

  it.each([
    [
      'that the attempt had seen',
      { configurationVersion: 0 },
      { version: 0, chosen: 'settings', passedOver: [] },
    ],
    ['in force then, and none for later', {}, { version: 1 }],
    ['in force later', { startedAt: NOW + 1 }, { version: 3, chosen: 'overrides.0.settings' }],
  ])('are those of the version %s', (_what, request, expected) => {
    expect(settingsBehind(configured(), { ...REQUEST, ...request }, SALE)).toMatchObject(expected);
  });

  it.each([
    ['a destination that was never configured', { destinationId: 'nowhere' }],
    ['an attempt that had seen more than console has', { configurationVersion: 9 }],
  ])('are unknown for %s', (_what, request) => {
    expect(settingsBehind(configured(), { ...REQUEST, ...request }, SALE)).toBeNull();
  });
});
