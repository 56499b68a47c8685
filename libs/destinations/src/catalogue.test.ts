/** Every outbound template of the catalogue, sent by the partner postback's own definition for the sample conversion. */
import { NETWORKS, type Network, type Outbound } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { outwardEvent, parseSettings } from './definition.ts';
import { partnerPostback } from './partner-postback.ts';
import { SAMPLE_NOW, sampleDelivery } from './sample.ts';

const ROWS = NETWORKS.flatMap(({ key, outbound }: Network) =>
  outbound === undefined ? [] : [[key, outbound] as const],
);

/** Those whose documentation or templates say it. Impact is left out: it takes the conversion in a body. */
const WANTED = [
  ...['affise', 'awin', 'cake', 'cj', 'everflow', 'taboola', 'trackier', 'tune'],
  ...['binom', 'keitaro', 'redtrack', 'voluum'],
  ...['adcash', 'adsterra', 'clickadu', 'evadav', 'galaksion', 'hilltopads', 'juicyads', 'kadam', 'kwai'],
  ...['popads', 'popcash', 'propellerads', 'push-house', 'richads'],
];

/** The settings as the row gives them; each secret is its name in capitals. */
function settingsOf({
  urlTemplate,
  method,
  headers,
  secrets = {},
  statuses,
  events,
  expectedBody,
}: Outbound) {
  const values = Object.fromEntries(Object.keys(secrets).map((name) => [name, name.toUpperCase()]));
  const given = { urlTemplate, method, headers, secrets: values, statuses, events, expectedBody };
  const parsed = parseSettings(
    partnerPostback,
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

it('has a template for every network that is known to want to be called', () => {
  const keys = ROWS.map(([key]) => key);
  expect(WANTED.filter((key) => !keys.includes(key))).toEqual([]);
});

describe.each(ROWS)('%s', (_key, outbound) => {
  const settings = settingsOf(outbound);
  const event = outwardEvent(partnerPostback, settings, 'sale') ?? 'none';

  it('sends the URL of the row', () => {
    const request = partnerPostback.buildRequest({
      deliveries: [sampleDelivery(event)],
      settings,
      accessToken: null,
      now: SAMPLE_NOW,
    });
    expect(request.method).toBe(outbound.method ?? 'GET');
    expect(request.url).toBe(outbound.rendered);
    for (const value of Object.values(request.headers)) expect(value).not.toContain('{');
  });

  it('is taken by the linter when somebody writes it', () => {
    const errors = partnerPostback.review?.(settings).filter(({ severity }) => severity === 'error');
    expect(errors).toEqual([]);
  });

  it('is told the id that it gave to the click', () => {
    expect(outbound.rendered).toContain('p-click-9');
    expect(outbound.clickUrlParameter ?? 'partner_click_id=?').toMatch(/^partner_click_id=./);
  });

  it('believes no answer without the text it expects', () => {
    const judged = (body: string) =>
      partnerPostback.judge({
        response: { status: 200, headers: {}, body },
        settings,
        deliveryCount: 1,
        isAdjustment: false,
        now: SAMPLE_NOW,
      })[0]?.outcome;
    expect(judged(`answer: ${outbound.expectedBody ?? ''}`)).toBe('delivered');
    expect(judged('success=false; err_msg=Duplicate;')).toBe(
      outbound.expectedBody === undefined ? 'delivered' : 'retry',
    );
  });
});
