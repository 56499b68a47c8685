/** The sender against receivers on this machine that answer, refuse, stall, break off, lie and never end. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { OutwardRequest } from '@tributary/destinations';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressGuard } from './address-guard.ts';
import { Sender } from './sender.ts';

const POOL = { destinationId: 'partner', connections: 16 };

const TIMEOUT_MS = 400;
const MAX_RESPONSE_BYTES = 256 * 1024;

let sender: Sender;
let servers: Server[] = [];
let sockets: Socket[] = [];

beforeEach(() => {
  sender = new Sender({ timeoutMs: TIMEOUT_MS, guard: null });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  await sender.close();
  servers = [];
  sockets = [];
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function receiver(answer: RequestListener): Promise<string> {
  return listening(createServer(answer));
}

/** A receiver that answers every connection with these bytes, and leaves it open. */
function wire(bytes: string): Promise<string> {
  return listening(createTcpServer((socket) => socket.once('data', () => socket.write(bytes))));
}

function get(url: string, changes: Partial<OutwardRequest> = {}) {
  return sender.send({ method: 'GET', url, headers: {}, body: null, ...changes }, POOL);
}

describe('an exchange', () => {
  it('sends method, path, query, headers and body as built, and reads the answer', async () => {
    const seen: unknown[] = [];
    const origin = await receiver(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      seen.push([request.method, request.url, request.headers['x-own'], request.headers['user-agent'], body]);
      response.writeHead(202, { 'x-answer': 'yes', 'set-cookie': ['a=1', 'b=2'] }).end('grüß dich');
    });
    const exchange = await get(`${origin}/a%2Fb?c=%20d&e=#fragment`, {
      method: 'POST',
      headers: { 'x-own': '1' },
      body: 'böðy',
    });
    expect(seen).toEqual([['POST', '/a%2Fb?c=%20d&e=', '1', expect.stringContaining('Tributary'), 'böðy']]);
    expect(exchange).toMatchObject({
      ok: true,
      response: { status: 202, body: 'grüß dich', headers: { 'x-answer': 'yes', 'set-cookie': 'a=1,b=2' } },
    });
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %d', async (status) => {
    let visits = 0;
    const trap = await receiver((_request, response) => {
      visits += 1;
      response.end();
    });
    const origin = await receiver((_request, response) => {
      response.writeHead(status, { location: trap }).end();
    });
    expect(await get(origin)).toMatchObject({ ok: true, response: { status, headers: { location: trap } } });
    expect(visits).toBe(0);
  });

  it.each([200, 204, 400, 404, 410, 429, 500, 503])('reports a %d as it is', async (status) => {
    const origin = await receiver((_request, response) => {
      response.writeHead(status).end();
    });
    expect(await get(origin)).toMatchObject({ ok: true, response: { status, body: '' } });
  });

  it('keeps the status of a body that never ends, and cuts the body at the cap', async () => {
    const origin = await receiver((_request, response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', pour);
      pour();
    });
    const exchange = await get(origin);
    expect(exchange).toMatchObject({ ok: true, response: { status: 200 } });
    expect(exchange.ok && exchange.response.body).toBe('x'.repeat(MAX_RESPONSE_BYTES));
  });

  it('keeps a body of exactly the cap whole', async () => {
    const origin = await receiver((_request, response) => {
      response.end('x'.repeat(MAX_RESPONSE_BYTES));
    });
    const exchange = await get(origin);
    expect(exchange.ok && exchange.response.body.length).toBe(MAX_RESPONSE_BYTES);
  });
});

describe('a named error', () => {
  it('connection_refused where nobody listens', async () => {
    const server = createTcpServer();
    const origin = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    servers = [];
    expect(await get(origin)).toEqual({ ok: false, error: 'connection_refused' });
  });

  it('dns_failure for a name that cannot exist', async () => {
    expect(await get('http://nowhere.invalid/')).toEqual({ ok: false, error: 'dns_failure' });
  });

  it.each<[string, (socket: Socket) => void]>([
    ['before the answer', (socket) => socket.resetAndDestroy()],
    ['by an orderly end', (socket) => socket.end()],
    [
      'amid the body',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
      },
    ],
    [
      'amid the body, orderly',
      (socket) => {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      },
    ],
  ])('connection_reset when it is broken off %s', async (_name, breakOff) => {
    const origin = await listening(createTcpServer((socket) => socket.once('data', () => breakOff(socket))));
    expect(await get(origin)).toEqual({ ok: false, error: 'connection_reset' });
  });

  it.each([
    ['never answers', ''],
    ['stops amid the headers', 'HTTP/1.1 200 OK\r\nX-A: '],
    ['stops amid the body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
  ])('timeout when it %s', async (_name, bytes) => {
    const before = performance.now();
    expect(await get(await wire(bytes))).toEqual({ ok: false, error: 'timeout' });
    expect(performance.now() - before).toBeLessThan(TIMEOUT_MS + 2_000);
  });

  it('timeout when the body drips: the whole attempt has one time', async () => {
    const origin = await receiver((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect(await get(origin)).toEqual({ ok: false, error: 'timeout' });
  });

  it.each([
    ['is no HTTP', 'SSH-2.0-OpenSSH\r\n'],
    ['has a broken header', 'HTTP/1.1 200 OK\r\nBad Header\r\n\r\n'],
    ['has two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
    ['has a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ])('response_malformed when it %s', async (_name, bytes) => {
    expect(await get(await wire(bytes))).toEqual({ ok: false, error: 'response_malformed' });
  });

  it('response_too_large when the headers do not end', async () => {
    const origin = await wire(`HTTP/1.1 200 OK\r\n${`X-A: ${'x'.repeat(1_000)}\r\n`.repeat(100)}\r\n`);
    expect(await get(origin)).toEqual({ ok: false, error: 'response_too_large' });
  });

  it('tls_handshake_failed where the port speaks no TLS', async () => {
    const origin = await receiver((_request, response) => response.end());
    expect(await get(origin.replace('http:', 'https:'))).toEqual({
      ok: false,
      error: 'tls_handshake_failed',
    });
  });
});

describe('private addresses', () => {
  it.each(['127.0.0.1', '127.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost'])(
    '%s is never connected to',
    async (host) => {
      let connections = 0;
      const server = createTcpServer(() => {
        connections += 1;
      });
      const port = new URL(await listening(server)).port;
      const guarded = new Sender({ timeoutMs: TIMEOUT_MS, guard: new AddressGuard() });
      const exchange = await guarded.send(
        { method: 'GET', url: `http://${host}:${port}/`, headers: {}, body: null },
        POOL,
      );
      await guarded.close();
      expect(exchange).toEqual({ ok: false, error: 'address_blocked' });
      expect(connections).toBe(0);
    },
  );
});

describe('a name that changes between the lookup and the connection', () => {
  /** What a resolver answers that is asked a second time by somebody else. */
  class Rebound extends AddressGuard {
    override get lookup(): AddressGuard['lookup'] {
      return (_name, options, callback) =>
        options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);
    }
  }

  it('reaches the listener with no byte', async () => {
    let bytes = 0;
    const server = createTcpServer((socket) => socket.on('data', (chunk) => (bytes += chunk.length)));
    const { port } = new URL(await listening(server));
    const guarded = new Sender({ timeoutMs: TIMEOUT_MS, guard: new Rebound() });
    const exchange = await guarded.send(
      { method: 'POST', url: `http://partner.example:${port}/`, headers: {}, body: 'secret' },
      POOL,
    );
    await guarded.close();
    expect(exchange).toEqual({ ok: false, error: 'address_blocked' });
    expect(bytes).toBe(0);
  });
});

it('a redirect to a private address is an answer like any other, and nobody goes there', async () => {
  let visits = 0;
  const target = await receiver((_request, response) => {
    visits += 1;
    response.end();
  });
  const origin = await receiver((_request, response) => response.writeHead(302, { location: target }).end());
  expect(await get(origin)).toMatchObject({ ok: true, response: { status: 302 } });
  expect(visits).toBe(0);
});

it('each destination has connections of its own: one that is never answered keeps none of another', async () => {
  const origin = await receiver((request, response) => {
    if (request.url === '/quick') response.end('ok');
  });
  const one = { destinationId: 'black-hole', connections: 1 };
  const stuck = Array.from({ length: 20 }, () =>
    sender.send({ method: 'GET', url: `${origin}/never`, headers: {}, body: null }, one),
  );
  expect(await get(`${origin}/quick`)).toMatchObject({ ok: true });
  expect((await Promise.all(stuck)).every(({ ok }) => !ok)).toBe(true);
});

it('throws on a request that cannot be made: that is a defect of ours', async () => {
  const origin = await receiver((_request, response) => response.end());
  await expect(get(origin, { headers: { 'x-own': 'a\r\nb' } })).rejects.toThrow();
});
