/** Asks a person at the terminal. */
import process from 'node:process';
import { createInterface } from 'node:readline/promises';

/** Whether the answer is yes. */
export async function askAtTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(?:es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
