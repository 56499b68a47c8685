/** Expected replies by table, and the body pattern against a plain reading of it and against hostile bodies. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyHolding, bodyPattern, type ExpectedReply, replyProblem } from './expected-reply.ts';
import { processorMs } from './processor-time.fixture.ts';

describe('a body pattern', () => {
  it.each<[string, string, boolean]>([
    ['OK', 'OK', true],
    ['OK', ' \r\nOK\n', true],
    ['OK\n', 'OK\n', true],
    [' OK ', 'OK', true],
    ['OK', 'ok', false],
    ['OK', 'NOT OK', false],
    ['1', '10', false],
    ['OK*', 'OK: 7', true],
    ['*OK', '7: OK', true],
    ['*OK', '7: OK!', false],
    ['*', '', true],
    ['**', 'anything', true],
    ['', '', true],
    ['', 'x', false],
    ['*success=true*', 'x; success=true; y', true],
    ['*"status":*"ok"*', '{"status": "ok", "id": 1}', true],
    ['*"status":*"ok"*', '{"id": "ok", "status": 1}', false],
    ['ab*ba', 'aba', false],
    ['ab*ba', 'abba', true],
    ['a*b*c', 'axbc', true],
    ['a*b*c', 'axcb', false],
    ['a*bc*c', 'abc', false],
    ['5\\* stars', '5* stars', true],
    ['5\\* stars', '5 of 5 stars', false],
    ['a\\b', 'a\\b', true],
    ['.+', 'xx', false],
    ['(a+)+$', '(a+)+$', true],
  ])('%j of %j: %s', (pattern, body, matches) => {
    expect(bodyPattern(pattern).matches(body)).toBe(matches);
  });

  /** Tries every way to fill a star; only for short texts. */
  function fits(pattern: string, body: string): boolean {
    if (pattern === '') return body === '';
    if (pattern.startsWith('*'))
      return Array.from({ length: body.length + 1 }, (_, skipped) => skipped).some((skipped) =>
        fits(pattern.slice(1), body.slice(skipped)),
      );
    return body.startsWith(pattern.charAt(0)) && fits(pattern.slice(1), body.slice(1));
  }

  it('means what trying every way to fill its stars means', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const body = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(pattern, body, (text, of) => bodyPattern(text).matches(of) === fits(text, of)),
      { numRuns: 3_000 },
    );
  });

  it('is quick where a pattern that steps back would never end', () => {
    const pattern = bodyPattern(`${'*a'.repeat(249)}*b`);
    const taken = processorMs(() => expect(pattern.matches('a'.repeat(262_144))).toBe(false));
    expect(taken).toBeLessThan(1_000);
  });
});

describe('an expected reply', () => {
  const anything: ExpectedReply = { statuses: [], body: null, refusal: null };
  const strict: ExpectedReply = {
    statuses: [200, 201],
    body: bodyHolding('success=true'),
    refusal: bodyPattern('*success=false*'),
  };

  it.each([
    [anything, 204, '', null],
    [strict, 200, 'success=true;', null],
    [strict, 201, 'x success=true', null],
    [strict, 204, 'success=true;', 'expected_status_missing'],
    [strict, 200, '', 'expected_body_missing'],
    [strict, 200, '<html>Be back soon</html>', 'expected_body_missing'],
    [strict, 200, 'success=false; err_msg=Duplicate;', 'reply_refuses'],
    // What says both refuses: counting on it would be a guess.
    [strict, 204, 'success=true success=false', 'reply_refuses'],
  ] as const)('%o meets %i %j: %s', (expected, status, body, problem) => {
    expect(replyProblem(expected, { status, body })).toBe(problem);
  });
});
