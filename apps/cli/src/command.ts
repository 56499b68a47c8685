/** What every command of the command line is. */

export interface Command {
  /** What `--help` prints: one line on what it does, its options, what it reads from the environment. */
  readonly usage: string;
  /** @returns the exit code. @throws Error with a message for a person. */
  run(argv: readonly string[]): Promise<number>;
}
