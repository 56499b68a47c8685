/** Tells a page of markup from the words of an API. */
import { expect, it } from 'vitest';
import { isForeignPage } from './foreign-page.ts';

it.each([
  [400, '<html>', true],
  [403, '\n <!DOCTYPE html>', true],
  [404, '<html>', true],
  [400, '{"error":"<html>"}', false],
  [401, 'Authorization Required', false],
  [404, '', false],
  [413, '<html>', false],
  [302, '<html>', false],
  [503, '<html>', false],
])('%i %j: %s', (status, body, isPage) => {
  expect(isForeignPage({ status, body })).toBe(isPage);
});
