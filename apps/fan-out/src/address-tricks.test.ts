/** Every known way to write an address of this machine, against a listener that counts: without the guard it is reached, with it never. */
import type { lookup } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressGuard } from './address-guard.ts';
import { Sender } from './sender.ts';

const POOL = { destinationId: 'partner', connections: 4 };

/** Sources: facts of Node's URL and net.BlockList, and the bypass lists of OWASP's SSRF cheat sheet. */
const OF_THIS_MACHINE = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0x7f.0x0.0x0.0x1',
  '0177.0.0.1',
  '017700000001',
  '127.0.0.0x1',
  '0',
  '0.0.0.0',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  'user@127.0.0.1',
  'public.example@127.0.0.1',
  'public.example:80@127.0.0.1',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:0:0]',
  'localhost',
  'LOCALHOST',
  'ⓛocalhost',
];

/** Not reached from here either way, and asked for nothing all the same. */
const ELSEWHERE = [
  '169.254.169.254',
  '0xa9fea9fe',
  '[fd00:ec2::254]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[::127.0.0.1]',
  '[fe80::1]',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
];

let connections = 0;
let sockets: Socket[] = [];
let port = 0;
let server: ReturnType<typeof createServer>;

beforeEach(async () => {
  connections = 0;
  sockets = [];
  server = createServer((_request, response) => response.end('reached'));
  server.on('connection', (socket) => {
    connections += 1;
    sockets.push(socket);
  });
  server.listen(0, '::');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(host: string, guard: AddressGuard | null) {
  const sender = new Sender({ timeoutMs: 2_000, guard });
  try {
    return await sender.send(
      { method: 'GET', url: `http://${host}:${port}/`, headers: {}, body: null },
      POOL,
    );
  } finally {
    await sender.close();
  }
}

describe('an address of this machine', () => {
  it.each(OF_THIS_MACHINE)('written as %s reaches it without the guard', async (host) => {
    expect(await ask(host, null)).toMatchObject({ ok: true, response: { body: 'reached' } });
  });

  it.each(OF_THIS_MACHINE)('written as %s never does with it', async (host) => {
    expect(await ask(host, new AddressGuard())).toEqual({ ok: false, error: 'address_blocked' });
    expect(connections).toBe(0);
  });
});

it.each(ELSEWHERE)('a private address elsewhere, %s, is not asked', async (host) => {
  expect(await ask(host, new AddressGuard())).toEqual({ ok: false, error: 'address_blocked' });
});

describe('a name of somebody else', () => {
  /** A resolver that answers with these, whatever is asked. */
  function resolvingTo(...addresses: readonly string[]): typeof lookup {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const answer = (_name: string, _options: object, callback: (error: null, found: object) => void) =>
      callback(null, found);
    return answer as unknown as typeof lookup;
  }

  it.each([
    [['127.0.0.1']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['8.8.8.8', '127.0.0.1']],
    [['127.0.0.1', '8.8.8.8']],
  ])('that resolves to %j reaches nobody', async (addresses) => {
    const guard = new AddressGuard([], resolvingTo(...addresses));
    expect(await ask('partner.example', guard)).toEqual({ ok: false, error: 'address_blocked' });
    expect(connections).toBe(0);
  });

  it('that resolves to a network of one’s own is asked: the guard is what keeps the others out', async () => {
    const guard = new AddressGuard(['127.0.0.0/8'], resolvingTo('127.0.0.1'));
    expect(await ask('partner.example', guard)).toMatchObject({ ok: true });
    expect(connections).toBe(1);
  });
});
