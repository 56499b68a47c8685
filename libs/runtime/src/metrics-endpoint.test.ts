/** Who may read /metrics: whoever bears the token, or without one this machine alone. */
import type { FastifyRequest } from 'fastify';
import { afterEach, expect, it, vi } from 'vitest';
import { MetricsController } from './metrics-endpoint.ts';

const TOKEN = 'sixteen-characters';

afterEach(() => {
  vi.unstubAllEnvs();
});

async function isAnswered(
  token: string,
  remoteAddress: string,
  headers: Readonly<Record<string, string>>,
): Promise<boolean> {
  vi.stubEnv('METRICS_TOKEN', token);
  const request = { headers, socket: { remoteAddress } } as unknown as FastifyRequest;
  try {
    return (await new MetricsController([]).metrics(request)).includes('# HELP tributary_check_up');
  } catch (error) {
    expect(error).toMatchObject({ status: 404 });
    return false;
  }
}

it.each<[string, string, string, Record<string, string>, boolean]>([
  ['this machine', '', '127.0.0.1', {}, true],
  ['this machine by IPv6', '', '::1', {}, true],
  ['a proxy on this machine', '', '127.0.0.1', { 'x-forwarded-for': '192.0.2.1' }, false],
  ['another machine', '', '192.0.2.1', {}, false],
  ['another machine with the token', TOKEN, '192.0.2.1', { authorization: `Bearer ${TOKEN}` }, true],
  ['this machine without the token', TOKEN, '127.0.0.1', {}, false],
  ['a wrong token', TOKEN, '127.0.0.1', { authorization: 'Bearer canary' }, false],
])('%s', async (_who, token, address, headers, expected) => {
  expect(await isAnswered(token, address, headers)).toBe(expected);
});
