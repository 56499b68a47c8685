/** Orders that do not depend on what arrived first. */

/** By code unit, which is the same on every machine; a locale is not. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Conversions in the order in which they happened; of one instant by id. */
export function compareOccurrence(
  a: { readonly occurredAt: number; readonly conversionId: string },
  b: { readonly occurredAt: number; readonly conversionId: string },
): number {
  return a.occurredAt - b.occurredAt || compareText(a.conversionId, b.conversionId);
}

/** Clicks, the latest first; of one millisecond the larger id, which is the later one of our UUIDv7. */
export function compareLatestClick(
  a: { readonly clickedAt: number; readonly clickId: string },
  b: { readonly clickedAt: number; readonly clickId: string },
): number {
  return b.clickedAt - a.clickedAt || compareText(b.clickId, a.clickId);
}

/** Whether two plain values say the same: records, arrays, bytes, bigints, maps and sets, by content. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return isSameList(a, b);
  if (a instanceof Uint8Array || b instanceof Uint8Array) return isSameBytes(a, b);
  if (a instanceof Map || a instanceof Set) return isSameCollection(a, b);
  return isSameRecord(a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>);
}

function isSameList(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((item, index) => isSame(item, b[index]));
}

function isSameBytes(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
}

function isSameCollection(a: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>, b: object): boolean {
  if (!(b instanceof Map || b instanceof Set) || a.size !== b.size) return false;
  return isSame([...a], [...b]);
}

function isSameRecord(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}
