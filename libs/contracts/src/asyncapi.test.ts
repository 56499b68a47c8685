/** The AsyncAPI document: valid by the specification's own schema, and complete. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { TOPIC_NAMES, TOPICS } from './topics.ts';

const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as object;
const file = join(resolve(import.meta.dirname, '../../..'), 'docs/asyncapi.yaml');
const document = parse(readFileSync(file, 'utf8'));

/** What a `$ref` within the document points at. */
function target({ $ref }: { $ref: string }): unknown {
  const keys = $ref.replace('#/', '').split('/');
  return keys.reduce((value, key) => value?.[key.replaceAll('~1', '/')], document);
}

it('is valid AsyncAPI 3.0', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
  // The specification brings draft 7 along, under the name that ajv would give its own copy.
  addFormats.default(ajv);
  const validate = ajv.compile(specification);
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
});

it('has a channel for every topic, kept as the table says', () => {
  expect(Object.keys(document.channels)).toEqual(TOPIC_NAMES);
  for (const name of TOPIC_NAMES) {
    const { address, bindings } = document.channels[name];
    expect(address).toBe(name);
    expect(bindings.kafka.partitions).toBe(TOPICS[name].partitions);
    expect(bindings.kafka.topicConfiguration).toMatchObject({
      'cleanup.policy': [TOPICS[name].cleanupPolicy],
      'retention.ms': TOPICS[name].retentionMs,
    });
  }
});

it('has one sender for every topic and an operation for every reader', () => {
  const operations = Object.values<{ action: string; channel: { $ref: string }; tags: { name: string }[] }>(
    document.operations,
  );
  for (const name of TOPIC_NAMES) {
    const ofTopic = operations.filter(({ channel }) => channel.$ref === `#/channels/${name}`);
    const services = (action: string) =>
      ofTopic.filter((each) => each.action === action).map(({ tags }) => tags[0]?.name);
    expect(services('send')).toEqual([TOPICS[name].writer]);
    expect(services('receive')).toEqual(TOPICS[name].readers);
  }
});

it('leaves no reference dangling', () => {
  const references: { $ref: string }[] = [];
  JSON.stringify(document, (_key, value) => {
    if (typeof value === 'object' && value !== null && '$ref' in value) references.push(value);
    return value;
  });
  expect(references.length).toBeGreaterThan(TOPIC_NAMES.length);
  expect(references.filter((each) => target(each) === undefined)).toEqual([]);
});
