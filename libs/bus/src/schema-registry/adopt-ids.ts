/** The one place where a service takes over the schema ids of a real registry, before it writes or reads anything. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  adoptSchemaIds,
  type RegisteredVersion,
  SUBJECT_VERSIONS,
  TOPICS,
  type TopicName,
} from '@tributary/contracts';
import { DependencyFailure, type Logger, type Settings } from '@tributary/runtime';
import { registeredId } from './registration.ts';

const RETRY_MS = 1_000;

/**
 * With SCHEMA_IDS=registry waits until the registry has told the id of every locked schema, and adopts them; with
 * `locked`, the ids of the lock file, there is nothing to do.
 */
export async function settleSchemaIds(
  settings: Settings<'SCHEMA_IDS' | 'SCHEMA_REGISTRY_URL'>,
  logger: Logger,
): Promise<void> {
  if (settings.SCHEMA_IDS === 'locked') return;
  for (;;) {
    try {
      adoptSchemaIds(await registryIds(settings.SCHEMA_REGISTRY_URL));
      logger.info('schema_ids.adopted');
      return;
    } catch (error) {
      if (!(error instanceof DependencyFailure)) throw error;
      logger.warn({ code: error.code, reason: error.message }, 'schema_ids.waiting');
      await delay(RETRY_MS);
    }
  }
}

/** @throws DependencyFailure while the registry is away or lacks one: it may be registered any moment. */
async function registryIds(url: string): Promise<readonly RegisteredVersion[]> {
  const registered: RegisteredVersion[] = [];
  for (const version of SUBJECT_VERSIONS) {
    const id = await registeredId(url, version);
    if (id === null) {
      throw new DependencyFailure(
        'schema_registry_unavailable',
        `${version.subject} version ${version.version} is not registered: npm run register-schemas`,
      );
    }
    const topic = version.subject.replace(/-value$/, '') as TopicName;
    registered.push({ schema: TOPICS[topic].schema, version: version.version, id });
  }
  return registered;
}
