/** The log: one JSON line each, and no secret in it, not even where a client library hangs it on an error. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger, type Logger, nestLogger } from './logger.ts';

const CANARY = 'CANARY4711';
let lines: string[];
let logger: Logger;

beforeEach(() => {
  lines = [];
  logger = createLogger('edge', 'debug', { write: (line) => lines.push(line) });
});

const last = () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;

it('writes the service, the instant in ISO 8601 UTC, and the fields', () => {
  logger.info({ receiptId: 'r-1', latencyMs: 3 }, 'postback.judged');
  expect(last()).toMatchObject({ service: 'edge', msg: 'postback.judged', receiptId: 'r-1', latencyMs: 3 });
  expect(last()['time']).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
  expect(last()).not.toHaveProperty('hostname');
});

it('carries nothing from one line into the next', () => {
  logger.info({ receiptId: 'r-1' }, 'one');
  logger.info({ clickId: 'c-1' }, 'two');
  expect(last()).not.toHaveProperty('receiptId');
});

it('keeps to its level', () => {
  logger.trace('unheard');
  expect(lines).toEqual([]);
});

describe('canaries', () => {
  it.each([
    'token',
    'secret',
    'secrets',
    'authorization',
    'password',
    'email',
    'phone',
    'ipAddress',
    'headers',
  ])('under %s, at the top and one level below', (name) => {
    logger.info({ [name]: CANARY, request: { [name]: CANARY, kept: 1 } }, 'x');
    expect(lines.join()).not.toContain(CANARY);
    expect(last()).toMatchObject({ [name]: '[redacted]', request: { [name]: '[redacted]', kept: 1 } });
  });

  it('on an error with its request, configuration and cause', () => {
    const error = Object.assign(new Error('refused', { cause: new Error(CANARY) }), {
      code: 'ECONNREFUSED',
      config: { headers: { authorization: CANARY }, url: `https://x.example/?token=${CANARY}` },
      request: { headers: { cookie: CANARY } },
      headers: { 'x-token': CANARY },
      response: { body: CANARY },
    });
    logger.error({ err: error }, 'failed');
    expect(lines.join()).not.toContain(CANARY);
    expect(last()['err']).toEqual({
      type: 'Error',
      message: 'refused',
      code: 'ECONNREFUSED',
      stack: expect.any(String),
    });
  });

  it('on what was thrown and is no error', () => {
    logger.error({ err: { token: CANARY } }, 'failed');
    expect(lines.join()).not.toContain(CANARY);
  });
});

it("takes Nest's messages as lines of its own", () => {
  const nest = nestLogger(logger);
  nest.log('mapped a route');
  expect(last()).toMatchObject({ level: 20, from: 'nest', msg: 'mapped a route' });
  nest.warn('odd');
  expect(last()).toMatchObject({ level: 40, from: 'nest', msg: 'odd' });
  nest.error(new Error('broken'));
  expect(last()).toMatchObject({
    level: 50,
    from: 'nest',
    msg: 'framework.failed',
    err: { message: 'broken' },
  });
});
