/** A process that appends to a spool until it is killed, and says on its standard output what was acknowledged. */
import process from 'node:process';
import { outgoing } from '@tributary/bus';
import { aRefusal } from '@tributary/testing';
import { Spool } from './spool.ts';

const [folder = '', first = '0'] = process.argv.slice(2);
const WRITERS = 50;

const spool = Spool.open({ folder, maxBytes: 1 << 30 });
let next = Number(first);
process.stdout.write('open\n');

async function writer(): Promise<never> {
  for (;;) {
    const n = next++;
    await spool.append([outgoing('postback.refused.v1', `key-${n}`, aRefusal({ rawCall: String(n) }))]);
    process.stdout.write(`${n}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, writer));
