/** What a service says of configuration records: every one is counted, and what does not count has a line. */
import { expect, it } from 'vitest';
import { configurationObserver } from './configuration-observer.ts';
import { createLogger } from './logger.ts';
import { processMetrics } from './metrics.ts';

const change = { entityType: 'partner', entityId: 'network', secrets: { token: 'CANARY4711' } };

it('counts each outcome, keeps the version, and tells of what does not count', async () => {
  const lines: string[] = [];
  const observe = configurationObserver(
    createLogger('edge', 'trace', { write: (line) => void lines.push(line) }),
  );
  observe(0, { outcome: 'applied' }, change);
  observe(1, { outcome: 'void', reason: 'version_conflict' }, change);
  observe(2, { outcome: 'unreadable' }, change);
  observe(3, { outcome: 'void', reason: 'undecodable' }, null);
  observe(1, { outcome: 'void', reason: 'already_folded' }, change);

  const printed = await processMetrics.metrics();
  expect(printed).toMatch(/^tributary_configuration_records_total\{outcome="applied"\} 1$/m);
  expect(printed).toMatch(/^tributary_configuration_records_total\{outcome="void"\} 2$/m);
  expect(printed).toMatch(/^tributary_configuration_records_total\{outcome="unreadable"\} 1$/m);
  expect(printed).toMatch(/^tributary_configuration_version 3$/m);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'configuration.voided', offset: 1, reason: 'version_conflict', entityId: 'network' },
    { msg: 'configuration.unreadable', offset: 2, entityType: 'partner' },
    { msg: 'configuration.voided', offset: 3, reason: 'undecodable' },
  ]);
  expect(lines.join()).not.toContain('CANARY');
});
