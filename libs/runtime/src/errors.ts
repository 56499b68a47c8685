/** The failures of the machinery under the services, with codes from a closed list. */

export const FAILURE_CODES = [
  'kafka_unavailable',
  'kafka_deadline',
  'spool_full',
  'spool_failed',
  'spool_deadline',
  'clickhouse_unavailable',
  'clickhouse_behind',
  'configuration_behind',
  'schema_registry_unavailable',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** A dependency failed: nothing is wrong with the work, so whoever was doing it pauses and tries the same again. */
export class DependencyFailure extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DependencyFailure';
    this.code = code;
  }
}
