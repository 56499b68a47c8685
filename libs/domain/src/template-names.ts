/** The name that whoever wrote an unknown macro most likely meant. */

interface Names {
  readonly macros: readonly string[];
  readonly namespaces?: readonly string[];
}

/** What trackers and networks call the same thing; only names that are not near ours as letters go. */
const NAMES_ELSEWHERE: Readonly<Record<string, string>> = {
  affclickid: 'partner_click_id',
  affsub: 'sub1',
  amount: 'payout',
  cid: 'partner_click_id',
  clickid: 'click_id',
  cnvstatus: 'status',
  commission: 'payout',
  conversionstatus: 'status',
  eventtype: 'event',
  externalid: 'partner_click_id',
  goal: 'event',
  goalid: 'event',
  orderid: 'transaction_id',
  price: 'revenue',
  refid: 'partner_click_id',
  saleamount: 'revenue',
  subid: 'sub1',
  sum: 'payout',
  tid: 'transaction_id',
  time: 'occurred_at',
  timestamp: 'occurred_at',
  txid: 'transaction_id',
  txnid: 'transaction_id',
};

/** The known name nearest to what was written, a namespace as `extra:name`; null when none is near. */
export function nearestName(written: string, { macros, namespaces = [] }: Names): string | null {
  const plain = plainly(written);
  if (plain === '' || plain.length > 40) return null;
  const elsewhere = Object.hasOwn(NAMES_ELSEWHERE, plain) ? NAMES_ELSEWHERE[plain] : undefined;
  if (elsewhere !== undefined && macros.includes(elsewhere)) return elsewhere;
  const known = [...macros, ...namespaces.map((name) => `${name}:name`)];
  const ranked = known
    .map((name) => ({ name, distance: editDistance(plain, plainly(name.split(':', 1)[0] ?? '')) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(1, Math.floor(plain.length / 3)) ? best.name : null;
}

/** Every name for a sentence; the sub-ids as a range. */
export function knownNames({ macros, namespaces = [] }: Names): string {
  const plain = macros.filter((name) => !/^sub(?:[2-9]|1[0-9]|20)$/.test(name));
  const names = plain.map((name) => (name === 'sub1' && macros.includes('sub20') ? 'sub1 to sub20' : name));
  return [...names, ...namespaces.map((name) => `${name}:name`)].join(', ');
}

function plainly(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Insertions, deletions, replacements and swaps of neighbours that make one text the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
