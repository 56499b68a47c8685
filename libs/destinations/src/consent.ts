/** What the person agreed to, as it decides whether and how a conversion may be sent. */
import type { OutwardConversion } from '@tributary/domain';
import { z } from 'zod';
import type { ValidateInput, ValidationProblem } from './definition.ts';

/** When the person denied the use of their data for ads: not sent at all, or sent under the platform's limits. */
export function whenConsentDenied() {
  return z
    .enum(['withhold', 'limit'])
    .default('withhold')
    .describe(
      "when the person denied the use of their data for ads: `withhold` the event, or send it under the platform's limits",
    );
}

interface ConsentSettings {
  readonly whenConsentDenied: z.output<ReturnType<typeof whenConsentDenied>>;
}

/** A denied conversion is withheld unless the settings say otherwise; `rule` names the field and the page. */
export function consentProblems(
  { conversion: { consent }, settings }: Pick<ValidateInput<ConsentSettings>, 'conversion' | 'settings'>,
  rule: Pick<ValidationProblem, 'field' | 'source'>,
): ValidationProblem[] {
  if (consent.adUserData !== 'denied' || settings.whenConsentDenied === 'limit') return [];
  const message = 'the person denied the use of their data for ads';
  return [{ ...rule, code: 'consent_denied', message }];
}

/** Whether the person denied any use of their data for ads: then a platform's limits apply to what is still sent. */
export function deniesAnyUse({ consent }: Pick<OutwardConversion, 'consent'>): boolean {
  return consent.adUserData === 'denied' || consent.adPersonalization === 'denied';
}
