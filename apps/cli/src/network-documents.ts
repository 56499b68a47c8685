/** A network of the catalogue as documents of a configuration file: the source that it posts to, the destination that is told. */
import type { Network } from '@tributary/domain';
import { stringify } from 'yaml';

/** The entities that the file has already, and that these documents name. */
const ADVERTISER = 'your-advertiser';
const PARTNER = 'your-partner';

/**
 * What to put into a file for `npm run apply`. The profile is copied into the document and not referred to: what was
 * accepted stays explained by the configuration in the log, whatever a later catalogue says.
 *
 * @param sourceId id of the source, which is also part of its postback URL.
 */
export function networkDocuments(
  network: Network,
  sourceId = network.key,
): Readonly<Record<string, unknown>> {
  return {
    ...(network.inbound !== undefined && { sources: { [sourceId]: sourceDocument(network) } }),
    ...(network.outbound !== undefined && {
      destinations: { [`${network.key}-postback`]: destinationDocument(network) },
    }),
  };
}

/** The same as text. */
export function networkYaml(network: Network, sourceId = network.key): string {
  return stringify(networkDocuments(network, sourceId), { lineWidth: 0 });
}

function sourceDocument({ key, name, inbound }: Network): Readonly<Record<string, unknown>> {
  return {
    advertiserId: ADVERTISER,
    name,
    tokens: [`\${${variableOf(key, 'token')}}`],
    profile: inbound?.profile,
    ...(inbound?.successBody !== undefined && { successBody: inbound.successBody }),
  };
}

function destinationDocument({ key, name, outbound }: Network): Readonly<Record<string, unknown>> {
  const { method, urlTemplate, headers, statuses, events, expectedBody, secrets = {} } = outbound ?? {};
  const settings = { method, urlTemplate, headers, statuses, events, expectedBody };
  const names = Object.keys(secrets);
  return {
    name: `Postback of ${name}`,
    definition: 'partner-postback',
    status: 'active',
    partnerId: PARTNER,
    settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
    ...(names.length > 0 && {
      secrets: Object.fromEntries(
        names.map((secret) => [`secrets.${secret}`, `\${${variableOf(key, secret)}}`]),
      ),
    }),
  };
}

/** The environment variable that a secret of the network is taken from. */
export function variableOf(key: string, secret: string): string {
  return `${key}_${secret}`.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}
