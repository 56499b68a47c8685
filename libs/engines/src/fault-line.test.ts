/** The line that a person needs is found among traces, notices and what follows from the fault. */
import { describe, expect, it } from 'vitest';
import { faultLine } from './fault-line.ts';

describe('faultLine', () => {
  it.each([
    [
      'Kafka',
      '2026-01-01 INFO  Log: loaded\n2026-01-01 ERROR KafkaRaftServer: Exiting\norg.apache.kafka.KafkaException: port in use\n\tat kafka.Kafka.main(Kafka.scala:1)',
      '2026-01-01 ERROR KafkaRaftServer: Exiting | org.apache.kafka.KafkaException: port in use',
    ],
    [
      'ClickHouse',
      'Logging errors to a.log\nCode: 210. DB::Exception: Address already in use\n\n0. ? @ 0x00\n',
      'Code: 210. DB::Exception: Address already in use',
    ],
    [
      'Java',
      'Exception in thread "main" java.lang.RuntimeException: no directory\n\tat a.b.C.main(C.java:1)',
      'Exception in thread "main" java.lang.RuntimeException: no directory',
    ],
    ['a program that reports no fault', 'one\ntwo\n\n', 'two'],
    ['a silent program', '\n', '(it said nothing)'],
  ])('of %s', (_, output, line) => {
    expect(faultLine(output)).toBe(line);
  });
});
