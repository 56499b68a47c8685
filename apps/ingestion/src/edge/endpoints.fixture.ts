/** The endpoints of the edge, composed as ingestion does it, over the bus and the clock of a test. */
import { randomBytes } from 'node:crypto';
import type { EventProducer } from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import { createLogger, Encryption, type Logger } from '@tributary/runtime';
import type { StoredReceipt } from '@tributary/store';
import { Access, type AccessOptions } from '../access/access.ts';
import { InMemoryReplayMemory } from '../access/replay-memory.ts';
import { ClickEndpoint, type ClickEndpointOptions } from '../click/click-endpoint.ts';
import { ClickRecorder } from '../click/click-recorder.ts';
import { PostbackEndpoint } from '../postback/postback-endpoint.ts';
import { ReceiptEndpoint } from '../receipt/receipt-endpoint.ts';
import type { EdgeEndpoints } from './routes.ts';

export interface EndpointsOptions
  extends Pick<ClickEndpointOptions, 'fallbackUrl' | 'countryHeader'>,
    Partial<Pick<AccessOptions, 'memory' | 'proxyDepth' | 'monotonicMs' | 'encryption'>> {
  readonly configuration: Configuration;
  readonly producer: EventProducer;
  /** Epoch ms. */
  readonly now: () => number;
  readonly logger?: Logger;
  /** What ClickHouse shows of a receipt; nothing when absent. */
  readonly receipt?: (receiptId: string, waitMs: number) => Promise<StoredReceipt | null>;
}

/** Long enough for every test to end before anything is forgotten. */
const REMEMBERED_MS = { nonce: 600_000, idempotency_key: 86_400_000 };

export function endpointsOver(options: EndpointsOptions): EdgeEndpoints {
  const { configuration, producer, now } = options;
  const shared = {
    configuration: () => configuration,
    encryption: options.encryption ?? new Encryption(randomBytes(32).toString('base64')),
    clock: { now },
    logger: options.logger ?? createLogger('edge-test', 'silent'),
    acceptDeadlineMs: 1_000,
  };
  const { memory, proxyDepth = 0, monotonicMs, fallbackUrl, countryHeader } = options;
  const access = new Access({
    ...shared,
    memory: memory ?? new InMemoryReplayMemory(now, REMEMBERED_MS),
    proxyDepth,
    instances: 1,
    ...(monotonicMs && { monotonicMs }),
  });
  return {
    clicks: new ClickEndpoint({
      ...shared,
      recorder: new ClickRecorder(producer, shared.logger),
      proxyDepth,
      ...(fallbackUrl !== undefined && { fallbackUrl }),
      ...(countryHeader !== undefined && { countryHeader }),
    }),
    postbacks: new PostbackEndpoint({ ...shared, access, producer }),
    receipts: new ReceiptEndpoint({
      verdicts: { receipt: options.receipt ?? (async () => null) },
      source: (sourceId) => configuration.source(sourceId, now()),
      access,
      clock: shared.clock,
    }),
  };
}
