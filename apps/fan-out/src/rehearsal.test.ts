/** A destination that is not live: everything is built and on record, nothing that counts leaves, and nothing of it is sent later. */
import { aChange } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import type { DestinationMode } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { aDecision, aDeliveryOrder } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { answered, FanOutBed, NOW, PARTNER } from './fan-out-bed.fixture.ts';
import { Receivers } from './receivers.ts';

const decided = aDecision();
const STATUS_URL = 'https://partner.example/status?c={click_id}&p={payout}&s={status}&k={secret:key}';
const SETTINGS = {
  urlTemplate: 'https://partner.example/?c={click_id}&p={payout}&s={status}&k={secret:key}',
  statusUrlTemplate: STATUS_URL,
  secrets: { key: 'the-partner-key' },
};
const META = {
  id: 'meta',
  name: 'Meta',
  definition: 'meta',
  status: 'active',
  settings: { pixelId: '1234567890', accessToken: 'meta-access-token' },
};
const WEBHOOK = {
  id: 'webhook',
  name: 'Webhook',
  definition: 'webhook',
  status: 'active',
  settings: {
    url: 'https://receiver.example/conversions',
    signingSecrets: { current: 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC1vbmU=' },
  },
};
const PERSON = { subjectHashes: { emailPlain: 'a'.repeat(64) } };

function revised(revision: number, changes: Partial<ConversionDecided> = {}): ConversionDecided {
  return { ...decided, revision, decidedAt: decided.decidedAt + revision, ...changes };
}

const worth = (units: number) => ({ payoutMicros: BigInt(units) * 1_000_000n });

const partnerIn = (mode: DestinationMode) => ({ ...PARTNER, settings: SETTINGS, mode });

type Document = Parameters<typeof aChange>[1];

async function bedWith(destination: Document): Promise<FanOutBed> {
  return FanOutBed.start(
    ['destination', destination],
    ['subscription', { id: 'all', destinationId: destination.id }],
  );
}

/** @param at when the change takes effect, epoch ms. */
async function become(bed: FanOutBed, destination: Document, at = 0): Promise<void> {
  const { current } = bed.follower;
  const version = current.version + 1;
  const expectedVersion = current.revision('destination', destination.id)?.version ?? 0;
  await bed.log.append(aChange('destination', destination, { expectedVersion, recordedAt: at }));
  await bed.follower.caughtUpTo(version, 1_000);
}

/** The process dies between intent and end. */
async function cutOff(bed: FanOutBed): Promise<void> {
  bed.exchange = () => {
    throw new DependencyFailure('kafka_unavailable', 'the process dies here');
  };
  await expect(bed.decide(decided)).rejects.toBeInstanceOf(DependencyFailure);
  bed.exchange = () => answered(200);
  bed.restart();
}

const ends = (bed: FanOutBed) => bed.attempted().filter(({ phase }) => phase === 'ended');

describe('a dry run', () => {
  it('puts on record what would be sent, secrets hidden, and sends nothing', async () => {
    const bed = await bedWith(partnerIn('dry_run'));
    await bed.decide(decided);

    expect(bed.requests).toEqual([]);
    expect(bed.topics()).toEqual(['delivery.attempted.v1']);
    const [record] = ends(bed);
    expect(record?.url).toMatch(/^https:\/\/partner\.example\/\?c=.+&p=.+&s=payable&k=(?!the-partner-key)/);
    expect(record).toMatchObject({ method: 'GET', responseStatus: null, isTest: false });
    expect(record?.deliveries).toMatchObject([{ outcome: null, reasonCode: null, attempt: 1 }]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'rehearsed', held: null, eventRevision: null }]);
  });

  it('tells what would be refused, and leaves no dead letter', async () => {
    const bed = await bedWith({ ...META, mode: 'dry_run' });
    await bed.decide({ ...decided, ...PERSON, occurredAt: NOW - 30 * 86_400_000 });

    expect(bed.topics()).toEqual(['delivery.attempted.v1']);
    expect(ends(bed)[0]?.deliveries).toMatchObject([{ reasonCode: 'invalid_too_old:event_time' }]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'rehearsed' }]);
  });

  it('fetches no access token', async () => {
    const bed = await bedWith({
      id: 'google',
      name: 'Google',
      definition: 'google-data-manager',
      status: 'active',
      mode: 'dry_run',
      settings: {
        customerId: '1234567890',
        events: { sale: '444555666' },
        clientId: 'client',
        clientSecret: 'google-client-secret',
        refreshToken: 'google-refresh-token',
      },
    });
    const adPlatformIds = [{ name: 'gclid', value: 'Cj0', firstSeenAt: NOW - 3_600_000 }];
    await bed.decide({ ...decided, adPlatformIds });

    expect(bed.requests).toEqual([]);
    expect(ends(bed)[0]?.requestBody).toContain('444555666');
    expect(bed.topics()).toEqual(['delivery.attempted.v1']);
  });

  it('is not sent when the destination goes live: not met again, not in a new revision, not taken back', async () => {
    const bed = await bedWith(partnerIn('dry_run'));
    await bed.decide(decided);
    await become(bed, partnerIn('live'));
    await bed.decide(decided);
    await bed.decide(revised(2, worth(3)));
    await bed.decide(revised(3, { eventType: 'renewal' }));
    await bed.decide(revised(4, { state: 'reversed' }));
    await bed.elapse(3_600_000);

    expect(bed.requests).toEqual([]);
  });

  it('rehearses a newer value again', async () => {
    const bed = await bedWith(partnerIn('dry_run'));
    await bed.decide(decided);
    await bed.decide(revised(2, worth(3)));
    await bed.decide(revised(3, worth(3)));

    expect(ends(bed).map(({ url }) => /p=([\d.]+)/.exec(url)?.[1])).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ revision: 2, outcome: 'rehearsed', held: null }]);
  });

  it('of a correction leaves held what was held, and it is told once the destination is live and the number new', async () => {
    const bed = await bedWith(partnerIn('live'));
    await bed.decide(decided);
    await become(bed, partnerIn('dry_run'));
    await bed.decide(revised(2, worth(3)));
    expect(bed.requests).toHaveLength(1);
    expect(bed.holdings()).toMatchObject([
      {
        kind: 'restate',
        outcome: 'rehearsed',
        held: { amounts: { payout: { micros: decided.payoutMicros } } },
      },
    ]);

    await bed.log.append(aChange('destination', partnerIn('live'), { expectedVersion: 2 }));
    await bed.follower.caughtUpTo(3, 1_000);
    await bed.decide(revised(3, worth(3)));
    expect(bed.requests[1]?.url).toContain('/status?');
    expect(bed.holdings()).toMatchObject([{ revision: 3, outcome: 'delivered' }]);
  });
});

describe.each<DestinationMode>(['dry_run', 'test_events'])('after a change from live to %s', (mode) => {
  const HOUR_MS = 3_600_000;

  it('an open delivery becomes a dead letter, and is sent on order once the destination is live again', async () => {
    const bed = await bedWith(WEBHOOK);
    bed.exchange = () => answered(503);
    await bed.decide(decided);
    await become(bed, { ...WEBHOOK, mode });
    await bed.elapse(HOUR_MS);

    expect(bed.requests).toHaveLength(1);
    expect(bed.topics().slice(-2)).toEqual(['dead-letter.v1', 'delivery.attempted.v1']);
    expect(ends(bed).at(-1)).toMatchObject({
      isTest: false,
      deliveries: [{ outcome: 'dead', reasonCode: 'destination_not_live' }],
    });
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', attempt: 2 }]);

    bed.exchange = () => answered(200);
    await become(bed, { ...WEBHOOK, name: 'live again' });
    const [{ deliveryId = '', attempt: expectedAttempt = 0 } = {}] = bed.holdings();
    const { conversionId } = decided;
    await bed.command(
      aDeliveryOrder({
        conversionId,
        deliveryId,
        destinationId: 'webhook',
        expectedAttempt,
        issuedAt: bed.now,
        configurationVersion: 0,
      }),
    );
    expect(bed.requests).toHaveLength(2);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered' }]);
  });

  it('what the guard holds becomes one', async () => {
    const guard = { maxPerHour: 1, maxValue: { USD: '0.01', EUR: '0.01' }, forMs: 7 * 24 * HOUR_MS };
    const guarded = { ...WEBHOOK, guard };
    const bed = await FanOutBed.start(
      ['destination', guarded, { recordedAt: NOW - HOUR_MS }],
      ['subscription', { id: 'all', destinationId: 'webhook' }],
    );
    await bed.decide({ ...decided, decidedAt: NOW });
    expect(ends(bed)[0]?.deliveries).toMatchObject([{ reasonCode: 'guard_value' }]);
    await become(bed, { ...guarded, mode });
    await bed.elapse(10 * 60_000);

    expect(bed.holdings()).toMatchObject([{ outcome: 'dead' }]);
    expect(bed.topics()).toContain('dead-letter.v1');
    expect(bed.waiting).toEqual([]);
  });

  it('a sale that had waited for room becomes one', async () => {
    const bed = await bedWith(WEBHOOK);
    const lookup = new Receivers(bed.encryption).findDestination(bed.follower.current, 'webhook', bed.now);
    if (!lookup.ok) throw new Error(lookup.reason);
    const { breaker } = bed.lanes.laneOf(lookup.active);
    for (let failed = 0; failed < 20; failed += 1) breaker.failed(bed.now);
    await bed.decide({ ...decided, decidedAt: bed.now });
    expect(bed.waiting).toMatchObject([{ kind: 'step' }]);
    bed.now += 1_000;
    await become(bed, { ...WEBHOOK, mode }, bed.now);
    await bed.elapse(HOUR_MS);

    expect(ends(bed)[0]?.deliveries).toMatchObject([{ outcome: 'dead', reasonCode: 'destination_not_live' }]);
    expect(bed.topics()).toContain('dead-letter.v1');
  });

  it('a newer value of what is dead or open is kept as the letter to be sent', async () => {
    const bed = await bedWith(WEBHOOK);
    bed.exchange = () => answered(503);
    await bed.decide(decided);
    await become(bed, { ...WEBHOOK, mode });
    await bed.decide(revised(2, { revenueMicros: 3_000_000n }));
    expect(bed.holdings()).toMatchObject([{ revision: 2, outcome: 'dead' }]);
    await bed.decide(revised(3, { revenueMicros: 4_000_000n }));

    expect(bed.holdings()).toMatchObject([{ revision: 3, outcome: 'dead', held: null }]);
    expect(ends(bed).flatMap(({ deliveries }) => deliveries.map(({ reasonCode }) => reasonCode))).toEqual([
      'http_503',
      'newer_revision',
      'destination_not_live',
      'destination_not_live',
    ]);
    expect(bed.requests).toHaveLength(1);
  });

  it('what is dead and may have arrived stays as it is', async () => {
    const bed = await bedWith(WEBHOOK);
    bed.exchange = () => ({ ok: false, error: 'timeout' });
    await bed.decide(decided);
    await bed.elapse(HOUR_MS);
    const before = bed.written.length;
    await become(bed, { ...WEBHOOK, mode });
    await bed.decide(revised(2, { state: 'reversed' }));
    await bed.elapse(HOUR_MS);

    expect(bed.written).toHaveLength(before);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', mayHaveArrived: true, attempt: 4 }]);
  });

  it('what was cut off by a crash becomes a dead letter', async () => {
    const bed = await bedWith(WEBHOOK);
    await cutOff(bed);
    await become(bed, { ...WEBHOOK, mode }, bed.now + 1);
    bed.now += HOUR_MS;
    await bed.decide(decided);
    await bed.elapse(HOUR_MS);

    expect(bed.requests).toHaveLength(1);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', mayHaveArrived: true }]);
    expect(bed.topics()).toContain('dead-letter.v1');
  });
});

describe('test events only', () => {
  it('sends a sale as a test event, and counts it nowhere', async () => {
    const bed = await bedWith({ ...WEBHOOK, mode: 'test_events' });
    await bed.decide(decided);

    expect(bed.requests.map(({ body }) => JSON.parse(body ?? ''))).toMatchObject([
      { data: { isTest: true } },
    ]);
    const [record] = ends(bed);
    expect(record).toMatchObject({ isTest: true, responseStatus: 200 });
    expect(record?.deliveries).toMatchObject([{ outcome: null, reasonCode: null }]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'rehearsed', held: null }]);
  });

  it.each([400, 503])(
    'tells that %i was answered, tries it once, and leaves no dead letter',
    async (status) => {
      const bed = await bedWith({ ...WEBHOOK, mode: 'test_events' });
      bed.exchange = () => answered(status);
      await bed.decide(decided);
      await bed.elapse(3_600_000);

      expect(bed.requests).toHaveLength(1);
      expect(ends(bed)[0]?.deliveries).toMatchObject([{ outcome: null, reasonCode: `http_${status}` }]);
      expect(bed.holdings()).toMatchObject([{ outcome: 'rehearsed' }]);
      expect(bed.topics()).not.toContain('dead-letter.v1');
    },
  );

  it('sends one that was cut off by a crash as a test event again, and none of it when live', async () => {
    const bed = await bedWith({ ...WEBHOOK, mode: 'test_events' });
    await cutOff(bed);
    bed.now += 60_000;
    await bed.decide(decided);
    await bed.elapse(60_000);
    expect(bed.requests.map(({ body }) => JSON.parse(body ?? '').data.isTest)).toEqual([true, true]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'rehearsed', mayHaveArrived: false }]);
    expect(bed.topics()).not.toContain('dead-letter.v1');

    await become(bed, WEBHOOK);
    await bed.decide(revised(2, { revenueMicros: 3_000_000n }));
    await bed.elapse(60_000);
    expect(bed.requests).toHaveLength(2);
  });

  it('sends nothing to a receiver that would count a test, a correction neither', async () => {
    const bed = await bedWith(partnerIn('live'));
    await bed.decide(decided);
    await become(bed, partnerIn('test_events'));
    await bed.decide(revised(2, worth(3)));
    const other = { conversionId: 'c0ffee00-0000-8000-8000-000000000002' };
    await bed.decide({ ...decided, ...other });

    expect(bed.requests).toHaveLength(1);
    expect(bed.holdings().map(({ outcome }) => outcome)).toEqual(['rehearsed', 'rehearsed']);
    expect(
      ends(bed)
        .slice(1)
        .flatMap(({ deliveries }) => deliveries.map(({ reasonCode }) => reasonCode)),
    ).toEqual(['invalid_test_not_possible:status', 'invalid_test_not_possible:status']);
  });
});
