/** `npm run adopt-spool -- FOLDER`: the spool of an instance of ingestion that never came back, written to Kafka. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { createLogger, readSettings } from '@tributary/runtime';
import { adoptSpool } from './spool/adopt.ts';
import { SPOOL_FOLDER, Spool } from './spool/spool.ts';

const USAGE = `npm run adopt-spool -- FOLDER
  Writes to Kafka, oldest first, what an instance of ingestion has spooled and can no longer write itself, and empties its
  spool. FOLDER is the INGESTION_STATE of that instance. Refused while a living process has the spool open. May be broken
  off and run again: a record leaves the spool when Kafka has it, and ids make a repeat harmless.
  Reads KAFKA_BROKERS. Exit code 0 when the spool is empty, 1 when it is not, 2 for a wrong call.`;
const PROGRESS_EVERY = 50_000;

process.exitCode = await run();

async function run(): Promise<number> {
  let folder: string | undefined;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean', default: false } },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    if (positionals.length === 1) [folder] = positionals;
  } catch (error) {
    console.error((error as Error).message);
  }
  if (folder === undefined) {
    console.error(USAGE);
    return 2;
  }
  const spoolFolder = join(folder, SPOOL_FOLDER);
  if (!existsSync(join(spoolFolder, 'data.mdb'))) {
    console.error(`there is no spool in ${folder}: name the INGESTION_STATE of the instance`);
    return 2;
  }
  try {
    return await adopt(spoolFolder);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function adopt(folder: string): Promise<number> {
  const settings = readSettings(['KAFKA_BROKERS', 'LOG_LEVEL']);
  // Nothing is added to it, so it has no bound.
  const spool = Spool.open({ folder, maxBytes: Number.POSITIVE_INFINITY });
  const logger = createLogger('adopt-spool', settings.LOG_LEVEL);
  const connection = new KafkaConnection({
    brokers: settings.KAFKA_BROKERS,
    clientId: 'adopt-spool',
    logger,
  });
  const kafka = new KafkaEventProducer({ connection });
  try {
    const { records } = spool.status();
    console.log(`records in the spool: ${records}`);
    let told = 0;
    const { adopted, damaged } = await adoptSpool(spool, kafka, (total) => {
      if (total - told < PROGRESS_EVERY) return;
      told = total;
      console.log(`  ${total} of ${records}`);
    });
    for (const [topic, count] of adopted) console.log(`${topic}: ${count}`);
    console.log(`records left: ${spool.status().records}`);
    if (damaged > 0) console.log(`set aside, because they cannot be read: ${damaged}`);
    return damaged > 0 ? 1 : 0;
  } finally {
    await kafka.close();
    await connection.close();
    await spool.close();
  }
}
