/** Which settings of a destination a delivery went by: its own or those of an override, and why not the others. */
import { type Configuration, overrideScopesOf } from '@tributary/configuration';
import type { ConversionDecided, DeliveryAttempted } from '@tributary/contracts';
import { explainChoice } from '@tributary/domain';

export interface SettingsBehind {
  /** Offset of configuration.changed, of the destination as it was sent to. */
  readonly version: number;
  /** `settings`, or `overrides.2.settings` of the destination's document. */
  readonly chosen: string;
  readonly why: string;
  readonly passedOver: readonly { readonly path: string; readonly why: string }[];
}

/** Null where the destination was not in force, or console has not read as far as the attempt. */
export function settingsBehind(
  configuration: Configuration,
  request: Pick<DeliveryAttempted, 'destinationId' | 'configurationVersion' | 'startedAt'>,
  decided: Pick<ConversionDecided, 'offerId' | 'eventType'>,
): SettingsBehind | null {
  const { destinationId, configurationVersion, startedAt } = request;
  if (configuration.version < configurationVersion) return null;
  const revision = configuration
    .history('destination', destinationId)
    .findLast(
      ({ unreadable, version, effectiveFrom }) =>
        unreadable !== true && version <= configurationVersion && effectiveFrom <= startedAt,
    );
  if (!revision?.entity) return null;
  const { chosen, words, passedOver } = explainChoice(overrideScopesOf(revision.entity), decided);
  return {
    version: revision.version,
    chosen: pathOf(chosen),
    why: words,
    passedOver: passedOver.map(({ override, words: why }) => ({ path: pathOf(override), why })),
  };
}

function pathOf(override: number | null): string {
  return override === null ? 'settings' : `overrides.${override}.settings`;
}
