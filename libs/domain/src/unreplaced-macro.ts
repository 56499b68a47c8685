/** Recognises a value that still is the macro of the sender's own template: the sender forgot to fill it in. */

/**
 * The ways senders write macros; each must be the whole value.
 *
 * | written                         | by                                                                        |
 * |---------------------------------|---------------------------------------------------------------------------|
 * | `{x}` `{{x}}` `{$x}` `${X}`     | most trackers, HilltopAds, PropellerAds; with `{fn(x)}` and `{ns:x\|mod}` |
 * | `[x]` `[[[x]]]`                 | RichAds, Adcash, PopAds                                                   |
 * | `#x#` `##x##`                   | Adsterra, with `##X(y)##`                                                 |
 * | `%x%`                           | Peerfly                                                                   |
 * | `!!!x!!!` `<x>`                 | affiliate networks                                                        |
 */
const UNREPLACED_MACRO =
  /^(?:\$?\{{1,2}\$?\w[\w:.|-]*(?:\([\w:.|-]*\))?\}{1,2}|\[{1,3}\w+\]{1,3}|#{1,2}\w+(?:\(\w*\))?#{1,2}|%\w+%|!{3}\w+!{3}|<\w+>)$/;

/** Whether a value is a macro that was never replaced, and therefore says nothing. */
export function isUnreplacedMacro(value: string): boolean {
  return UNREPLACED_MACRO.test(value);
}
