/** Redaction: secrets and addresses vanish from records in every encoding they travel in, and nothing else does. */
import process from 'node:process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { OutwardRequest } from './outward-request.ts';
import {
  attemptRedactor,
  REDACTED,
  recordOutcome,
  recordRequest,
  recordResponse,
  redactorFor,
  settingsRedactor,
} from './redact.ts';
import { sampleDelivery } from './sample.ts';
import { secret } from './settings.ts';

const SECRET = `s3cr&t/+="<'é>\\ (1)`;

describe('redactorFor', () => {
  it.each([
    ['as it is', SECRET],
    ['by encodeURIComponent', encodeURIComponent(SECRET)],
    ['by encodeURI', encodeURI(SECRET)],
    [
      'in lower-case hexadecimal',
      encodeURIComponent(SECRET).replace(/%../g, (triplet) => triplet.toLowerCase()),
    ],
    ['encoded twice', encodeURIComponent(encodeURIComponent(SECRET))],
    ['encoded twice, the second time as a URL', encodeURI(encodeURIComponent(SECRET))],
    ['as a form', new URLSearchParams({ x: SECRET }).toString().slice(2)],
    [
      'as a parsed URL',
      new URL(`https://h.example/?x=${encodeURIComponent(SECRET)}`).href.split('x=')[1] ?? '',
    ],
    ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['in JSON with escaped slashes', JSON.stringify(SECRET).slice(1, -1).replaceAll('/', '\\/')],
    ['in HTML', 's3cr&amp;t/+=&quot;&lt;&#39;é&gt;\\ (1)'],
  ])('hides a secret %s', (_how, text) => {
    expect(redactorFor([SECRET])(`before ${text} between ${text} after`)).toBe(
      `before ${REDACTED} between ${REDACTED} after`,
    );
  });

  it('hides the whole of a secret that begins with another one', () => {
    expect(redactorFor(['token', 'token-longer'])('a=token-longer&b=token')).toBe(
      'a=[redacted]&b=[redacted]',
    );
  });

  it.each([[[]], [['']]])('changes nothing without secrets: %j', (texts) => {
    expect(redactorFor(texts)('a text')).toBe('a text');
  });

  it.each([
    ['partly percent-encoded', "s3cr%26t/%2b=%22%3C'%C3%A9>%5C+(1%29"],
    ['in JSON with escapes for HTML', 's3cr\\u0026t/+=\\"\\u003c\'\\u00e9\\u003E\\\\ (1)'],
  ])('hides a secret %s', (_how, text) => {
    expect(redactorFor([SECRET])(text)).toBe(REDACTED);
  });

  it('is not stalled by a text that almost holds a secret', () => {
    for (const piece of ['\\', '\\"', '%', '%25', '&', '&amp;', '/', '\\/']) {
      const hide = redactorFor([`${piece.repeat(400)}end`]);
      const almost = [piece, encodeURIComponent(piece), JSON.stringify(piece).slice(1, -1)].map((shape) =>
        shape.repeat(399),
      );
      const before = process.cpuUsage();
      for (const text of almost) hide(`${text}${text}`);
      // Of the processor, not of the clock: the machine may be busy with other things.
      expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
    }
  });

  it('leaves no occurrence of any secret, and takes nothing else away', () => {
    const token = fc.string({
      minLength: 4,
      maxLength: 20,
      unit: fc.constantFrom(...'sS%/+&"\\=<\'~$^[(.*'),
    });
    fc.assert(
      fc.property(token, (text) => {
        const hide = redactorFor([text]);
        for (const shape of [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1)]) {
          expect(hide(`<<<${shape}>>>`)).not.toContain(shape);
        }
        expect(hide('nothing here')).toBe('nothing here');
      }),
    );
  });
});

describe('records of an attempt', () => {
  const schema = z.strictObject({
    accessToken: secret(),
    pixel: z.string(),
    events: z.record(z.string(), z.string()),
  });
  const settings = { accessToken: 'to/ken=1', pixel: 'shown-pixel', events: {} };
  const delivery = sampleDelivery('sale', { ipAddress: '2001:db8::77' });
  const request: OutwardRequest = {
    method: 'POST',
    url: 'https://h.example/shown-pixel?access_token=to%2Fken%3D1&ip=2001%3Adb8%3A%3A77',
    headers: { authorization: 'Basic dG86a2Vu', 'x-signed': 'dG86a2Vu', 'x-other': 'shown' },
    body: '{"t":"to/ken=1","ip":"2001:db8::77","v":12.34}',
    derivedSecrets: ['dG86a2Vu'],
  };
  const hide = attemptRedactor(request, [delivery], settingsRedactor({ settings: schema }, settings));

  it('hides secrets, derived secrets, credential headers and addresses of a request', () => {
    expect(recordRequest(request, hide)).toEqual({
      method: 'POST',
      url: 'https://h.example/shown-pixel?access_token=[redacted]&ip=[redacted]',
      headers: { authorization: REDACTED, 'x-signed': REDACTED, 'x-other': 'shown' },
      body: '{"t":"[redacted]","ip":"[redacted]","v":12.34}',
    });
    expect(recordRequest({ ...request, body: null }, hide).body).toBeNull();
  });

  it('hides each address of a batch, also one that begins with another, in good time', () => {
    const v4 = Array.from({ length: 1_000 }, (_, n) => `203.${n >> 8}.${n & 255}.${(n * 7) & 255}`);
    const v6 = Array.from({ length: 1_000 }, (_, n) => `2001:db8::${n.toString(16)}`);
    const addresses = [...v4, ...v6, '203.0.113.5', '203.0.113.51'];
    const batch = addresses.map((ipAddress) => sampleDelivery('sale', { ipAddress }));
    const shapes = [
      (text: string) => text,
      encodeURIComponent,
      (text: string) => text.replaceAll('.', '%2E').replaceAll(':', '%253A'),
      (text: string) => text.replaceAll('.', '\\u002E').replaceAll(':', '\\u003a'),
    ];
    const text = addresses.flatMap((each) => shapes.map((shape) => `<${shape(each)}>`)).join('1 203.0 2001:');
    const before = process.cpuUsage();
    const hidden = attemptRedactor(request, batch, (same) => same)(text);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
    const places = addresses.length * shapes.length;
    expect(hidden).toBe(Array(places).fill(`<${REDACTED}>`).join('1 203.0 2001:'));
  });

  it('hides an address whatever stands around it, and nothing that only looks like one', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    const around = fc.string({ maxLength: 6, unit: fc.constantFrom(...'0af.:%3D\\u-"= ') });
    const shape = fc.constantFrom<(text: string) => string>(
      (text) => text,
      encodeURIComponent,
      (text) => encodeURIComponent(encodeURIComponent(text)),
      (text) => text.replaceAll('.', '%2e'),
      (text) => text.replaceAll(':', '\\u003A'),
    );
    fc.assert(
      fc.property(address, around, around, shape, address, (ipAddress, before, after, shaped, other) => {
        const hideOne = attemptRedactor(request, [sampleDelivery('sale', { ipAddress })], (same) => same);
        expect(hideOne(`${before}${shaped(ipAddress)}${after}`)).not.toContain(shaped(ipAddress));
        if (!other.includes(ipAddress)) expect(hideOne(`<${shaped(other)}>`)).toBe(`<${shaped(other)}>`);
      }),
      { numRuns: 2_000, examples: [['2e0::0:0:0:0', '%', '', (text) => text, '0.0.0.0']] },
    );
  });

  it('hides what a response or an outcome quotes of them', () => {
    const response = {
      status: 400,
      headers: { 'Set-Cookie': 'session=abc', 'x-echo': 'to/ken=1' },
      body: '<p>bad access_token=to%2fken%3d1 from 2001:db8::77</p>',
    };
    expect(recordResponse(response, hide)).toEqual({
      status: 400,
      headers: { 'Set-Cookie': REDACTED, 'x-echo': REDACTED },
      body: '<p>bad access_token=[redacted] from [redacted]</p>',
    });
    expect(recordOutcome({ outcome: 'retry', reason: 'throttled', detail: 'token to/ken=1' }, hide)).toEqual({
      outcome: 'retry',
      reason: 'throttled',
      detail: 'token [redacted]',
    });
    expect(recordOutcome({ outcome: 'delivered' }, hide)).toEqual({ outcome: 'delivered' });
  });
});
