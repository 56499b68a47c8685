/** Credentials: where a token may stand, and which tokens prove a source. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { checkToken, tokenOf } from './credentials.ts';

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');

function withHeaders(headers: Record<string, string>): IncomingMessage {
  return { headers } as unknown as IncomingMessage;
}

describe('tokenOf', () => {
  it.each<[string, Record<string, string>, Record<string, string>, string | null]>([
    ['the bearer', { authorization: 'Bearer abc' }, {}, 'abc'],
    ['the bearer in any case', { authorization: 'bearer abc' }, {}, 'abc'],
    ['the header', { 'x-token': 'abc' }, {}, 'abc'],
    ['the parameter', {}, { token: 'abc' }, 'abc'],
    ['the bearer before the others', { authorization: 'Bearer a', 'x-token': 'b' }, { token: 'c' }, 'a'],
    ['the header before the parameter', { 'x-token': 'b' }, { token: 'c' }, 'b'],
    ['the parameter beside another scheme', { authorization: 'Basic abc' }, { token: 'c' }, 'c'],
    ['nothing', {}, {}, null],
    ['nothing of an empty bearer', { authorization: 'Bearer ' }, {}, null],
  ])('takes %s', (_name, headers, parameters, token) => {
    expect(tokenOf(withHeaders(headers), new Map(Object.entries(parameters)))).toBe(token);
  });
});

describe('checkToken', () => {
  const hashes = [sha256('old'), sha256('new')];

  it.each<[string | null, readonly string[], string]>([
    ['old', hashes, 'proved'],
    ['new', hashes, 'proved'],
    ['other', hashes, 'wrong'],
    ['new ', hashes, 'wrong'],
    [sha256('new'), hashes, 'wrong'],
    ['new', [], 'wrong'],
    [null, hashes, 'missing'],
    ['', [sha256('')], 'missing'],
    ['new', ['zz', 'abcd', ''], 'wrong'],
  ])('%s against %j is %s', (token, tokenHashes, credentials) => {
    expect(checkToken(token, tokenHashes)).toBe(credentials);
  });
});
