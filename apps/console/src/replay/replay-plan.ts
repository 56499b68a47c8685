/** What a replay of the dead letters of a filter would do: how many are of which class, some examples, and a digest of all of it. */
import { createHash } from 'node:crypto';
import { REPLAY_CLASSES, type ReplayClass, replayClassOf } from '@tributary/domain';
import { done, type Outcome, refuse } from '../refusal.ts';
import type { AppraisedLetter, LetterAppraiser } from './appraised-letters.ts';
import { filterView, type LetterFilter } from './letter-filter.ts';

export interface ReplayPlan {
  /** Dead letters that the filter fits. */
  readonly letters: number;
  /** In the order of the classes, without those that have none. */
  readonly counts: readonly { readonly class: ReplayClass; readonly count: number }[];
  readonly examples: readonly { readonly class: ReplayClass; readonly deadLetterIds: readonly string[] }[];
  /**
   * SHA-256 hex of which dead letters can be sent again and at which risks: of two plans of one digest the same follows, save
   * what has become a risk by the passing of time alone. Time adds risks and takes none away, so it never has more sent. What
   * cannot be sent is no part of it, since it comes and goes by itself.
   */
  readonly digest: string;
}

const PAGE = 2_000;
const EXAMPLES = 5;
/** A larger one would keep a caller waiting for more than a minute; a filter by time makes it smaller. */
const MAX_LETTERS = 500_000;

/** @throws DependencyFailure */
export async function planReplay(
  appraiser: Pick<LetterAppraiser, 'page'>,
  filter: LetterFilter,
): Promise<Outcome<ReplayPlan>> {
  const tally = new Tally(filter);
  let afterId: string | null = null;
  for (let looked = 0; looked < MAX_LETTERS; looked += PAGE) {
    const page = await appraiser.page(filter, afterId, PAGE);
    for (const each of page.letters) tally.add(each);
    if (page.isLast) return done(tally.plan());
    afterId = page.lastId;
  }
  return refuse('replay_too_large', `a plan looks at ${MAX_LETTERS} dead letters: narrow it by time`, {
    field: 'filter',
  });
}

class Tally {
  readonly #byClass = new Map<ReplayClass, { count: number; examples: string[] }>();
  readonly #digest;

  constructor(filter: LetterFilter) {
    this.#digest = createHash('sha256').update(JSON.stringify(filterView(filter)));
  }

  add({ letter: { deadLetterId }, appraisal, appraisalThen }: AppraisedLetter): void {
    const name = replayClassOf(appraisal);
    const known = this.#byClass.get(name) ?? { count: 0, examples: [] };
    this.#byClass.set(name, known);
    known.count += 1;
    if (known.examples.length < EXAMPLES) known.examples.push(deadLetterId);
    if (appraisalThen.possible) this.#digest.update(`\n${deadLetterId} ${appraisalThen.risks.join(' ')}`);
  }

  plan(): ReplayPlan {
    const found = REPLAY_CLASSES.flatMap((name) => {
      const known = this.#byClass.get(name);
      return known === undefined ? [] : [{ class: name, ...known }];
    });
    return {
      letters: found.reduce((sum, { count }) => sum + count, 0),
      counts: found.map(({ class: name, count }) => ({ class: name, count })),
      examples: found.map(({ class: name, examples }) => ({ class: name, deadLetterIds: examples })),
      digest: this.#digest.digest('hex'),
    };
  }
}
