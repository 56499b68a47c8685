/** What destination.state says of a destination: the truth also after a restart, a change of owners and an outage of Kafka. */
import { aChange, resealId } from '@tributary/configuration';
import { deterministicUuid } from '@tributary/domain';
import { DependencyFailure, Encryption } from '@tributary/runtime';
import { aDecision } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answered, FanOutBed, NOW, TAKEN } from './fan-out-bed.fixture.ts';
import type { Exchange } from './sender.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const REFUSED = { ok: false, error: 'connection_refused' } as const;
const WEBHOOK = {
  id: 'webhook',
  name: 'Webhook',
  definition: 'webhook',
  status: 'active',
  settings: { url: 'https://receiver.example/' },
};
const SECRET_PATH = 'signingSecrets.current';
const SECRET = 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC1vbmU=';

let bed: FanOutBed;
let count: number;

beforeEach(async () => {
  count = 0;
  bed = await FanOutBed.start(
    ['destination', WEBHOOK, { secrets: sealed(SECRET) }],
    ['subscription', { id: 'all', destinationId: 'webhook' }],
  );
});

afterEach(() => {
  vi.useRealTimers();
});

function sealed(secret: string, byte = 7): Record<string, Buffer> {
  const encryption = new Encryption(Buffer.alloc(32, byte).toString('base64'));
  return { [SECRET_PATH]: encryption.encryptSecret(secret, `destination:webhook:${SECRET_PATH}`) };
}

async function decide(): Promise<void> {
  count += 1;
  await bed.decide(aDecision({ conversionId: deterministicUuid('one', String(count)), decidedAt: bed.now }));
}

/** One delivery, and whatever becomes of it. */
async function deliverTo(exchange: FanOutBed['exchange']): Promise<void> {
  bed.exchange = exchange;
  await decide();
  await bed.elapse(60_000);
}

async function switchOff(): Promise<void> {
  await deliverTo(() => answered(410));
  expect(bed.states().at(-1)).toMatchObject({ isDisabled: true, disabledReasonCode: 'receiver_gone' });
}

const last = () => bed.states().at(-1);

async function write(
  changes: object,
  { id, secrets = sealed(SECRET) }: { id?: string; secrets?: Record<string, Buffer> } = {},
): Promise<void> {
  const expectedVersion = bed.follower.current.entityVersion('destination', 'webhook');
  const offset = await bed.log.append(
    aChange(
      'destination',
      { ...WEBHOOK, ...changes },
      {
        expectedVersion,
        recordedAt: bed.now,
        secrets,
        ...(id === undefined ? {} : { changeId: id }),
      },
    ),
  );
  await bed.follower.caughtUpTo(offset, 1_000);
}

const reseal = () => {
  const expectedVersion = bed.follower.current.entityVersion('destination', 'webhook');
  return write({}, { id: resealId({ entityType: 'destination', entityId: 'webhook', expectedVersion }) });
};

describe('a destination that is switched off', () => {
  it('is tried at once by a new process, and its first success is told', async () => {
    await switchOff();
    bed.restart();
    await deliverTo(() => TAKEN);
    expect(bed.requests).toHaveLength(2);
    expect(last()).toMatchObject({ isDisabled: false, failingSince: null });
  });

  it('stays so for a new process whose try fails as well, since when it was', async () => {
    await switchOff();
    const before = last();
    bed.restart();
    bed.now += 60_000;
    await deliverTo(() => REFUSED);
    await decide();
    expect(bed.requests).toHaveLength(2);
    bed.now += HOUR_MS;
    await deliverTo(() => TAKEN);
    expect(before).toMatchObject({ disabledAt: NOW, failingSince: NOW });
    expect(bed.states().map(({ isDisabled }) => isDisabled)).toEqual([true, false]);
  });

  it('is enabled for a new process by a change that the old one had not seen, and that is told', async () => {
    await switchOff();
    bed.now += 60_000;
    await write({ name: 'Mended' });
    bed.restart();
    await deliverTo(() => REFUSED);
    expect(bed.states().map(({ isDisabled }) => isDisabled)).toEqual([true, false]);
    expect(bed.requests.length).toBeGreaterThan(2);
  });

  it('is enabled by it also where a request that had left before the change fails after it', async () => {
    const answer = Promise.withResolvers<Exchange>();
    bed.exchange = () => answer.promise;
    await decide();
    bed.now += 1;
    await write({ name: 'Mended' });
    answer.resolve(answered(410));
    await bed.fanOut.drained();
    expect(last()).toMatchObject({ isDisabled: true, configurationVersion: 1 });
    bed.restart();
    await deliverTo(() => REFUSED);
    expect(last()).toMatchObject({ isDisabled: false, configurationVersion: 2 });
    expect(bed.requests.length).toBeGreaterThan(2);
  });

  it('is enabled when somebody writes it again as it is', async () => {
    await switchOff();
    await write({});
    await deliverTo(() => TAKEN);
    expect(bed.requests).toHaveLength(2);
    expect(last()).toMatchObject({ isDisabled: false });
  });

  it('is not enabled by a reseal of its secrets', async () => {
    await switchOff();
    await reseal();
    await deliverTo(() => TAKEN);
    expect(bed.requests).toHaveLength(1);
    expect(last()).toMatchObject({ isDisabled: true });
    await write({});
    await deliverTo(() => TAKEN);
    expect(bed.requests).toHaveLength(2);
  });

  it('is not enabled by a release of its guard, unless its secrets come anew', async () => {
    await switchOff();
    const guard = { maxPerHour: 1_000, releasedAt: new Date(NOW).toISOString() };
    await write({ guard: { maxPerHour: 1_000 } });
    await deliverTo(() => answered(410));
    await write({ guard });
    await deliverTo(() => TAKEN);
    expect(bed.requests).toHaveLength(2);
    const secrets = sealed('whsec_YW5vdGhlci1zaWduaW5nLXNlY3JldC10d28=');
    await write({ guard: { ...guard, releasedAt: new Date(NOW + 1).toISOString() } }, { secrets });
    await deliverTo(() => TAKEN);
    expect(bed.requests).toHaveLength(3);
  });

  it('is told again by whoever sees it otherwise when partitions are dealt anew: the other may be gone', async () => {
    await deliverTo(() => TAKEN);
    await switchOffElsewhere();
    await deliverTo(() => TAKEN);
    expect(bed.states()).toHaveLength(1);
    bed.lanes.own(12);
    await deliverTo(() => TAKEN);
    await deliverTo(() => TAKEN);
    expect(bed.states().map(({ isDisabled }) => isDisabled)).toEqual([true, false]);
  });
});

/** By another instance, which this one hears of by the topic. */
async function switchOffElsewhere(): Promise<void> {
  const other = await FanOutBed.start(
    ['destination', WEBHOOK, { secrets: sealed(SECRET) }],
    ['subscription', { id: 'all', destinationId: 'webhook' }],
  );
  other.exchange = () => answered(410);
  await other.decide(aDecision({ conversionId: deterministicUuid('other') }));
  const records = other.written.filter(({ topic }) => topic === 'destination.state.v1');
  bed.hear(...records);
}

describe('a destination that has failed for days', () => {
  it('is switched off in its time, however often fan-out is restarted, also where too little goes there for its breaker', async () => {
    const failing = () => answered(500);
    for (let day = 0; day < 6; day += 1) {
      await deliverTo(failing);
      bed.now += 10 * 60_000;
      await deliverTo(failing);
      bed.now += DAY_MS - 12 * 60_000;
      bed.restart();
    }
    expect(last()).toMatchObject({ isDisabled: true, disabledReasonCode: 'nothing_but_failures' });
    expect(last()?.failingSince).toBeLessThan(NOW + 60_000);
  });

  it('and is forgiven by one success, which is told', async () => {
    await deliverTo(() => answered(500));
    bed.now += 10 * 60_000;
    await deliverTo(() => answered(500));
    expect(last()?.failingSince).not.toBeNull();
    await deliverTo(() => TAKEN);
    expect(last()?.failingSince).toBeNull();
    const { length } = bed.states();
    await deliverTo(() => TAKEN);
    expect(bed.states()).toHaveLength(length);
  });
});

describe('a record that Kafka does not take', () => {
  it('is tried until it does, the newest only', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    let tries = 0;
    bed.acknowledge = (topic) => {
      if (topic !== 'destination.state.v1') return;
      tries += 1;
      if (tries < 4) {
        bed.written.pop();
        throw new DependencyFailure('kafka_unavailable', 'away');
      }
    };
    bed.exchange = () => answered(410);
    await decide();
    await vi.advanceTimersByTimeAsync(1_500);
    expect([tries, bed.states().length]).toEqual([2, 0]);
    bed.now += HOUR_MS;
    bed.exchange = () => TAKEN;
    await decide();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(bed.states().map(({ isDisabled }) => isDisabled)).toEqual([false]);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(tries).toBe(4);
  });
});
