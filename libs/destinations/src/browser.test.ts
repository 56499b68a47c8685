/** What is told of a browser: the postback's own before the click's, and nothing of another shape. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type BrowserId, browserId, hashedIpAddress, ipAddress, pageUrl, userAgent } from './browser.ts';
import { sampleConversion } from './sample.ts';

describe('userAgent and address', () => {
  it("are the postback's, else the click's, else none", () => {
    expect(userAgent(sampleConversion({ userAgent: 'Own/1' }))).toBe('Own/1');
    expect(userAgent(sampleConversion({ userAgent: null }))).toContain('Example/1.0');
    expect(userAgent(sampleConversion({ userAgent: null, click: null }))).toBeUndefined();
    expect(ipAddress(sampleConversion())).toBe('203.0.113.77');
    expect(ipAddress(sampleConversion({ ipAddress: null }))).toBeUndefined();
  });

  it('hashes the address once', () => {
    const digest = createHash('sha256').update('203.0.113.77').digest('hex');
    expect(hashedIpAddress(sampleConversion())).toBe(digest);
    expect(hashedIpAddress(sampleConversion({ ipAddress: digest }))).toBe(digest);
    expect(hashedIpAddress(sampleConversion({ ipAddress: null }))).toBeUndefined();
  });
});

describe('pageUrl', () => {
  const extras = (url: string) => ({ extras: { event_source_url: url } });
  it.each([
    [extras('https://shop.example/thanks'), 'https://shop.example/thanks'],
    [{}, 'https://shop.example/landing'],
    [{ click: null }, undefined],
    [extras('javascript:alert(1)'), undefined],
    [extras('https://'), undefined],
    [extras('app://start'), undefined],
  ])('of %o is %s', (changes, url) => {
    expect(pageUrl(sampleConversion(changes))).toBe(url);
  });
});

describe('browserId', () => {
  it.each<[BrowserId, string, boolean]>([
    ['fbp', 'fb.1.1767315845678.987654321', true],
    ['fbp', 'fb.1.1767315845678.987654321.AQEAAQMB', true],
    ['fbp', 'fb.1.1767315845678.987654321.Bg', true],
    ['fbp', 'fb.1.1767315845678.987654321.not-a-mark', false],
    ['fbp', 'GA1.2.3', false],
    ['ttp', '2NdaExample.tt.1', true],
    ['ttp', 'a b', false],
    ['ga_client_id', '123456789.1767315845', true],
    ['ga_client_id', 'GA1.1.123456789.1767315845', true],
    ['ga_client_id', 'GS1.1.x', false],
    ['ga_session_id', '1767315800', true],
    ['ga_session_id', 'GS1.1.1767315800.1.0.1767315811.0.0.0', true],
    ['ga_session_id', 'GS2.1.s1767315800$o28$g0$t1767315811$j60$l0$h69286059', true],
    ['ga_session_id', 's1767315800$o28$g0', true],
    ['ga_session_id', 'GS1.1.x', false],
    ['ga_session_id', '$o28', false],
    ['scid', '7c1b0f2e-2222-4333-8444-a55566677788', true],
    ['scid', '"', false],
    ['rdt_uuid', '1767315845678.3d9c1f2e-4444-4555-8666-a77788899900', true],
    ['rdt_uuid', '3D9C1F2E-4444-4555-8666-A77788899900', true],
    ['rdt_uuid', '1767315845678.3d9c1f2e-example', false],
    ['rdt_uuid', '', false],
    ['uetvid', 'b1f6c0d0e8aa11eeb1d2c3e4f5a6b7c8', true],
    ['uetvid', 'visitor-1', false],
  ])('%s %j: %s', (name, value, isTaken) => {
    expect(browserId(sampleConversion({ extras: { [name]: value } }), name)).toBe(
      isTaken ? value : undefined,
    );
  });
});
