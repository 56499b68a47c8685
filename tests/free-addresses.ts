/** Addresses for a system of a test's own: on ports that nobody listens on, so that suites may run beside each other. */
import { findFreePorts } from '@tributary/engines';
import { type Addresses, readAddresses } from '../apps/launcher/src/system/addresses.ts';

/** @param environment names engines of one's own, as for the launcher. */
export async function freeAddresses(
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<Addresses> {
  const addresses = readAddresses(0, environment);
  const names = Object.keys(addresses.ports);
  const ports = await findFreePorts(names.length);
  return {
    ...addresses,
    ports: Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Addresses['ports'],
  };
}
