/** A report says all that a postback says and the rules read, and nothing of how it came. */
import { aPostback } from '@tributary/testing';
import { expect, it } from 'vitest';
import { reportOf } from './report-of-postback.ts';

/** What is no matter of the rules. */
const NOT_READ = [
  'eventTypeSent',
  'statusSent',
  'authenticatedBy',
  'nonceHash',
  'idempotencyKeyHash',
  'contentDigest',
  'rawCall',
  'warnings',
  'configurationVersion',
];

it('has each field of the postback that the rules read, as it is, and its place in the log', () => {
  // A value of its own for each field: two that were mixed up would show.
  const postback = aPostback(
    Object.fromEntries(Object.keys(aPostback()).map((name) => [name, `value of ${name}`])),
  );
  const position = { partition: 3, offset: 42 };
  const { position: given, ...fields } = reportOf(postback, position);
  const read = Object.entries(postback).filter(([name]) => !NOT_READ.includes(name));
  expect(given).toEqual(position);
  expect(fields).toEqual(Object.fromEntries(read));
});
