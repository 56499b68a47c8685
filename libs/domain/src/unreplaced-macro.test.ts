/** Which values are macros that the sender forgot to fill in. */
import { expect, it } from 'vitest';
import { processorMs } from './processor-time.fixture.ts';
import { isUnreplacedMacro } from './unreplaced-macro.ts';

it.each([
  ...['{click_id}', '{{click_id}}', '{$clickid}', `\${SUBID}`, '{sub1|default:x}', '{urlencode(sub)}'],
  ...['[CLICK_ID]', '[[[clickid]]]', '#s1#', '##SUB_ID_SHORT(action)##', '##ID##', '%subid1%'],
  ...['!!!click!!!', '<clickid>', '{{ctoken}}', '{extra:plan}', '{dynamicS2S}'],
])('%s says nothing', (value) => {
  expect(isUnreplacedMacro(value)).toBe(true);
});

it.each([
  ...['', 'abc', '{', '{}', '{{}}', '[]', '#', '##', '%%', '%20', '50%', '<>', '#1', '$5', '{a b}', '[1, 2]'],
  ...['a{click_id}', '{click_id}b', '{"a":1}', '<script>alert(1)</script>', '%41%42', '!!!', 'IwAR{x}'],
])('%j is a value', (value) => {
  expect(isUnreplacedMacro(value)).toBe(false);
});

it('is quick on what is long', () => {
  const taken = processorMs(() => {
    for (const part of ['{', '[', '#', '%', '{a(', '<a', '!!!a', 'a'])
      isUnreplacedMacro(part.repeat(200_000));
  });
  expect(taken).toBeLessThan(1_000);
});
