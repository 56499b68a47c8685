/** Clients that are slow, endless or many, over real sockets: each is cut, and those beside it are answered. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Configuration } from '@tributary/configuration';
import { createLogger } from '@tributary/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { endpointsOver } from './endpoints.fixture.ts';
import { HttpEdge } from './http-edge.ts';
import { SERVER_LIMITS } from './server-limits.ts';

const LIMITS = { ...SERVER_LIMITS, headersMs: 300, requestMs: 500, checkEveryMs: 50, connections: 40 };

let server: Server;
let port: number;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  const edge = new HttpEdge(createLogger('slow-clients', 'silent'));
  const producer = { produce: async () => [] };
  edge.open(endpointsOver({ configuration: new Configuration(), producer, now: () => 0 }));
  server = edge.createServer((_request, response) => response.writeHead(404).end(), LIMITS);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Client {
  readonly socket: Socket;
  /** What it has been answered, once it is cut. */
  readonly cut: Promise<string>;
}

async function client(): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', () => undefined);
  const cut = once(socket, 'close').then(() => answer);
  await once(socket, 'connect');
  return { socket, cut };
}

/** An unknown campaign is answered at once, without any other part of the system. */
async function isAnswered(): Promise<boolean> {
  const { socket, cut } = await client();
  socket.write('GET /c/nowhere HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n');
  return (await cut).startsWith('HTTP/1.1 404');
}

it('one that never ends its headers is cut', async () => {
  const { socket, cut } = await client();
  socket.write('GET /c/nowhere HTTP/1.1\r\nHost: edge\r\n');
  const dripping = setInterval(() => socket.write('X-A: b\r\n'), 20);
  expect(await cut).toMatch(/^HTTP\/1\.1 408/);
  clearInterval(dripping);
});

it('one that never ends its body is cut, and nothing of it is answered as accepted', async () => {
  const { socket, cut } = await client();
  socket.write('POST /postback/shop HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000\r\n\r\n');
  const dripping = setInterval(() => socket.write('x'), 20);
  expect(await cut).not.toMatch(/ 2\d\d /);
  clearInterval(dripping);
});

it('a head that is too large is answered 431', async () => {
  const { socket, cut } = await client();
  socket.write(`GET /c/nowhere HTTP/1.1\r\nHost: edge\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
  expect(await cut).toMatch(/^HTTP\/1\.1 431/);
});

it.each([
  ['no HTTP', 'hello\r\n\r\n'],
  ['a blank in the path', 'GET /c/a b HTTP/1.1\r\nHost: edge\r\n\r\n'],
  ['two lengths', 'POST /v1/clicks HTTP/1.1\r\nHost: edge\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  [
    'a length and chunks',
    'POST /v1/clicks HTTP/1.1\r\nHost: edge\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['a header that goes on in the next line', 'GET /c/a HTTP/1.1\r\nHost: edge\r\nX: a\r\n\tb\0\r\n\r\n'],
  ['NUL in a header', 'GET /c/a HTTP/1.1\r\nHost: edge\r\nX: a\0b\r\n\r\n'],
])('%s is answered 400', async (_name, request) => {
  const { socket, cut } = await client();
  socket.write(request);
  expect(await cut).toMatch(/^HTTP\/1\.1 400/);
});

it('many that are slow keep nobody else from being answered once they are cut', async () => {
  const slow = await Promise.all(Array.from({ length: LIMITS.connections - 5 }, client));
  for (const { socket } of slow) socket.write('POST /v1/clicks HTTP/1.1\r\nHost: edge\r\nX');
  expect(await isAnswered()).toBe(true);
  for (const { cut } of slow) expect(await cut).toMatch(/^HTTP\/1\.1 408/);
  expect(await isAnswered()).toBe(true);
});

it('connections beyond the most are closed as they come', async () => {
  await Promise.all(Array.from({ length: LIMITS.connections }, client));
  const beyond = await client();
  expect(await beyond.cut).toBe('');
});
