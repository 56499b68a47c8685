/** Recognises a value that still is a macro: the sender's template was not filled. */

/**
 * The grammars of the trackers, networks and ad platforms that send to us; the whole value must be one macro.
 *
 * | written                                             | not a macro                                   |
 * |-----------------------------------------------------|-----------------------------------------------|
 * | `{x}` `{{x}}` `{{ x }}` `{{a.b}}` `{$x}` `{a:b\|c}` | `{}`, `{a b}`, `a{b}`, a GUID in braces       |
 * | `{fn(x)}` `${X}` `${a.b[c]}`                        | `$5`                                          |
 * | `[x]` `[a:b c]` `[[[x]]]` `[%x%]`                   | `[]`, `[1,2]`, `[12:30]`                      |
 * | `#x#` `##x##` `##X(y)##` `%x%` `%%x%%` `$x$`        | `#`, `100%`                                   |
 * | `!!!x!!!` `<x>` `__X__`                             | `__proto__`: only capitals stand between `__` |
 *
 * No two repetitions can take the same character, so the time is linear in the length.
 */
const MACRO =
  /^(?:\{\$?[\w.:]+(?:\|[\w.:-]+)*\}|\{\{ ?\$?[\w.:]+ ?\}\}|\{\w+\([^(){}]*\)\}|\$\{[\w.:]+(?:\[\w+\][\w.:]*)*\}|\[\w+\]|\[[A-Za-z]\w*(?::[\w .-]+)+\]|\[\[\[[\w.:]+\]\]\]|\[%\w+%\]|#\w+#|##\w+(?:\(\w*\))?##|%\w+%|%%\w+%%|\$[A-Za-z]\w*\$|!!!\w+!!!|<\w+>|__[A-Z][A-Z0-9_]*__)$/;
const FIRST_SIGNS = '{$[#%!<_';

/** Whether a value is a macro that was never replaced, and therefore says nothing. */
export function isUnreplacedMacro(value: string): boolean {
  return FIRST_SIGNS.includes(value.charAt(0)) && MACRO.test(value);
}
