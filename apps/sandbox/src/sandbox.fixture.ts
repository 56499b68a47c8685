/** A sandbox on a free port for the tests beside this file. */
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Clock, systemClock } from '@tributary/runtime';
import type { Behaviour } from './behaviour.ts';
import type { ReceivedCall, ReceiverName } from './received-calls.ts';
import { keepBodiesAsText, sandboxModule } from './sandbox.module.ts';
import type { ReceiverSummary } from './summary.ts';

export interface StartedSandbox {
  readonly address: string;
  /** The calls recorded, of all receivers or as the query says, e.g. `?kind=meta`. */
  received(query?: string): Promise<readonly ReceivedCall[]>;
  /** The summaries, as the query says, e.g. `?keyParameter=tid`. */
  summary(query?: string): Promise<readonly ReceiverSummary[]>;
  /** @param query e.g. `?token=right`. */
  behave(receiver: ReceiverName, behaviour: Behaviour, query?: string): Promise<void>;
  close(): Promise<void>;
}

export async function startSandbox({
  stateFolder = '',
  clock = systemClock,
}: {
  readonly stateFolder?: string;
  readonly clock?: Clock;
} = {}): Promise<StartedSandbox> {
  const app = await NestFactory.create<NestFastifyApplication>(
    sandboxModule({ stateFolder, clock }),
    new FastifyAdapter(),
    { logger: false, abortOnError: false },
  );
  keepBodiesAsText(app);
  await app.listen(0, '127.0.0.1');
  const address = await app.getUrl();
  const get = async <T>(path: string): Promise<T> => (await fetch(`${address}${path}`)).json() as Promise<T>;
  return {
    address,
    received: async (query = '') =>
      (await get<{ calls: readonly ReceivedCall[] }>(`/admin/received${query}`)).calls,
    summary: async (query = '') =>
      (await get<{ receivers: readonly ReceiverSummary[] }>(`/admin/received/summary${query}`)).receivers,
    behave: async ({ kind, name }, behaviour, query = '') => {
      const url = `${address}/admin/receivers/${kind}/${name}/behaviour${query}`;
      const { status } = await fetch(url, { method: 'PUT', body: JSON.stringify(behaviour) });
      if (status !== 204) throw new Error(`behaviour was answered with ${status}`);
    },
    close: () => app.close(),
  };
}
