/** The terms and identity rules in force for a fact, as the decision core takes them. */
import { type Advertiser, type Configuration, offerTermsAt } from '@tributary/configuration';
import type { ClickRecorded, PostbackReceived } from '@tributary/contracts';
import { type IdentityRules, STANDARD_IDENTITY_RULES, type Terms } from '@tributary/domain';

/** An advertiser that has left the configuration still gets its late postbacks decided. */
const PARKED_FOR_MS = 86_400_000;

/** Terms of the click's offer in force when the conversion occurred; null without a click or its offer. */
export function termsInForce(
  configuration: Configuration,
  click: ClickRecorded | null,
  conversion: { readonly eventType: string; readonly occurredAt: number },
): Terms | null {
  if (click === null) return null;
  const { eventType, occurredAt } = conversion;
  const terms = offerTermsAt(configuration, click.offerId, eventType, occurredAt);
  return terms === null ? null : { ...terms.window, payouts: terms.payouts };
}

/** The advertiser's identity rules in force when its postback arrived, which is the same on every replay. */
export function identityRulesOf(configuration: Configuration, postback: PostbackReceived): IdentityRules {
  return advertiserOf(configuration, postback) ?? STANDARD_IDENTITY_RULES;
}

/** How long a postback waits for its click. */
export function parkedForMs(configuration: Configuration, postback: PostbackReceived): number {
  return advertiserOf(configuration, postback)?.parkedForMs ?? PARKED_FOR_MS;
}

function advertiserOf(
  configuration: Configuration,
  { advertiserId, receivedAt }: PostbackReceived,
): Advertiser | undefined {
  return configuration.advertiser(advertiserId, receivedAt) ?? configuration.advertiser(advertiserId);
}
