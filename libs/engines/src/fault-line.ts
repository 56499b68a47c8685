/** Picks out of a program's output the words that tell why it failed. */

const FAULT = /\b(?:ERROR|FATAL)\b|(?:Error|Exception):|^Exception|DB::Exception/;
const STACK_FRAME = /^(?:at |\d+\. )/;

/**
 * The first line that reports a fault, with the line after it unless that is a stack frame; without such a line, the
 * last one. The first, because what follows are its consequences and stack traces.
 */
export function faultLine(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const index = lines.findIndex((line) => FAULT.test(line));
  if (index === -1) return lines.at(-1) ?? '(it said nothing)';
  return lines
    .slice(index, index + 2)
    .filter((line) => !STACK_FRAME.test(line))
    .join(' | ');
}
