/** Runs a short-lived program to its end and returns what it said, whatever its exit code. */
import { execFile } from 'node:child_process';

export type CommandOutcome =
  | { readonly kind: 'missing' }
  | { readonly kind: 'ended'; readonly code: number; readonly output: string };

/**
 * Runs `command` without a shell. `missing` means that there is no such program on the PATH.
 * A program that exceeds `timeoutMs` is killed and counts as ended with code 1.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  cwd?: string,
): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    // Maven prints its stack traces to stdout; 16 MB is far above what either program prints here.
    const options = { cwd, timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024, encoding: 'utf8' } as const;
    execFile(command, [...args], options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      if (error === null) resolve({ kind: 'ended', code: 0, output });
      else if (error.code === 'ENOENT' || error.code === 'EACCES') resolve({ kind: 'missing' });
      else resolve({ kind: 'ended', code: typeof error.code === 'number' ? error.code : 1, output });
    });
  });
}
