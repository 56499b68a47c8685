/** What the fold makes of a log: versions, voids, history, and that all readers agree. */
import type { ConfigurationChanged } from '@tributary/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aChange } from './a-change.ts';
import type { ConfiguredEntityType } from './entities.ts';
import { Configuration, type FoldResult } from './fold.ts';
import { resealId } from './reseal.ts';

const partner = (name: string, id = 'network') => ({ id, name });
const source = (more: object = {}) => ({ id: 'shop', advertiserId: 'acme', name: 'Shop', ...more });

function folded(...log: readonly (ConfigurationChanged | null)[]): Configuration {
  const configuration = new Configuration();
  for (const [offset, change] of log.entries()) configuration.apply(offset, change);
  return configuration;
}

function summary(result: FoldResult): string {
  return result.outcome === 'void' ? result.reason : result.outcome;
}

it('marks what only seals secrets anew, by its id; not a change that says the same', () => {
  const place = { entityType: 'partner', entityId: 'network', expectedVersion: 0 } as const;
  const configuration = folded(
    aChange('partner', partner('one')),
    aChange('partner', partner('one'), { expectedVersion: 0, changeId: resealId(place) }),
    aChange('partner', partner('one'), { expectedVersion: 1 }),
  );
  expect(configuration.history('partner', 'network').map(({ isReseal }) => isReseal)).toEqual([
    undefined,
    true,
    undefined,
  ]);
});

describe('an entity over its life', () => {
  const log = [
    aChange('partner', partner('one'), { recordedAt: 100 }),
    aChange('partner', partner('two'), { expectedVersion: 0, recordedAt: 200 }),
    aChange('partner', partner('two'), { operation: 'remove', expectedVersion: 1, recordedAt: 300 }),
    aChange('partner', partner('four'), { expectedVersion: 2, recordedAt: 400 }),
  ];

  it.each([
    [0, undefined, -1],
    [1, 'one', 0],
    [2, 'two', 1],
    [3, undefined, 2],
    [4, 'four', 3],
  ])('after %i changes', (count, name, version) => {
    const configuration = folded(...log.slice(0, count));

    expect(configuration.partner('network')?.name).toBe(name);
    expect(configuration.list('partner').map((each) => each.name)).toEqual(name === undefined ? [] : [name]);
    expect(configuration.entityVersion('partner', 'network')).toBe(version);
    expect(configuration.version).toBe(count - 1);
  });

  it.each([
    [99, undefined],
    [100, 'one'],
    [199, 'one'],
    [200, 'two'],
    [300, undefined],
    [399, undefined],
    [400, 'four'],
    [9_999, 'four'],
  ])('remembers what was in force at %i', (at, name) => {
    const configuration = folded(...log);

    expect(configuration.partner('network', at)?.name).toBe(name);
    expect(configuration.list('partner', at).map((each) => each.name)).toEqual(
      name === undefined ? [] : [name],
    );
  });

  it('keeps every applied change', () => {
    expect(folded(...log).history('partner', 'network')).toEqual([
      { version: 0, effectiveFrom: 100, entity: partner('one'), secrets: {} },
      { version: 1, effectiveFrom: 200, entity: partner('two'), secrets: {} },
      { version: 2, effectiveFrom: 300, entity: null, secrets: {} },
      { version: 3, effectiveFrom: 400, entity: partner('four'), secrets: {} },
    ]);
  });
});

describe('a change for later', () => {
  const now = aChange('partner', partner('now'), { recordedAt: 100 });
  const later = aChange('partner', partner('later'), {
    expectedVersion: 0,
    recordedAt: 200,
    effectiveFrom: 500,
  });

  it('is the newest document at once and in force from its time on', () => {
    const configuration = folded(now, later);

    expect(configuration.partner('network')?.name).toBe('later');
    expect(configuration.partner('network', 499)?.name).toBe('now');
    expect(configuration.partner('network', 500)?.name).toBe('later');
  });

  it('never comes into force when it was replaced before', () => {
    const replacing = aChange('partner', partner('replacing'), { expectedVersion: 1, recordedAt: 300 });
    const configuration = folded(now, later, replacing);

    expect([250, 300, 500, 900].map((at) => configuration.partner('network', at)?.name)).toEqual([
      'now',
      'replacing',
      'replacing',
      'replacing',
    ]);
  });
});

describe('void changes', () => {
  const base = aChange('source', source());
  const put = (document: { id: string }, overrides: Partial<ConfigurationChanged> = {}) =>
    aChange('source', document, { expectedVersion: 0, ...overrides });

  it.each<[string, ConfigurationChanged | null, string]>([
    ['an undecodable record', null, 'undecodable'],
    [
      'an entity type of a later issue',
      put(source(), { entityType: 'promotion' as ConfiguredEntityType }),
      'unknown_entity_type',
    ],
    ['a writer that saw nothing', put(source(), { expectedVersion: -1 }), 'version_conflict'],
    ['a writer that saw too much', put(source(), { expectedVersion: 7 }), 'version_conflict'],
    ['a change of the past', put(source(), { recordedAt: 2, effectiveFrom: 1 }), 'effective_before_recorded'],
    ['a document that is not JSON', put(source(), { document: '{' }), 'document_malformed'],
    ['a document that is not an object', put(source(), { document: 'null' }), 'document_malformed'],
    [
      "another entity's document",
      put(source(), { entityId: 'shop2', expectedVersion: -1 }),
      'document_malformed',
    ],
    ['another lane', put(source({ lane: 'other' })), 'lane_changed'],
    ['another lane by another advertiser', put(source({ advertiserId: 'other' })), 'lane_changed'],
    [
      'the removal of nothing',
      aChange('source', { id: 'ghost' }, { operation: 'remove' }),
      'nothing_to_remove',
    ],
  ])('%s: counts for the version and for nothing else', (_name, change, reason) => {
    const configuration = folded(base);

    const predicted = change === null ? null : configuration.check(change);
    const result = configuration.apply(1, change);

    expect(summary(result)).toBe(reason);
    if (predicted !== null) expect(predicted).toEqual(result);
    expect(configuration.version).toBe(1);
    expect(configuration.entityVersion('source', 'shop')).toBe(0);
    expect(configuration.list('source')).toEqual(folded(base).list('source'));
  });

  it('a removed source that comes back keeps its lane', () => {
    const removed = put(source(), { operation: 'remove' });
    const configuration = folded(base, removed);
    const again = { expectedVersion: 1 };

    expect(summary(configuration.check(aChange('source', source({ lane: 'other' }), again)))).toBe(
      'lane_changed',
    );
    expect(summary(configuration.check(aChange('source', source({ lane: 'acme' }), again)))).toBe('applied');
  });

  it('the advertiser of a source may change when its lane stays', () => {
    expect(summary(folded(base).check(put(source({ advertiserId: 'other', lane: 'acme' }))))).toBe('applied');
  });

  it('a removal of a removed entity is void', () => {
    const remove = put(source(), { operation: 'remove' });

    expect(summary(folded(base, remove).check({ ...remove, expectedVersion: 1 }))).toBe('nothing_to_remove');
  });

  it('a record handed over twice is folded once', () => {
    const configuration = folded(base);

    expect(summary(configuration.apply(0, put(source({ name: 'again' }))))).toBe('already_folded');
    expect(configuration.source('shop')?.name).toBe('Shop');
  });
});

describe('a document of a later release', () => {
  const now = aChange('partner', partner('now'), { recordedAt: 100 });
  const unreadable = aChange(
    'partner',
    { ...partner('later'), colour: 'red' },
    { expectedVersion: 0, recordedAt: 200 },
  );
  const next = aChange('partner', partner('next'), { expectedVersion: 1, recordedAt: 300 });

  it('leaves in force what was readable, and says what is wrong with it', () => {
    const configuration = folded(now);

    expect(configuration.apply(1, unreadable)).toEqual({
      outcome: 'unreadable',
      problems: [{ path: '', message: expect.any(String) }],
    });
    expect(configuration.partner('network')?.name).toBe('now');
    expect(configuration.partner('network', 250)?.name).toBe('now');
    expect(configuration.list('partner').map(({ name }) => name)).toEqual(['now']);
  });

  it('has its place in the chain: what is built on it counts, what is not is void', () => {
    expect(folded(now, unreadable).entityVersion('partner', 'network')).toBe(1);
    expect(folded(now, unreadable, next).partner('network')?.name).toBe('next');
    expect(summary(folded(now, unreadable).check({ ...next, expectedVersion: 0 }))).toBe('version_conflict');
  });

  it('can be removed, also when nothing of the entity was ever readable', () => {
    const first = { ...unreadable, expectedVersion: -1 };
    const removal = aChange('partner', partner('x'), { operation: 'remove', expectedVersion: 0 });

    expect(folded(first).partner('network')).toBeUndefined();
    expect(summary(folded(first).check(removal))).toBe('applied');
  });
});

describe('what is scheduled', () => {
  const change = (name: string, expectedVersion: number, effectiveFrom: number) =>
    aChange('partner', partner(name), { expectedVersion, effectiveFrom });
  const scheduled = (at: number, ...log: readonly ConfigurationChanged[]) =>
    folded(...log)
      .scheduled('partner', 'network', at)
      .map(({ entity }) => entity?.name);

  it('is every change still to come', () => {
    const log = [change('now', -1, 0), change('march', 0, 300), change('april', 1, 400)];
    expect(scheduled(299, ...log)).toEqual(['march', 'april']);
    expect(scheduled(300, ...log)).toEqual(['april']);
    expect(scheduled(400, ...log)).toEqual([]);
  });

  it('is no change that a later one forestalls', () => {
    expect(scheduled(0, change('may', -1, 500), change('april', 0, 400))).toEqual(['april']);
    expect(scheduled(0, change('may', -1, 500), change('at once', 0, 0))).toEqual([]);
  });

  it('is what comes into force, at its time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }), fc.nat(20), (instants, at) => {
        const configuration = folded(
          ...instants.map((instant, index) => change(`c${index}`, index - 1, instant)),
        );
        const later = configuration.scheduled('partner', 'network', at);
        for (const { effectiveFrom, version } of later)
          expect(configuration.revision('partner', 'network', effectiveFrom)?.version).toBe(version);
        const seen = Array.from({ length: 22 }, (_, instant) =>
          configuration.revision('partner', 'network', instant),
        );
        const after = new Set(seen.slice(at + 1).map((revision) => revision?.version));
        after.delete(seen[at]?.version);
        after.delete(undefined);
        expect(later.map(({ version }) => version)).toEqual([...after]);
      }),
    );
  });
});

it('a fork begins where it was made and goes a way of its own', () => {
  const configuration = folded(aChange('partner', partner('one')));
  const fork = configuration.fork();
  fork.apply(1, aChange('partner', partner('two'), { expectedVersion: 0 }));
  configuration.apply(1, aChange('partner', partner('other', 'other')));

  expect([fork.version, fork.partner('network')?.name, fork.partner('other')]).toEqual([1, 'two', undefined]);
  expect(configuration.partner('network')?.name).toBe('one');
});

it('as of a version it stands as it stood then, whatever came since', () => {
  const changes = [
    aChange('partner', partner('one')),
    aChange('partner', partner('two'), { expectedVersion: 0, effectiveFrom: 500 }),
    aChange('partner', partner('other', 'other')),
  ];
  const configuration = folded(...changes);
  for (const version of [0, 1, 2]) {
    const then = configuration.asOf(version);
    const expected = folded(...changes.slice(0, version + 1));
    expect(then.version).toBe(version);
    expect(then.list('partner')).toEqual(expected.list('partner'));
    expect(then.list('partner', 100)).toEqual(expected.list('partner', 100));
    expect(then.history('partner', 'network')).toEqual(expected.history('partner', 'network'));
  }
  expect(configuration.asOf(9)).toBe(configuration);
});

describe('secrets', () => {
  const destination = { id: 'capi', name: 'CAPI', definition: 'meta', status: 'active' };

  it('are those of the newest version', () => {
    const first = aChange('destination', destination, { secrets: { accessToken: Buffer.from([1]) } });
    const second = aChange('destination', destination, {
      expectedVersion: 0,
      secrets: { other: Buffer.from([2]) },
    });

    expect(folded(first).secretsOf('destination', 'capi')).toEqual({ accessToken: Buffer.from([1]) });
    expect(folded(first, second).secretsOf('destination', 'capi')).toEqual({ other: Buffer.from([2]) });
  });

  it('of a change for later are used when it comes into force', () => {
    const first = aChange('destination', destination, { secrets: { accessToken: Buffer.from([1]) } });
    const later = aChange('destination', destination, {
      expectedVersion: 0,
      effectiveFrom: 500,
      secrets: { accessToken: Buffer.from([2]) },
    });
    const configuration = folded(first, later);

    expect(configuration.secretsOf('destination', 'capi', 499)).toEqual({ accessToken: Buffer.from([1]) });
    expect(configuration.secretsOf('destination', 'capi', 500)).toEqual({ accessToken: Buffer.from([2]) });
  });

  it('go with the entity', () => {
    const first = aChange('destination', destination, { secrets: { accessToken: Buffer.from([1]) } });
    const removed = aChange('destination', destination, {
      ...first,
      operation: 'remove',
      expectedVersion: 0,
    });

    expect(folded(first, removed).secretsOf('destination', 'capi')).toEqual({});
    expect(folded().secretsOf('destination', 'capi')).toEqual({});
  });
});

it('lists entities by id, whatever the order of the log', () => {
  const configuration = folded(
    aChange('partner', partner('x', 'b')),
    aChange('partner', partner('x', 'a')),
    aChange('subscription', { id: 's', destinationId: 'capi' }),
  );

  expect(configuration.list('partner').map(({ id }) => id)).toEqual(['a', 'b']);
  expect(configuration.subscriptions()).toBe(configuration.subscriptions());
  expect(configuration.subscriptions().map(({ id }) => id)).toEqual(['s']);
});

describe('many writers', () => {
  /** A writer's name for its change, the entity it is about, and the version it had seen: often a wrong one. */
  const write = fc.record({
    id: fc.constantFrom('a', 'b'),
    expectedVersion: fc.integer({ min: -1, max: 5 }),
    operation: fc.constantFrom('put' as const, 'put' as const, 'remove' as const),
    isReadable: fc.boolean(),
    recordedAt: fc.nat(1_000),
    delayMs: fc.nat(1_000),
  });
  const writes = fc.array(write, { maxLength: 14 });
  type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;

  const changeOf = ({ id, isReadable, delayMs, ...overrides }: Write, index: number) =>
    aChange('partner', partner(`writer-${index}`, id), {
      ...overrides,
      effectiveFrom: overrides.recordedAt + delayMs,
      ...(isReadable ? {} : { document: '{"id":' }),
    });

  /** What a reader can see of a configuration. */
  const view = (configuration: Configuration) => ({
    version: configuration.version,
    list: configuration.list('partner'),
    inForce: [0, 500, 1_000, 2_000].map((at) => configuration.list('partner', at)),
    histories: ['a', 'b'].map((id) => configuration.history('partner', id)),
  });

  it('every reader that folds the same log agrees, also one that reads parts of it twice', () => {
    fc.assert(
      fc.property(writes, fc.nat(13), (given, from) => {
        const log = given.map(changeOf);
        const once = folded(...log);
        const twice = folded(...log);
        for (const [offset, change] of log.entries()) if (offset >= from) twice.apply(offset, change);

        expect(view(twice)).toEqual(view(once));
      }),
    );
  });

  it('a void change never shows: without it every reader sees the same', () => {
    fc.assert(
      fc.property(writes, (given) => {
        const log = given.map(changeOf);
        const all = new Configuration();
        const results = log.map((change, offset) => all.apply(offset, change));
        const clean = new Configuration();
        for (const [offset, change] of log.entries())
          clean.apply(offset, results[offset]?.outcome === 'applied' ? change : null);

        expect(view(clean)).toEqual(view(all));
      }),
    );
  });

  it('of writers that saw the same version exactly one wins, the first in the log', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 2 }), (writers) => {
        const configuration = folded(aChange('partner', partner('before')));
        const results = writers.map((writer, index) =>
          configuration.apply(index + 1, aChange('partner', partner(`w${writer}`), { expectedVersion: 0 })),
        );

        expect(results.map(({ outcome }) => outcome === 'applied')).toEqual(
          writers.map((_, index) => index === 0),
        );
        expect(configuration.partner('network')?.name).toBe(`w${writers[0]}`);
        expect(configuration.history('partner', 'network').map(({ version }) => version)).toEqual([0, 1]);
      }),
    );
  });

  it('each version of an entity is built on the one before it, in any order of the writers', () => {
    fc.assert(
      fc.property(writes, (given) => {
        const log = given.map(changeOf);
        const configuration = folded(...log);
        for (const id of ['a', 'b']) {
          const versions = configuration.history('partner', id).map(({ version }) => version);
          expect(versions.map((version) => log[version]?.expectedVersion)).toEqual(
            [-1, ...versions].slice(0, -1),
          );
        }
      }),
    );
  });
});
