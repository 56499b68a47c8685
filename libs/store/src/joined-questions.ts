/** Joins questions to ClickHouse that wait at the same time into one: a look-up of many keys costs it little more than one of few. */

/** Questions under way at once: while ClickHouse answers one, what was found by another is worked on. */
const AT_ONCE = 2;

interface Asked<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export class JoinedQuestions<Question, Answer> {
  readonly #askTogether: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  #waiting: Asked<Question, Answer>[] = [];
  #underWay = 0;

  /** @param askTogether answers each question, in their order. */
  constructor(askTogether: (questions: readonly Question[]) => Promise<readonly Answer[]>) {
    this.#askTogether = askTogether;
  }

  /**
   * The answer is never older than the question: what has been asked of ClickHouse already is joined by nobody.
   * @throws what `askTogether` throws, for all whose questions were joined.
   */
  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      this.#ask();
    });
  }

  #ask(): void {
    if (this.#underWay >= AT_ONCE || this.#waiting.length === 0) return;
    this.#underWay += 1;
    const together = this.#waiting;
    this.#waiting = [];
    void this.#answer(together).finally(() => {
      this.#underWay -= 1;
      this.#ask();
    });
  }

  async #answer(together: readonly Asked<Question, Answer>[]): Promise<void> {
    try {
      const answers = await this.#askTogether(together.map(({ question }) => question));
      for (const [index, { resolve }] of together.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of together) reject(error);
    }
  }
}

/** Questions by id, whose answer is the rows of each: joined, every id is asked for once. */
export class JoinedLookup<Row> {
  readonly #questions: JoinedQuestions<readonly string[], readonly Row[]>;

  /** @param idOf the id that a row answers. */
  constructor(rowsOf: (ids: readonly string[]) => Promise<readonly Row[]>, idOf: (row: Row) => string) {
    this.#questions = new JoinedQuestions(async (questions) => {
      const [only] = questions;
      if (questions.length === 1 && only !== undefined) return [await rowsOf(only)];
      const found = Map.groupBy(await rowsOf([...new Set(questions.flat())]), idOf);
      return questions.map((ids) => [...new Set(ids)].flatMap((id) => found.get(id) ?? []));
    });
  }

  /** @throws DependencyFailure */
  rowsOf(ids: readonly string[]): Promise<readonly Row[]> {
    return this.#questions.ask(ids);
  }
}
