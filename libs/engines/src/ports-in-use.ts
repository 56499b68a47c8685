/** Refuses to start an engine on a port that is not free: another program there would pass for the engine. */
import { type EngineName, EngineStartError } from './embedded-engine.ts';
import { checkPortFree } from './preflight.ts';

/** @throws EngineStartError `port_taken`, in the words of the preflight check. */
export async function requireFreePorts(engine: EngineName, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const problem = await checkPortFree(port, engine);
    if (problem !== undefined) throw new EngineStartError(engine, 'port_taken', problem.message);
  }
}
