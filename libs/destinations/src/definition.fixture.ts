/** Drives a definition in the table of its tests: settings, requests, problems and outcomes in one line each. */
import type { OutwardConversion } from '@tributary/domain';
import {
  type DestinationDefinition,
  type DestinationPage,
  type DestinationSettings,
  type OutwardDelivery,
  parseSettings,
} from './definition.ts';
import { SAMPLE_NOW, sampleConversion } from './sample.ts';

/** For definitions of tests, which no page is made of. */
export const NO_PAGE: DestinationPage = {
  summary: '',
  fields: [],
  checks: [],
  answers: [],
  notes: [],
  sources: [],
};

type Raw = Readonly<Record<string, unknown>>;

/** @param base raw settings that parse; each call may add to them or replace them. */
export function driverOf<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
  base: Raw,
  accessToken: string | null = null,
) {
  const now = SAMPLE_NOW;
  const settingsOf = (raw: Raw = {}): S => {
    const parsed = parseSettings(definition, { ...base, ...raw });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.settings;
  };
  const requestOf = (deliveries: readonly OutwardDelivery[], raw: Raw = {}) =>
    definition.buildRequest({ deliveries, settings: settingsOf(raw), accessToken, now });
  return {
    settingsOf,
    requestOf,
    parses: (raw: Raw) => parseSettings(definition, { ...base, ...raw }).ok,
    /** The JSON body of a request, parsed; every test names what it reads of it. */
    bodyOf: (deliveries: readonly OutwardDelivery[], raw: Raw = {}) =>
      JSON.parse(requestOf(deliveries, raw).body ?? ''),
    /** Each problem as `field code`. */
    problemsOf: (event: string, changes: Partial<OutwardConversion> = {}, raw: Raw = {}) =>
      definition
        .validate({ conversion: sampleConversion(changes), event, settings: settingsOf(raw), now })
        .map(({ field, code }) => `${field} ${code}`),
    outcomesOf: (
      response: {
        readonly status: number;
        readonly headers?: Readonly<Record<string, string>>;
        readonly body?: string;
      },
      deliveryCount = 1,
      { isAdjustment = false, raw = {} }: { isAdjustment?: boolean; raw?: Raw } = {},
    ) =>
      definition.judge({
        response: { headers: {}, body: '', ...response },
        deliveryCount,
        isAdjustment,
        settings: settingsOf(raw),
        now,
      }),
  };
}
