/** Rows as events: every column of the schema, bytes by hex, money and instants without rounding. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs, eventRows, eventTexts } from './event-rows.ts';

describe('epochMs', () => {
  it.each([
    ['0.000', 0],
    ['1767323045.678', 1_767_323_045_678],
    ['1767323045.000', 1_767_323_045_000],
    ['1767323045', 1_767_323_045_000],
    ['1767323045.6', 1_767_323_045_600],
    ['1767323045.678901', 1_767_323_045_678],
    ['-1.500', -1_500],
    ['-0.500', -500],
    ['-2208988800.000', Date.UTC(1900, 0, 1)],
    ['7258118400.000', Date.UTC(2200, 0, 1)],
  ])('%s', (text, instant) => {
    expect(epochMs(text)).toBe(instant);
  });

  it('is exact to the millisecond on both sides of 1970', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 43), max: 2 ** 43 }), (instant) => {
        const digits = String(Math.abs(instant)).padStart(4, '0');
        const text = `${instant < 0 ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
        expect(epochMs(text)).toBe(instant);
      }),
    );
  });
});

describe('eventRows', () => {
  const { columns, toEvent } = eventRows('click.recorded.v1');
  const row = {
    clickId: '019b7c0a-1c88-7000-8000-000000000001',
    clickedAt: '1767323045.678',
    receivedAt: '-0.500',
    configurationVersion: '9007199254740991',
    subIds: { sub1: 'a' },
    adPlatformIds: [{ name: 'fbclid', value: 'x', firstSeenAt: '1767323045.001' }],
    ipCiphertext: '0001feff',
    costMicros: '-9200000000000000000',
    costCurrency: 'EUR',
    partnerId: null,
    isTest: true,
  };

  it('selects every column, bytes by hex', () => {
    expect(columns.split(', ')).toContain('hex(ipCiphertext) AS ipCiphertext');
    expect(columns.split(', ')).toContain('clickId');
  });

  it('converts by the schema', () => {
    expect(toEvent(row)).toMatchObject({
      clickId: row.clickId,
      clickedAt: 1_767_323_045_678,
      receivedAt: -500,
      configurationVersion: Number.MAX_SAFE_INTEGER,
      subIds: { sub1: 'a' },
      adPlatformIds: [{ name: 'fbclid', value: 'x', firstSeenAt: 1_767_323_045_001 }],
      ipCiphertext: Buffer.from([0, 1, 254, 255]),
      costMicros: -9_200_000_000_000_000_000n,
      partnerId: null,
      isTest: true,
    });
  });

  it('takes what the store does not have for null', () => {
    expect(toEvent({ ...row, ipCiphertext: null, costMicros: null })).toMatchObject({
      ipCiphertext: null,
      costMicros: null,
    });
    expect(toEvent(row).landingUrl).toBeNull();
  });

  it('selects and converts no more than what is needed', () => {
    const some = eventRows('click.recorded.v1', ['clickId', 'ipCiphertext']);
    expect(some.columns).toBe('clickId, hex(ipCiphertext) AS ipCiphertext');
    expect(some.toEvent(row)).toEqual({ clickId: row.clickId, ipCiphertext: Buffer.from([0, 1, 254, 255]) });
  });

  it('knows locked schemas only', () => {
    expect(() => eventRows('no.such.event' as 'click.recorded.v1')).toThrow('no schema is locked');
  });
});

describe('eventTexts', () => {
  const names = eventRows('click.recorded.v1')
    .columns.replaceAll(/hex\(\w+\) AS /g, '')
    .split(', ');
  const textOf = (cells: Readonly<Record<string, unknown>>) =>
    JSON.stringify(names.map((name) => cells[name] ?? null));

  it.each<[string, unknown, unknown]>([
    ['clickedAt', 1_767_323_045_678, 1_767_323_045_678],
    // A server may be set to put 64-bit numbers into quotes.
    ['clickedAt', '-500', -500],
    ['configurationVersion', '9007199254740991', Number.MAX_SAFE_INTEGER],
    ['costMicros', '-9223372036854775808', -(2n ** 63n)],
    ['costMicros', null, null],
    ['ipCiphertext', '0001FEFF', Buffer.from([0, 1, 254, 255])],
    ['ipCiphertext', '', Buffer.alloc(0)],
    ['subIds', { 'a.b': '\u0000"' }, { 'a.b': '\u0000"' }],
    [
      'adPlatformIds',
      [['fbclid', 'x', 1_767_323_045_001]],
      [{ name: 'fbclid', value: 'x', firstSeenAt: 1_767_323_045_001 }],
    ],
  ])('%s out of %j', (name, cell, expected) => {
    const event = eventTexts('click.recorded.v1')(textOf({ [name]: cell }));
    expect(event).toMatchObject({ [name]: expected });
    expect(Object.keys(event)).toEqual(names);
  });
});
