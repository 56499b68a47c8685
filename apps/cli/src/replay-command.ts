/** `npm run replay`: sends again what lies among the dead letters, after showing what that would mean. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { readSettings } from '@tributary/runtime';
import { askAtTerminal } from './ask-at-terminal.ts';
import type { Command } from './command.ts';
import { type ConsoleAccess, ConsoleClient } from './console-client.ts';

export interface ReplaySurroundings {
  access(): ConsoleAccess;
  print(line: string): void;
  /** Null where nobody can be asked. */
  confirm(question: string): Promise<boolean> | null;
}

interface Count {
  readonly class: string;
  readonly count: number;
}

interface Plan {
  readonly filter: object;
  readonly letters: number;
  readonly counts: readonly Count[];
  readonly examples: readonly { readonly class: string; readonly deadLetterIds: readonly string[] }[];
  readonly digest: string;
}

interface Run {
  readonly runId: string;
  readonly state: string;
  readonly filter: object;
  readonly accepts: readonly string[];
  readonly ratePerSecond: number;
  readonly planned: readonly Count[];
  readonly ordered: number;
  readonly passedOver: number;
  readonly orderedAt: string;
  readonly orderedBy: string;
  readonly stoppedBy: string | null;
  readonly outcomes?: readonly { readonly became: string; readonly deliveries: number }[];
}

const DONE = 0;
const NOT_ORDERED = 2;
/** A plan over all dead letters there may be is read through to its end. */
const PLAN_TIMEOUT_MS = 280_000;

const USAGE = `npm run replay -- [FILTER] [--accept RISK]... [--rate N] [--plan] [--yes]
npm run replay -- --runs | --run ID | --stop ID
  Sends deliveries again that were given up. Prints the plan first; orders it after a "y" at the terminal, or with --yes.
  FILTER  --destination ID  --reason CODE  --partner ID  --offer ID  --letter ID  --from TIME  --until TIME
  --accept  also what is would_double_count, changed_since or too_old; without it only what is safe
  --rate    most deliveries a second, 1 to 500; 50 without it
  --plan    only print the plan
  --yes     order without asking
  --runs    the last replays; --run ID  one of them, and what became of its deliveries; --stop ID  orders no more of it
  Exit code: 0 ordered, or nothing to order; 2 planned and not ordered; 1 failed.
  Reads CONSOLE_URL and CONSOLE_API_KEY (a key of role admin). docs/runbooks/replay-dead-letters.md explains the classes.`;

export function replayCommandIn({ access, print, confirm }: ReplaySurroundings): Command {
  return {
    usage: USAGE,
    run: async (argv) => {
      const { values, positionals } = parseArgs({
        args: [...argv],
        allowPositionals: true,
        options: {
          destination: { type: 'string' },
          reason: { type: 'string' },
          partner: { type: 'string' },
          offer: { type: 'string' },
          letter: { type: 'string' },
          from: { type: 'string' },
          until: { type: 'string' },
          accept: { type: 'string', multiple: true },
          rate: { type: 'string' },
          plan: { type: 'boolean' },
          yes: { type: 'boolean' },
          runs: { type: 'boolean' },
          run: { type: 'string' },
          stop: { type: 'string' },
        },
      });
      if (positionals.length > 0) throw new Error(USAGE);
      const client = new ConsoleClient(access());
      const tell = (run: Run) => {
        for (const line of runLines(run)) print(line);
      };
      if (values.runs) {
        const { items } = await client.call<{ items: readonly Run[] }>('GET', 'replays');
        items.forEach(tell);
        return DONE;
      }
      if (values.run !== undefined) {
        tell(await client.call<Run>('GET', `replays/${encodeURIComponent(values.run)}`));
        return DONE;
      }
      if (values.stop !== undefined) {
        tell(await client.call<Run>('POST', `replays/${encodeURIComponent(values.stop)}/stop`));
        return DONE;
      }
      const filter = definedOf({
        destinationId: values.destination,
        reasonCode: values.reason,
        partnerId: values.partner,
        offerId: values.offer,
        deadLetterId: values.letter,
        from: values.from,
        until: values.until,
      });
      const accepts = values.accept ?? [];
      const plan = await client.call<Plan>('POST', 'replays/plan', { filter }, PLAN_TIMEOUT_MS);
      for (const line of planLines(plan, accepts)) print(line);
      if (sendable(plan, accepts) === 0) return DONE;
      if (values.plan) return NOT_ORDERED;
      if (!values.yes && !(await confirm('Send them again? [y/N] '))) {
        print('nothing was ordered');
        return NOT_ORDERED;
      }
      const order = {
        filter: plan.filter,
        digest: plan.digest,
        accepts,
        ...(values.rate !== undefined && { ratePerSecond: Number(values.rate) }),
      };
      const { runId } = await client.call<Run>('POST', 'replays', order, PLAN_TIMEOUT_MS);
      print(`ordered: npm run replay -- --run ${runId} tells how it goes, --stop ${runId} stops it`);
      return DONE;
    },
  };
}

export const replayCommand: Command = replayCommandIn({
  access: () => {
    const { CONSOLE_URL: url, CONSOLE_API_KEY: apiKey } = readSettings(['CONSOLE_URL', 'CONSOLE_API_KEY']);
    return { url, apiKey };
  },
  print: (line) => console.log(line),
  confirm: (question) => (process.stdin.isTTY ? askAtTerminal(question) : null),
});

function definedOf(filter: Readonly<Record<string, string | undefined>>): object {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** At most: a dead letter under several risks is counted by the first and wants all of them named. */
function sendable({ counts }: Plan, accepts: readonly string[]): number {
  const chosen = counts.filter(({ class: name }) => name === 'safe' || accepts.includes(name));
  return chosen.reduce((sum, { count }) => sum + count, 0);
}

function planLines(plan: Plan, accepts: readonly string[]): readonly string[] {
  const lines = plan.counts.map(({ class: name, count }) => {
    const ids = plan.examples.find((each) => each.class === name)?.deadLetterIds ?? [];
    return `  ${String(count).padStart(9)}  ${name.padEnd(18)}  e.g. ${ids.slice(0, 2).join(', ')}`;
  });
  return [`${plan.letters} dead letters`, ...lines, `would be sent again: ${sendable(plan, accepts)}`];
}

function runLines(run: Run): readonly string[] {
  const { runId, state, filter, accepts, ratePerSecond, ordered, passedOver, outcomes = [] } = run;
  const end = run.stoppedBy === null ? '' : ` by ${run.stoppedBy}`;
  return [
    `${runId}  ${state}${end}  ordered ${run.orderedAt} by ${run.orderedBy}`,
    `  ${JSON.stringify(filter)}, ${ratePerSecond} a second${accepts.length === 0 ? '' : `, takes ${accepts.join(', ')}`}`,
    `  planned ${run.planned.map(({ class: name, count }) => `${count} ${name}`).join(', ')}`,
    `  ordered ${ordered}, passed over ${passedOver}`,
    ...outcomes.map(({ became, deliveries }) => `  ${String(deliveries).padStart(9)}  ${became}`),
  ];
}
