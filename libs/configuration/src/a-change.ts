/** A configuration change for tests, complete but for what the test is about. */
import type { ConfigurationChanged } from '@tributary/contracts';
import { deterministicUuid } from '@tributary/domain';
import type { ConfiguredEntityType } from './entities.ts';

/** Puts the document as the entity's first version, in force since 1970; `overrides` say what is different. */
export function aChange(
  entityType: ConfiguredEntityType,
  document: { readonly id: string; readonly [field: string]: unknown },
  overrides: Partial<ConfigurationChanged> = {},
): ConfigurationChanged {
  const text = JSON.stringify(document);
  const { expectedVersion = -1, recordedAt = 0, operation = 'put' } = overrides;
  return {
    changeId: deterministicUuid('test_change', entityType, text, operation, String(expectedVersion)),
    entityType,
    entityId: document.id,
    operation,
    expectedVersion,
    document: text,
    secrets: {},
    effectiveFrom: recordedAt,
    recordedAt,
    actor: 'test',
    ...overrides,
  };
}
