/** Mutant mode: the oracle's conversions of one log against those of cores that are each wrong in one place. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { differencesOf, firstDifference } from './compare.ts';
import { consultedLog, decideBy, type OracleLog, type Report } from './core-mode.ts';
import type { Core } from './core-run.ts';
import type { OracleDatabase } from './database.ts';
import type { LogOptions } from './generate.ts';
import { coreWith, MUTANTS, type Mutant, UNCHANGED } from './mutants.ts';
import { inScratchClickhouse } from './scratch-clickhouse.ts';

interface LoadedMutant {
  readonly name: string;
  readonly core: Core;
}

/** @returns whether the core as it is agrees, and no mutant does. */
export async function catchMutants(options: LogOptions, report: Report): Promise<boolean> {
  const home = await mkdtemp(join(tmpdir(), 'tributary-mutants-'));
  try {
    // Before anything long: a mutant whose text has moved is told at once.
    const load = async (mutant: Mutant, directory: string): Promise<LoadedMutant> => ({
      name: mutant.name,
      core: await coreWith(mutant, join(home, directory)),
    });
    const unchanged = await load(UNCHANGED, 'unchanged');
    const mutants = await Promise.all(MUTANTS.map((mutant, place) => load(mutant, String(place))));
    return await inScratchClickhouse(async (database) => {
      const log = await consultedLog(database, options, report);
      return await areCaught(database, log, unchanged, mutants);
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function areCaught(
  database: OracleDatabase,
  log: OracleLog,
  unchanged: LoadedMutant,
  mutants: readonly LoadedMutant[],
): Promise<boolean> {
  const difference = await differenceOf(database, log, unchanged);
  console.log(`${unchanged.name}: difference ${difference}`);
  if (difference !== 0) return false;
  let missed = 0;
  for (const mutant of mutants) {
    const difference = await differenceOf(database, log, mutant);
    if (difference === 0) missed += 1;
    console.log(await verdictOn(database, mutant, difference));
  }
  console.log(`${mutants.length - missed} of ${mutants.length} mutants caught`);
  return missed === 0;
}

async function differenceOf(
  database: OracleDatabase,
  log: OracleLog,
  { core }: LoadedMutant,
): Promise<number> {
  await decideBy(database, log, core);
  return differencesOf(database, 'oracle_core_conversions');
}

async function verdictOn(
  database: OracleDatabase,
  { name }: LoadedMutant,
  difference: number,
): Promise<string> {
  if (difference === 0) return `NOT CAUGHT  ${name}`;
  return `caught  ${name}: difference ${difference}, first ${await firstDifference(database)}`;
}
