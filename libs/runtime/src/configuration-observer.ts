/** What a service says of the configuration records it folds: a count of each outcome, the version, and a line for what does not count. */
import type { Logger } from './logger.ts';
import { counter, gauge } from './metrics.ts';

/** As libs/configuration tells it. */
interface FoldOutcome {
  readonly outcome: 'applied' | 'void' | 'unreadable';
  readonly reason?: string;
}

interface AboutEntity {
  readonly entityType: string;
  readonly entityId: string;
}

const records = counter({
  name: 'tributary_configuration_records_total',
  help: 'Records of configuration.changed folded since the start, by outcome: applied, void, unreadable.',
  labels: ['outcome'],
});
const version = gauge({
  name: 'tributary_configuration_version',
  help: 'Offset of configuration.changed up to which this process has read.',
});

/**
 * The observer of a configuration follower. `configuration.unreadable` in the log means that a later release has written
 * what this one cannot read: it goes on with the version before, until it is replaced by that release.
 */
export function configurationObserver(
  logger: Logger,
): (offset: number, result: FoldOutcome, change: AboutEntity | null) => void {
  return (offset, result, change) => {
    // A record that comes again after a reconnect is no news.
    if (result.reason === 'already_folded') return;
    records.inc({ outcome: result.outcome });
    version.set(offset);
    if (result.outcome === 'applied') return;
    const { reason } = result;
    const about = { offset, reason, entityType: change?.entityType, entityId: change?.entityId };
    logger.warn(about, result.outcome === 'void' ? 'configuration.voided' : 'configuration.unreadable');
  };
}
