/** The platform's click id: by priority of names, the latest, and none that is too old or cannot be one. */
import { describe, expect, it } from 'vitest';
import { platformClickId } from './click-id.ts';
import { SAMPLE_NOW, sampleConversion } from './sample.ts';

const occurredAt = SAMPLE_NOW;

function clicked(...ids: readonly (readonly [name: string, value: string, ageMs: number])[]) {
  const { click } = sampleConversion();
  const adPlatformIds = ids.map(([name, value, ageMs]) => ({ name, value, firstSeenAt: occurredAt - ageMs }));
  return { occurredAt, click: click && { ...click, adPlatformIds } };
}

describe('platformClickId', () => {
  it.each([
    ['the name that comes first', clicked(['wbraid', 'w', 1], ['gclid', 'g', 5]), null, 'g'],
    ['the next name where the first has none', clicked(['wbraid', 'w', 1]), null, 'w'],
    ['the latest of a name', clicked(['gclid', 'old', 9], ['gclid', 'new', 2]), null, 'new'],
    ['as old as may be', clicked(['gclid', 'g', 10]), 10, 'g'],
    ['a younger one of the next name', clicked(['gclid', 'g', 11], ['wbraid', 'w', 1]), 10, 'w'],
    ['none too old', clicked(['gclid', 'g', 11]), 10, undefined],
    ['none that cannot be one', clicked(['gclid', 'a b', 1], ['wbraid', '', 1]), null, undefined],
    ['none of another platform', clicked(['fbclid', 'f', 1]), null, undefined],
    ['none without a click', { occurredAt, click: null }, null, undefined],
  ])('%s', (_what, conversion, maxAgeMs, value) => {
    expect(platformClickId(conversion, ['gclid', 'wbraid'], maxAgeMs)?.value).toBe(value);
  });

  it('keeps the case and the time it was first seen', () => {
    expect(platformClickId(clicked(['gclid', 'CaSe', 7]), ['gclid'])).toEqual({
      name: 'gclid',
      value: 'CaSe',
      firstSeenAt: occurredAt - 7,
    });
  });
});
