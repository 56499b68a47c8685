/** What a batch is decided by, and what its record says of that. */
import { aChange } from '@tributary/configuration';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AttributionBed, NOW } from './attribution-bed.fixture.ts';

let bed: AttributionBed;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
});

afterEach(() => bed.stop());

it('tells the version of the configuration it went by, also where that came while facts were loaded', async () => {
  const { store, clicks } = bed.log;
  const { load } = store;
  const click = aClick();
  clicks.set(click.clickId, click);
  const payouts = [{ kind: 'fixed', eventType: 'sale', amount: '3', currency: 'EUR' }];
  const paying = aChange(
    'offer',
    { id: 'acme-offer', advertiserId: 'acme', name: 'Offer', payouts },
    { expectedVersion: 1 },
  );
  store.load = async (keys) => {
    store.load = load;
    await bed.changes.append(paying);
    return load(keys);
  };
  await bed.decide(aPostback({ receivedAt: NOW, occurredAt: NOW, configurationVersion: 0 }));
  const [decided] = bed.log.decided;
  expect(decided).toMatchObject({ configurationVersion: 2, payoutMicros: 3_000_000n });
});
