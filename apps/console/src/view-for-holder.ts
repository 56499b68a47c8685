/** What the holder of a key sees of an entity. */
import type { Configuration, ConfiguredEntityType } from '@tributary/configuration';
import type { Holder } from './api-keys.ts';
import { type EntityView, newestView, shownTo } from './entity-view.ts';
import { partnerView } from './partner-view.ts';

/** Undefined when there is nothing for this holder to see, whether or not it exists. */
export function viewFor(
  holder: Holder,
  configuration: Configuration,
  entityType: ConfiguredEntityType,
  id: string,
  now: number,
): EntityView | undefined {
  if (holder.role === 'partner')
    return partnerView(configuration, entityType, id, holder.partnerId ?? '', now);
  const view = newestView(configuration, entityType, id, now);
  if (view === undefined) return undefined;
  const { inForce } = view;
  return { ...shownTo(holder, view), ...(inForce && { inForce: shownTo(holder, inForce) }) };
}
