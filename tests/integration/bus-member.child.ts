/** A consuming process of its own for the tests of bus-processes.test.ts: says on its standard output what it handles. */
import process from 'node:process';
import { KafkaConnection, KafkaConsumerGroup, KafkaEventProducer } from '@tributary/bus';
import { crashOn, createLogger } from '@tributary/runtime';

const [brokers = '', groupId = '', mode = 'work'] = process.argv.slice(2);
const logger = createLogger('bus-member', 'fatal');
const connection = new KafkaConnection({ brokers: brokers.split(','), clientId: 'bus-member', logger });
const producer = new KafkaEventProducer({ connection });

const group = new KafkaConsumerGroup({
  connection,
  groupId,
  producer,
  handlerLimitMs: 2_000,
  assignment: { assigned: async (owned) => tell('owns', owned.map(({ partition }) => partition).join(',')) },
  handlers: new Map([
    [
      'attribution.commanded.v1',
      async ({ events, partition }) => {
        for (const { key } of events) tell('handled', `${partition} ${key}`);
        if (mode === 'hang') await new Promise(() => undefined);
        return events.length;
      },
    ],
  ]),
  onFatal: crashOn(logger),
});

function tell(what: string, detail: string): void {
  process.stdout.write(`${what} ${detail}\n`);
}

process.on('SIGTERM', () => {
  void group.stop().then(() => process.exit(0));
});
await group.start();
