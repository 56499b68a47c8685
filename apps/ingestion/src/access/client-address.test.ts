/** Addresses behind proxies: only as many hops as are ours are believed, and one address has one spelling. */
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { AllowList } from './allow-list.ts';
import { clientAddressOf, isOverTls, normalisedAddress } from './client-address.ts';

function aRequest(headers: Record<string, string>, remoteAddress = '10.0.0.1', encrypted?: boolean) {
  return { headers, socket: { remoteAddress, encrypted } } as unknown as IncomingMessage;
}

describe('clientAddressOf', () => {
  it.each<[string, number, string | undefined, string | null]>([
    ['the socket without proxies, whatever the header says', 0, '1.2.3.4', '10.0.0.1'],
    ['the last entry behind one proxy', 1, '203.0.113.7', '203.0.113.7'],
    ['the last entry, not what the client put in front', 1, '1.2.3.4, 203.0.113.7', '203.0.113.7'],
    ['the second from the right behind two', 2, '1.2.3.4, 203.0.113.7, 192.0.2.1', '203.0.113.7'],
    ['nobody when the list is shorter than the proxies', 2, '203.0.113.7', null],
    ['nobody without the header', 1, undefined, null],
    ['nobody of an entry that is no address', 1, 'unknown', null],
    ['nobody of an empty entry', 1, '203.0.113.7, ', null],
    ['an address with a port', 1, '203.0.113.7:4711', '203.0.113.7'],
    ['IPv6 in brackets with a port', 1, '[2001:DB8::1]:4711', '2001:db8::1'],
  ])('is %s', (_name, depth, forwarded, address) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    expect(clientAddressOf(aRequest(headers), depth)).toBe(address);
  });
});

describe('normalisedAddress', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:0db8:0000::0001', '2001:db8::1'],
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2', null],
    ['0x7f.1', null],
    ['2130706433', null],
    ['fe80::1%eth0', null],
    ['', null],
  ])('of %s is %s', (text, address) => {
    expect(normalisedAddress(text)).toBe(address);
  });
});

describe('an allow list', () => {
  const list = new AllowList(['203.0.113.0/24', '198.51.100.7', '2001:db8::/32', '::ffff:192.0.2.1']);

  it.each([
    ['203.0.113.0', true],
    ['203.0.113.255', true],
    ['203.0.114.0', false],
    ['198.51.100.7', true],
    ['198.51.100.70', false],
    ['2001:db8:ffff::1', true],
    ['2001:db9::1', false],
    ['192.0.2.1', true],
    [null, false],
  ])('of %s: %s', (address, isAllowed) => {
    expect(list.allows(address)).toBe(isAllowed);
  });
});

describe('isOverTls', () => {
  it.each<[string, number, string | undefined, boolean | undefined, boolean]>([
    ['a plain socket', 0, undefined, undefined, false],
    ['a TLS socket', 0, undefined, true, true],
    ['a plain socket that claims to be more', 0, 'https', undefined, false],
    ['a proxy that saw TLS', 1, 'https', undefined, true],
    ['a proxy that saw none', 1, 'http', undefined, false],
    ['what the client put in front of what the proxy saw', 1, 'https, http', undefined, false],
    ['the outermost of two', 2, 'https, http', undefined, true],
    ['two proxies, of which one writes the header', 2, 'https', undefined, true],
    ['a proxy that says nothing', 1, undefined, undefined, false],
    ['a proxy that speaks TLS to us and says nothing', 1, undefined, true, true],
  ])('of %s', (_name, depth, forwarded, encrypted, isTls) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-proto': forwarded };
    expect(isOverTls(aRequest(headers, '10.0.0.1', encrypted), depth)).toBe(isTls);
  });
});
