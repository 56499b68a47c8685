/** The guard: every spelling of a private address is recognised, and what is public gets through. */
import { describe, expect, it } from 'vitest';
import { AddressBlocked, AddressGuard } from './address-guard.ts';

const guard = new AddressGuard();

describe('isBlocked', () => {
  it.each([
    ...[
      '0.0.0.0',
      '10.0.0.1',
      '10.255.255.255',
      '100.64.0.1',
      '100.127.255.255',
      '127.0.0.1',
      '127.255.255.254',
    ],
    ...[
      '169.254.169.254',
      '169.254.170.2',
      '172.16.0.1',
      '172.31.255.255',
      '192.0.0.8',
      '192.168.1.1',
      '198.18.0.1',
    ],
    ...['192.0.2.1', '198.51.100.1', '203.0.113.1', '192.88.99.1'],
    ...['224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', 'fc00::1', 'fdff::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1'],
    ...[
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:10.0.0.1',
      '::ffff:169.254.169.254',
      '0:0:0:0:0:ffff:a9fe:a9fe',
    ],
    ...['::127.0.0.1', '::7f00:1', '64:ff9b::7f00:1', '64:ff9b::169.254.169.254', '64:ff9b:1::a00:1'],
    ...[
      '2002:7f00:1::',
      '2002:a9fe:a9fe::1',
      '2001::1',
      '2001:0:7f00:1::',
      '2001:db8::1',
      '100::1',
      '3fff::1',
      '5f00::1',
      '::ffff:8.8.8.8',
    ],
  ])('%s', (address) => {
    expect(guard.isBlocked(address)).toBe(true);
  });

  it.each(['', 'localhost', '127.1', '2130706433', '0x7f000001', '[::1]', '1.2.3.4.5', 'example.org'])(
    'takes %j for blocked, since it is no address',
    (text) => {
      expect(guard.isBlocked(text)).toBe(true);
    },
  );

  it.each([
    ...[
      '1.1.1.1',
      '8.8.8.8',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
      '128.0.0.1',
    ],
    ...[
      '169.253.255.255',
      '172.15.255.255',
      '172.32.0.1',
      '192.0.1.1',
      '192.167.1.1',
      '192.169.0.1',
      '198.20.0.1',
      '223.255.255.255',
    ],
    ...['2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '2400:cb00::1'],
  ])('lets %s through', (address) => {
    expect(guard.isBlocked(address)).toBe(false);
  });
});

describe('hasBlockedLiteral', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0x7f000001/',
    'http://017700000001/',
    'http://127.0.0.1./',
    'http://0/',
    'http://①②⑦.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[fd00:ec2::254]/',
    'http://public.example@127.0.0.1/',
  ])('%s', (url) => {
    expect(guard.hasBlockedLiteral(new URL(url))).toBe(true);
  });

  it.each([
    'http://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://partner.example/',
    'http://localhost/',
  ])('leaves %s to the resolver or lets it through', (url) => {
    expect(guard.hasBlockedLiteral(new URL(url))).toBe(false);
  });
});

describe('lookup', () => {
  function resolve(hostname: string, all: boolean): Promise<unknown> {
    return new Promise((done) => {
      guard.lookup(hostname, { all }, (error, address) => done(error ?? address));
    });
  }

  it.each([true, false])('refuses a name of this machine (all: %s)', async (all) => {
    expect(await resolve('localhost', all)).toBeInstanceOf(AddressBlocked);
    expect(await resolve('127.0.0.1', all)).toBeInstanceOf(AddressBlocked);
  });

  it('gives a public address in the form that was asked for', async () => {
    expect(await resolve('8.8.8.8', false)).toBe('8.8.8.8');
    expect(await resolve('8.8.8.8', true)).toEqual([{ address: '8.8.8.8', family: 4 }]);
  });
});

describe('a name', () => {
  /** A resolver that answers with these, whatever is asked. */
  function answering(...addresses: readonly string[]): AddressGuard {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const resolve = (_name: string, _options: object, callback: (error: null, found: object) => void) =>
      callback(null, found);
    return new AddressGuard([], resolve as unknown as ConstructorParameters<typeof AddressGuard>[1]);
  }

  it.each([
    [['8.8.8.8', '10.0.0.1'], true],
    [['10.0.0.1', '8.8.8.8'], true],
    [['2606:4700:4700::1111', '::ffff:10.0.0.1'], true],
    [['8.8.8.8', '64:ff9b::a00:1'], true],
    [['8.8.8.8', '2606:4700:4700::1111'], false],
  ])('with the addresses %j is refused: %s', async (addresses, isRefused) => {
    const answer = await new Promise((done) => {
      answering(...addresses).lookup('partner.example', { all: true }, (error) => done(error));
    });
    expect(answer instanceof AddressBlocked).toBe(isRefused);
  });
});

describe("networks of one's own", () => {
  const own = new AddressGuard(['10.1.0.0/16', '192.168.7.9', 'fd00:1::/32']);
  it.each([
    ['10.1.2.3', false],
    ['10.2.0.1', true],
    ['192.168.7.9', false],
    ['192.168.7.10', true],
    ['fd00:1::5', false],
    ['fd00:2::5', true],
    ['169.254.169.254', true],
    ['127.0.0.1', true],
  ])('%s is blocked: %s', (address, isBlocked) => {
    expect(own.isBlocked(address)).toBe(isBlocked);
  });
});

describe('a connected socket', () => {
  it.each([
    ['127.0.0.1', true],
    ['::ffff:127.0.0.1', true],
    ['::1', true],
    ['64:ff9b::7f00:1', true],
    [undefined, true],
    ['8.8.8.8', false],
    ['::ffff:8.8.8.8', false],
  ])('to %s is refused: %s', (remoteAddress, isRefused) => {
    expect(guard.isConnectedToBlocked({ remoteAddress })).toBe(isRefused);
  });
});
