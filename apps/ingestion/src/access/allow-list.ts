/** The addresses that may post for a source: single ones and ranges, compared as numbers and never as text. */
import { BlockList, isIPv4 } from 'node:net';
import { normalisedAddress } from './client-address.ts';

export class AllowList {
  // Node's list of addresses to block is a list of addresses to match.
  readonly #list = new BlockList();

  /** @param entries addresses or ranges, checked by the schema of the source; what is neither allows nobody. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry);
  }

  /** @param address as {@link normalisedAddress} gives it. */
  allows(address: string | null): boolean {
    return address !== null && this.#list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }

  #add(entry: string): void {
    const [text = '', prefix] = entry.split('/');
    // As it stands and not normalised: a range of ::ffff:0:0/96 has a prefix that counts from there, and matches IPv4 too.
    const family = isIPv4(text) ? 'ipv4' : 'ipv6';
    if (prefix !== undefined) this.#list.addSubnet(text, Number(prefix), family);
    else {
      const address = normalisedAddress(text);
      if (address !== null) this.#list.addAddress(address, isIPv4(address) ? 'ipv4' : 'ipv6');
    }
  }
}
