/** `npm run rotate-secrets`: moves every secret of the configuration to the first key of SECRETS_KEYS. */
import { parseArgs } from 'node:util';
import { readSettings } from '@tributary/runtime';
import type { Command } from './command.ts';
import { type ConsoleAccess, ConsoleClient, ConsoleRefusal } from './console-client.ts';

export interface RotationSurroundings {
  access(): ConsoleAccess;
  print(line: string): void;
}

interface SealedRevision {
  readonly collection: string;
  readonly id: string;
  readonly version: number;
  readonly inForceUntil?: string;
  readonly keyTags: Readonly<Record<string, string>>;
}

interface Inventory {
  readonly firstKeyTag: string;
  readonly keyTags: readonly string[];
  readonly revisions: readonly SealedRevision[];
}

const DONE = 0;
const NOT_YET = 2;
const FAILED = 1;

const USAGE = `npm run rotate-secrets [-- --check]
  Puts a new key into use: 1. put it last in SECRETS_KEYS of every service, and restart them all; 2. put it first, and
  restart them again: in one step, a service not yet restarted could not read what another has written; 3. run this,
  which encrypts every secret of the configuration anew under the first key, and may be run again at any time; 4. when it
  says that nothing uses the old key, take that out.
  --check   only tell which keys are in use
  Exit code: 0 all secrets are under the first key; 2 some are not yet; 1 failed.
  Keys are named by their tag, the first four bytes of their SHA-256 in hex. The IP addresses in events are not touched:
  those recorded under an old key can be sent to nobody once it is gone, so keep it until their deliveries are over.
  Reads CONSOLE_URL and CONSOLE_API_KEY (a key of role admin).`;

export function rotateSecretsCommandIn({ access, print }: RotationSurroundings): Command {
  return {
    usage: USAGE,
    run: async (argv) => {
      const { values } = parseArgs({ args: [...argv], options: { check: { type: 'boolean' } } });
      const client = new ConsoleClient(access());
      const before = await client.call<Inventory>('GET', 'configuration/secrets');
      const failures = values.check ? 0 : await resealAll(client, before, print);
      const after = values.check ? before : await client.call<Inventory>('GET', 'configuration/secrets');
      for (const line of inventoryLines(after)) print(line);
      if (failures > 0) return FAILED;
      return after.revisions.some((revision) => isUnderOldKey(after, revision)) ? NOT_YET : DONE;
    },
  };
}

export const rotateSecretsCommand: Command = rotateSecretsCommandIn({
  access: () => {
    const { CONSOLE_URL: url, CONSOLE_API_KEY: apiKey } = readSettings(['CONSOLE_URL', 'CONSOLE_API_KEY']);
    return { url, apiKey };
  },
  print: (line) => console.log(line),
});

/** @returns how many could not be moved. */
async function resealAll(
  client: ConsoleClient,
  inventory: Inventory,
  print: (line: string) => void,
): Promise<number> {
  let failures = 0;
  for (const revision of inventory.revisions) {
    // What a scheduled change is about to replace cannot be written again without forestalling that change.
    if (revision.inForceUntil !== undefined || !isUnderOldKey(inventory, revision)) continue;
    const { collection, id, version: expectedVersion } = revision;
    try {
      await client.call('POST', `${collection}/${encodeURIComponent(id)}/reseal`, { expectedVersion });
      print(`moved ${collection}/${id}`);
    } catch (error) {
      if (!(error instanceof ConsoleRefusal)) throw error;
      failures += 1;
      print(`FAILED ${collection}/${id}: ${error.message}`);
    }
  }
  return failures;
}

function isUnderOldKey({ firstKeyTag }: Inventory, { keyTags }: SealedRevision): boolean {
  return Object.values(keyTags).some((tag) => tag !== firstKeyTag);
}

function inventoryLines(inventory: Inventory): readonly string[] {
  const { firstKeyTag, revisions } = inventory;
  const inUse = revisions.flatMap(({ keyTags }) => Object.values(keyTags));
  const tags = [...new Set([...inventory.keyTags, ...inUse])];
  return tags.flatMap((tag) => {
    const users = revisions.filter(({ keyTags }) => Object.values(keyTags).includes(tag));
    const count = inUse.filter((each) => each === tag).length;
    const missing = inventory.keyTags.includes(tag) ? '' : ', and is not in SECRETS_KEYS';
    if (tag === firstKeyTag) return [`key ${tag}: the first, encrypts ${count} secrets`];
    if (count === 0) return [`key ${tag}: no secret of the configuration uses it any more`];
    return [
      `key ${tag}: encrypts ${count} secrets${missing}`,
      ...users.map(({ collection, id, inForceUntil }) => {
        const until =
          inForceUntil === undefined ? '' : `, in force until ${inForceUntil}: run this again then`;
        return `    ${collection}/${id}${until}`;
      }),
    ];
  });
}
