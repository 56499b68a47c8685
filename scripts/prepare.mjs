/** Installs and builds what is missing; plain JavaScript, because it runs on the machine's own Node before ours is installed. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const installedMarker = join(repository, 'node_modules/.tributary-lock');

/** The Node of our own package, in the version the project is built for. */
export const nodeProgram = join(repository, 'node_modules/.bin/node');

/** Installs when node_modules is not what the lock file says, then an incremental build. */
export async function prepare() {
  const isInstalled = existsSync(installedMarker) && readFileSync(installedMarker, 'utf8') === lockDigest();
  if (!isInstalled) {
    console.log('Installing packages (about 1 GB with the embedded ClickHouse; once)');
    // Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which are not to be had everywhere.
    run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error']);
    mkdirSync(dirname(installedMarker), { recursive: true });
    writeFileSync(installedMarker, lockDigest());
  }
  console.log('Building');
  const exitCode = await runNode([join(repository, 'node_modules/typescript/bin/tsc'), '-b']);
  if (exitCode !== 0) process.exit(exitCode);
}

/** Taken again after installing, which may complete the lock file for this platform. */
function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(repository, 'package-lock.json')))
    .digest('hex');
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: repository, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs a program on our Node with this terminal; signals reach it because it shares the process group. @returns its exit code. */
export function runNode(args, environment = {}) {
  const child = spawn(nodeProgram, args, {
    cwd: repository,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  // Ctrl-C reaches the child itself; this process only waits for it.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 128)));
  });
}
