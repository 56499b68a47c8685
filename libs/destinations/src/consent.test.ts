/** Consent: a denied conversion is withheld unless the settings let it go under limits. */
import { describe, expect, it } from 'vitest';
import { consentProblems } from './consent.ts';
import { sampleConversion } from './sample.ts';

describe('consentProblems', () => {
  it.each([
    ['denied', 'withhold', ['user_data consent_denied']],
    ['denied', 'limit', []],
    ['granted', 'withhold', []],
    ['unknown', 'withhold', []],
  ] as const)('%s under %s', (adUserData, whenConsentDenied, expected) => {
    const conversion = sampleConversion({ consent: { adUserData, adPersonalization: 'unknown' } });
    const problems = consentProblems(
      { conversion, settings: { whenConsentDenied } },
      { field: 'user_data', source: 'x' },
    );
    expect(problems.map(({ field, code }) => `${field} ${code}`)).toEqual(expected);
  });
});
