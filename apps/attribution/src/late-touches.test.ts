/** Clicks of a person that show after the conversion was decided: they share the credit, and nobody else is disturbed. */
import { partitionOf } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AttributionBed, NOW } from './attribution-bed.fixture.ts';

const TOPIC = 'postback.received.v1' as const;
const HOUR_MS = 3_600_000;
const partition = partitionOf(TOPIC, 'acme');
const named = aClick({ clickedAt: NOW - HOUR_MS, receivedAt: NOW - HOUR_MS });
const touch = aClick({
  clickId: '019b7c0a-1c88-7000-8000-0000000000c1',
  customerId: 'customer-1',
  clickedAt: NOW - 2 * HOUR_MS,
  receivedAt: NOW,
});
const postback = aPostback({
  receivedAt: NOW,
  occurredAt: NOW,
  customerId: 'customer-1',
  configurationVersion: 0,
});

let bed: AttributionBed;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
  await bed.changes.append(
    aChange(
      'source',
      { id: 'acme-backend', advertiserId: 'acme', name: 'Backend', tokenHashes: ['0'.repeat(64)] },
      {},
    ),
  );
  bed.log.clicks.set(named.clickId, named);
});

afterEach(() => bed.stop());

async function configure(offer: object): Promise<void> {
  await bed.changes.append(
    aChange(
      'offer',
      { id: 'acme-offer', advertiserId: 'acme', name: 'Offer', ...offer },
      { expectedVersion: 1 },
    ),
  );
}

async function decideAsOwner(): Promise<void> {
  const { attribution } = bed;
  await attribution.assigned([{ topic: TOPIC, partition }]);
  attribution.start();
  await bed.decideBy(attribution, [postback], { partition });
  bed.log.show();
  await bed.pass(2_000);
}

const credited = () => bed.log.decided.map(({ credits }) => credits.map(({ clickId }) => clickId));

it('share the credit from then on', async () => {
  await configure({ model: 'linear' });
  await decideAsOwner();
  expect(credited().at(-1)).toEqual([named.clickId]);
  bed.log.clicks.set(touch.clickId, touch);
  await bed.pass(2_000);
  expect(bed.log.decided.at(-1)).toMatchObject({ triggerKind: 'late_click', match: 'attributed' });
  expect(credited().at(-1)?.toSorted()).toEqual([named.clickId, touch.clickId].toSorted());
  const revisions = bed.log.decided.length;
  await bed.pass(10_000);
  expect(bed.log.decided).toHaveLength(revisions);
});

it('are looked for after a takeover, also when they showed before it', async () => {
  await configure({ model: 'linear' });
  await decideAsOwner();
  await bed.attribution.stop();
  bed.log.show();
  bed.log.clicks.set(touch.clickId, touch);
  const successor = bed.restart();
  await successor.assigned([{ topic: TOPIC, partition }]);
  successor.start();
  await bed.pass(2_000);
  expect(credited().at(-1)).toHaveLength(2);
});

it('are looked for from the beginning also when a look of the deal before ends after the next deal', async () => {
  await configure({ model: 'linear' });
  await decideAsOwner();
  bed.log.show();
  const later = aClick({
    clickId: '019b7c0a-1c88-7000-8000-0000000000c2',
    customerId: 'other',
    receivedAt: NOW,
  });
  let finish: () => void = () => undefined;
  const personClicks = vi.spyOn(bed.log.store, 'personClicks').mockImplementationOnce(async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    return [{ clickId: later.clickId, advertiserId: 'acme', storedAt: NOW }];
  });
  await bed.pass(2_000);
  expect(personClicks).toHaveBeenCalledOnce();
  const early = { ...touch, receivedAt: NOW - HOUR_MS };
  bed.log.clicks.set(early.clickId, early);
  const dealt = bed.attribution.assigned([{ topic: TOPIC, partition }]);
  await bed.pass(1_000);
  await dealt;
  finish();
  await bed.pass(5_000);
  expect(credited().at(-1)).toHaveLength(2);
});

it('are of no concern to whom another instance owns', async () => {
  await configure({ model: 'linear' });
  await decideAsOwner();
  bed.log.show();
  await bed.attribution.assigned([{ topic: TOPIC, partition: partition + 1 }]);
  bed.log.clicks.set(touch.clickId, touch);
  await bed.pass(5_000);
  expect(credited().at(-1)).toEqual([named.clickId]);
});

it('are not asked for where no offer looks at them', async () => {
  const personClicks = vi.spyOn(bed.log.store, 'personClicks');
  await configure({});
  await decideAsOwner();
  await bed.pass(5_000);
  expect(personClicks).not.toHaveBeenCalled();
});
