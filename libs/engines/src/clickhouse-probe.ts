/** Asks a ClickHouse server over HTTP whether it serves a user yet, and over TCP whether the native port is open. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { LOOPBACK } from './free-port.ts';

const ANSWER_BOUND_MS = 1_000;

export interface ClickhouseAddress {
  readonly httpPort: number;
  readonly tcpPort: number;
  readonly user: string;
  readonly password: string;
}

/** True when /ping answers, the credentials are accepted, and the native port takes connections. */
export async function isClickhouseServing(address: ClickhouseAddress): Promise<boolean> {
  if ((await get(address, '/ping')) !== 'Ok.\n') return false;
  if ((await get(address, '/?query=SELECT%201')) !== '1\n') return false;
  return acceptsConnections(address.tcpPort);
}

/** The body of a 200; undefined for any other outcome. */
function get(address: ClickhouseAddress, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = {
      host: LOOPBACK,
      port: address.httpPort,
      path,
      // A pooled connection would be cut by the server's stop and surface as an error nobody awaits.
      agent: false,
      timeout: ANSWER_BOUND_MS,
      headers: { 'X-ClickHouse-User': address.user, 'X-ClickHouse-Key': address.password },
    };
    const outgoing = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve(response.statusCode === 200 ? body : undefined));
      response.once('error', () => resolve(undefined));
    });
    outgoing.once('timeout', () => outgoing.destroy());
    outgoing.once('error', () => resolve(undefined));
    outgoing.once('close', () => resolve(undefined));
    outgoing.end();
  });
}

function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port });
    const finish = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.setTimeout(ANSWER_BOUND_MS, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}
