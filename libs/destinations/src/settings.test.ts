/** Settings: what a secret may be, and that the walk finds every one of them. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventOverrides, mapSecrets, secret, secretsIn } from './settings.ts';

describe('secret', () => {
  it.each(['abcd', 'EAAB/+=&%"<\'>\\', '~'.repeat(4_096)])('takes %j', (text) => {
    expect(secret().safeParse(text).success).toBe(true);
  });

  it.each(['', 'abc', 'with space', 'tab\tinside', 'line\nbreak', 'ключ', '~'.repeat(4_097), 5])(
    'refuses %j',
    (value) => {
      expect(secret().safeParse(value).success).toBe(false);
    },
  );
});

describe('eventOverrides', () => {
  it('is empty where nothing is given and refuses empty names', () => {
    expect(eventOverrides().parse(undefined)).toEqual({});
    expect(eventOverrides().parse({ renewal: 'Purchase' })).toEqual({ renewal: 'Purchase' });
    expect(eventOverrides().safeParse({ renewal: '' }).success).toBe(false);
  });
});

describe('secretsIn', () => {
  const schema = z
    .strictObject({
      plain: z.string(),
      token: secret(),
      long: secret().min(20).optional(),
      nullable: secret().nullable(),
      byName: z.record(z.string(), secret()).default({}),
      list: z.array(z.object({ key: secret(), label: z.string() })),
      nested: z.object({ password: secret().default('pass-word') }),
      made: z.string().transform((text) => ({ text })),
    })
    .superRefine(() => {});
  const raw = {
    plain: 'shown',
    token: 'token-1',
    long: 'long-long-long-long-1',
    nullable: null,
    byName: { a: 'named-a', b: 'named-b' },
    list: [{ key: 'listed', label: 'shown' }],
    nested: { password: 'nested-1' },
    made: 'shown',
    unknown: 'shown',
  };
  const secrets = ['token-1', 'long-long-long-long-1', 'named-a', 'named-b', 'listed', 'nested-1'];

  it('finds the secrets in every kind of place, of raw and of parsed settings', () => {
    const { unknown: _unknown, ...valid } = raw;
    expect(secretsIn(schema, raw)).toEqual(secrets);
    expect(secretsIn(schema, schema.parse(valid))).toEqual(secrets);
  });

  it.each([null, undefined, 5, 'text', [], { token: 5, byName: 'x', list: {} }])(
    'finds none in %j',
    (value) => {
      expect(secretsIn(schema, value)).toEqual([]);
    },
  );

  it('replaces secrets and leaves the rest as it was', () => {
    expect(mapSecrets(schema, raw, () => '***')).toEqual({
      ...raw,
      token: '***',
      long: '***',
      byName: { a: '***', b: '***' },
      list: [{ key: '***', label: 'shown' }],
      nested: { password: '***' },
    });
    expect(raw.token).toBe('token-1');
  });
});
