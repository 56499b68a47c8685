/** The process that is the embedded ClickHouse server: it opens libchdb.so and serves until told to stop. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DataType, load, open } from 'ffi-rs';

const LIBRARY = 'chdb';
const RETRY_MS = 50;

const { values } = parseArgs({
  options: {
    library: { type: 'string' },
    'http-port': { type: 'string' },
    'tcp-port': { type: 'string' },
  },
});

function required(option: keyof typeof values): string {
  const value = values[option];
  if (value === undefined) throw new Error(`--${option} is missing`);
  return value;
}

// All in the working directory, which is the server's alone.
const data = 'data';
const stopFifo = `${data}.stop`;
let stopping = false;

/**
 * The last but two of the statements reads a FIFO and so blocks until somebody writes to it. Opening it without a
 * reader fails (ENXIO): then the server is still starting, and the attempt is repeated.
 */
function requestStop(): void {
  if (stopping) return;
  stopping = true;
  const timer = setInterval(() => {
    try {
      const fifo = openSync(stopFifo, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(fifo, 'stop\n');
      closeSync(fifo);
      clearInterval(timer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
  }, RETRY_MS);
}

rmSync(stopFifo, { force: true });
// Node has no call for it, and every Linux has the program.
execFileSync('mkfifo', ['-m', '600', stopFifo]);

process.on('SIGTERM', requestStop);
process.on('SIGINT', requestStop);
// Only the starter holds the other end: its end means that the starter is gone, and nobody else would stop us.
process.stdin.on('end', requestStop);
process.stdin.on('error', requestStop);
process.stdin.resume();

// Through /proc, because ClickHouse makes a bare name absolute and then takes braces, stars and question marks in the
// directories above for patterns.
const statements = [
  'SYSTEM START LISTEN HTTP',
  'SYSTEM START LISTEN TCP',
  `SELECT count() FROM file('/proc/self/cwd/${stopFifo}', 'LineAsString', 'line String')`,
  'SYSTEM STOP LISTEN HTTP',
  'SYSTEM STOP LISTEN TCP',
];
const argv = [
  'clickhouse',
  `--path=${data}`,
  '--listen_host=127.0.0.1',
  `--http_port=${required('http-port')}`,
  `--tcp_port=${required('tcp-port')}`,
  '--config-file=config.xml',
  '--log-level=information',
  `--query=${statements.join('; ')};`,
];

open({ library: LIBRARY, path: required('library') });
// In a thread of its own, so that this one still hears signals and the end of stdin.
await load({
  library: LIBRARY,
  funcName: 'query_stable_v2',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
  runInNewThread: true,
});
rmSync(stopFifo, { force: true });
// The call returns the same whether the statements ran or the server could not start; what it had to say is on stderr.
process.exit(stopping ? 0 : 1);
