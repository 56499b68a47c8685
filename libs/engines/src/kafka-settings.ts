/** The settings files of the embedded Kafka broker: one node, broker and controller in one, loopback only. */
import { LOOPBACK } from './free-port.ts';

export interface KafkaPorts {
  readonly port: number;
  readonly controllerPort: number;
}

/**
 * Paths relative to the broker's working directory: Kafka splits `log.dirs` at commas, Java reads these files as
 * Latin-1, and a home may lie under any name.
 */
export const KAFKA_DATA = 'data';
export const KAFKA_LOG = '../logs/kafka.log';

const TEN_YEARS_IN_MINUTES = 10 * 365 * 24 * 60;

/** Content of server.properties. */
export function serverProperties(ports: KafkaPorts): string {
  return properties({
    'process.roles': 'broker,controller',
    'node.id': '1',
    // Static voters: a dynamic quorum writes the controller's address into the data, and then a home would be
    // bound to the ports of its first start.
    'controller.quorum.voters': `1@${LOOPBACK}:${ports.controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://${LOOPBACK}:${ports.port},CONTROLLER://${LOOPBACK}:${ports.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${LOOPBACK}:${ports.port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': KAFKA_DATA,

    // A mistyped topic must fail, not come into being with one partition and a week of retention.
    'auto.create.topics.enable': 'false',
    'unclean.leader.election.enable': 'false',
    'default.replication.factor': '1',
    'min.insync.replicas': '1',

    // After a crash the controller refuses the broker's new incarnation until the old one's session has ended; with
    // the default of 9 s a restart takes 13 s.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',

    // Internal topics: one replica because there is one node, few partitions because each one is opened, and after
    // a crash recovered, at every start.
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '4',

    // A group on one machine need not wait for slower members to join.
    'group.initial.rebalance.delay.ms': '0',
    // The broker's own default, and exactly what the services ask for: what works here works on a cluster.
    'group.min.session.timeout.ms': '6000',
    // A developer may come back after a long holiday; expired offsets would replay every topic.
    'offsets.retention.minutes': String(TEN_YEARS_IN_MINUTES),
  });
}

/** Content of the logging configuration: at most 40 MB beside the data, nothing on the console. */
export function loggingProperties(): string {
  return properties({
    'log4j.rootLogger': 'INFO, file',
    'log4j.appender.file': 'org.apache.log4j.RollingFileAppender',
    'log4j.appender.file.File': KAFKA_LOG,
    'log4j.appender.file.MaxFileSize': '10MB',
    'log4j.appender.file.MaxBackupIndex': '3',
    'log4j.appender.file.layout': 'org.apache.log4j.PatternLayout',
    'log4j.appender.file.layout.ConversionPattern': '%d{ISO8601} %-5p %c{1}: %m%n',
    // One line per partition and state at every start.
    'log4j.logger.state.change.logger': 'WARN',
  });
}

function properties(entries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(entries).map(([key, value]) => `${key}=${value}`);
  return `${lines.join('\n')}\n`;
}
