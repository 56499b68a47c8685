/** Keeps deliveries out of private networks: literal addresses, every address a name resolves to and the connected one are checked. */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Ranges no partner's receiver is in; source: IANA special-purpose address registry for IPv4. */
const BLOCKED_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const;

/**
 * The same for IPv6: everything outside 2000::/3 (loopback, unique local, link-local, multicast, NAT64 and addresses that
 * carry an IPv4 one), and within it Teredo and its neighbours, documentation, 6to4.
 */
const BLOCKED_IPV6 = [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

// Two lists: Node checks an IPv4 address against IPv6 rules in its mapped form, so ::ffff:0:0/96 would block all of IPv4.
const blockedIpv4 = new BlockList();
const blockedIpv6 = new BlockList();
for (const [network, prefix] of BLOCKED_IPV4) blockedIpv4.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of BLOCKED_IPV6) blockedIpv6.addSubnet(network, prefix, 'ipv6');

/** The destination's address is not one we send to. */
export class AddressBlocked extends Error {
  readonly code = 'ADDRESS_BLOCKED';
  constructor() {
    super('the address is private or reserved');
  }
}

/** What may be sent to. */
export class AddressGuard {
  readonly #allowed = new BlockList();

  readonly #resolve: typeof lookup;

  /** @param networks of one's own that may be sent to all the same, as CIDR. @param resolve the system's resolver; a test may give another. */
  constructor(networks: readonly string[] = [], resolve: typeof lookup = lookup) {
    this.#resolve = resolve;
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      this.#allowed.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
    }
  }

  /** Whether nothing is to be sent to this address; what is no address is not sent to either. */
  isBlocked(address: string): boolean {
    switch (isIP(address)) {
      case 4:
        return blockedIpv4.check(address, 'ipv4') && !this.#allowed.check(address, 'ipv4');
      case 6:
        return blockedIpv6.check(address, 'ipv6') && !this.#allowed.check(address, 'ipv6');
      default:
        return true;
    }
  }

  /** Whether the URL's host is a literal address that is blocked: Node asks no resolver for those. */
  hasBlockedLiteral(url: URL): boolean {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return isIP(host) !== 0 && this.isBlocked(host);
  }

  /**
   * Whether a socket is connected to what is blocked. The last word: between a lookup and a connection a name may have changed,
   * and a resolver of the platform's own may have been asked.
   */
  isConnectedToBlocked({ remoteAddress }: { readonly remoteAddress?: string | undefined }): boolean {
    // A socket that listens on both families shows an IPv4 peer in its mapped form.
    return this.isBlocked(remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, '') ?? '');
  }

  /** A resolver that refuses a name as soon as one of its addresses is blocked. */
  get lookup(): LookupFunction {
    return (hostname, options: LookupOptions, callback) => {
      this.#resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
        if (error) return callback(error, '', 0);
        if (addresses.some(({ address }) => this.isBlocked(address)))
          return callback(new AddressBlocked(), '', 0);
        if (options.all) return callback(null, addresses);
        const [first] = addresses;
        return callback(null, first?.address ?? '', first?.family ?? 0);
      });
    };
  }
}
