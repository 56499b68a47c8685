/** What a writer is told when its change is recorded but does not come back in time. */
import { ConfigurationFollower, InMemoryConfigurationLog } from '@tributary/configuration';
import { createLogger, Encryption, systemClock } from '@tributary/runtime';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiKeys } from './api-keys.ts';
import { ConfigurationWriter } from './configuration-writer.ts';

const LOST_OFFSET = 7;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it('is refused with configuration_behind', async () => {
  const follower = new ConfigurationFollower(new InMemoryConfigurationLog());
  await follower.start();
  const shared = {
    follower,
    encryption: new Encryption(Buffer.alloc(32).toString('base64')),
    clock: systemClock,
    logger: createLogger('console', 'silent'),
  };
  const apiKeys = new ApiKeys({ ...shared, bootstrapKey: 'a-key-of-the-process' });
  const writer = new ConfigurationWriter({ ...shared, apiKeys, log: { append: async () => LOST_OFFSET } });
  const request = {
    document: { name: 'Network' },
    secrets: null,
    tokens: null,
    key: null,
    generateKey: false,
    expectedVersion: null,
    effectiveFrom: null,
  };

  const outcome = writer.put({ entityType: 'partner', id: 'network', actor: 'test' }, request);
  await vi.advanceTimersByTimeAsync(5_000);

  expect(await outcome).toMatchObject({ ok: false, refusal: { code: 'configuration_behind' } });
});
