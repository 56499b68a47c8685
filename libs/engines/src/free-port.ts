/** Finds loopback ports for engines in tests, and says whether one port can be listened on. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** The one address that engines listen on. */
export const LOOPBACK = '127.0.0.1';

/**
 * Ports below Linux's ephemeral range (32768 and up). A port out of that range can be taken while its engine is
 * down: a client that keeps reconnecting to it may be given the very same port as its local end and connect to itself.
 */
const LOWEST_PORT = 10_240;
const HIGHEST_PORT = 32_767;
const ATTEMPTS_PER_PORT = 100;

/** Why a port cannot be listened on; undefined when it can. */
export type PortObstacle = 'taken' | 'not_permitted';

/** Tries to listen on 127.0.0.1:`port` and gives it back at once. */
export function portObstacle(port: number): Promise<PortObstacle | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EACCES' ? 'not_permitted' : 'taken');
    });
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      server.close(() => resolve(undefined));
    });
  });
}

/**
 * Returns `count` different ports on which nobody listened just now. They are not reserved; being drawn at random
 * from 22,000 keeps parallel test files apart.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; found.size < count; attempt += 1) {
    if (attempt >= count * ATTEMPTS_PER_PORT) throw new Error(`no ${count} free ports on ${LOOPBACK}`);
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT + 1);
    if (!found.has(port) && (await portObstacle(port)) === undefined) found.add(port);
  }
  return [...found];
}
