/** Tokens: where one may stand, and which prove a source. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { SourceTokens, tokenOfHead, tokenOfQuery } from './token.ts';

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');

function withHeaders(headers: Record<string, string>): IncomingMessage {
  return { headers } as unknown as IncomingMessage;
}

describe('the token of a call', () => {
  it.each<[string, Record<string, string>, string, string | null, string | null]>([
    ['the bearer', { authorization: 'Bearer abc' }, '', null, 'abc'],
    ['the bearer in any case', { authorization: 'bearer abc' }, '', null, 'abc'],
    ['the header', { 'x-token': 'abc' }, '', null, 'abc'],
    ['the parameter', {}, 'token=abc', null, 'abc'],
    ['the path', {}, '', 'abc', 'abc'],
    ['the path before the others', { authorization: 'Bearer a', 'x-token': 'b' }, 'token=c', 'd', 'd'],
    ['the bearer before the header', { authorization: 'Bearer a', 'x-token': 'b' }, 'token=c', null, 'a'],
    ['the header before the parameter', { 'x-token': 'b' }, 'token=c', null, 'b'],
    ['the parameter beside another scheme', { authorization: 'Basic abc' }, 'token=c', null, 'c'],
    ['the parameter beside an empty path', {}, 'token=c', '', 'c'],
    ['nothing', {}, '', null, null],
    ['nothing of an empty bearer', { authorization: 'Bearer ' }, '', null, null],
  ])('takes %s', (_name, headers, query, pathToken, token) => {
    const ofQuery = tokenOfQuery(new URLSearchParams(query));
    expect(tokenOfHead(withHeaders(headers), pathToken) ?? ofQuery).toBe(token);
  });
});

describe('the tokens of a source', () => {
  const hashes = [sha256('old'), sha256('new')];

  it.each<[string, readonly string[], boolean]>([
    ['old', hashes, true],
    ['new', hashes, true],
    ['other', hashes, false],
    ['new ', hashes, false],
    [sha256('new'), hashes, false],
    ['new', [], false],
    ['', [sha256('')], false],
    ['new', ['zz', 'abcd', ''], false],
  ])('%s against %j: %s', (token, tokenHashes, isProved) => {
    expect(new SourceTokens(tokenHashes).holds(token)).toBe(isProved);
  });

  it('hold what they held before, and nothing like it', () => {
    const tokens = new SourceTokens(hashes);
    expect([tokens.holds('new'), tokens.holds('new')]).toEqual([true, true]);
    const others = ['nex', 'newnew', 'ne', 'n', 'newn', 'NEW', 'other'];
    expect(others.filter((token) => tokens.holds(token))).toEqual([]);
    expect([tokens.holds('old'), tokens.holds('new')]).toEqual([true, true]);
  });
});
