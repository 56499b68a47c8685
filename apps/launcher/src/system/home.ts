/** The state folder: where it is, and the keys that are made once and kept in it. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';

/** The checkout this program runs from. */
export const REPOSITORY = resolve(import.meta.dirname, '../../../..');

export interface Keys {
  readonly secretsKeys: string;
  readonly consoleApiKey: string;
}

/** `TRIBUTARY_HOME`, or `.tributary` in the checkout. */
export function homeFolder(): string {
  return process.env['TRIBUTARY_HOME'] || join(REPOSITORY, '.tributary');
}

/** The keys of this state folder; SECRETS_KEYS and CONSOLE_API_KEY go before. */
export function readKeys(home: string): Keys {
  const file = join(home, 'keys.json');
  if (!existsSync(file)) {
    mkdirSync(home, { recursive: true });
    const made: Keys = {
      secretsKeys: randomBytes(32).toString('base64'),
      consoleApiKey: randomBytes(24).toString('base64url'),
    };
    writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  }
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Keys;
  return {
    secretsKeys: process.env['SECRETS_KEYS'] || kept.secretsKeys,
    consoleApiKey: process.env['CONSOLE_API_KEY'] || kept.consoleApiKey,
  };
}
