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
  readonly #everyMs: number;
  #waiting: Asked<Question, Answer>[] = [];
  #underWay = 0;
  #isResting = false;

  /**
   * @param askTogether answers each question, in their order.
   * @param everyMs from one question to the next at least, in milliseconds: who comes meanwhile is joined. The first of an
   *   idle time is asked at once.
   */
  constructor(askTogether: (questions: readonly Question[]) => Promise<readonly Answer[]>, everyMs = 0) {
    this.#askTogether = askTogether;
    this.#everyMs = everyMs;
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
    if (this.#underWay >= AT_ONCE || this.#isResting || this.#waiting.length === 0) return;
    this.#underWay += 1;
    this.#rest();
    const together = this.#waiting;
    this.#waiting = [];
    void this.#answer(together).finally(() => {
      this.#underWay -= 1;
      this.#ask();
    });
  }

  #rest(): void {
    if (this.#everyMs === 0) return;
    this.#isResting = true;
    setTimeout(() => {
      this.#isResting = false;
      this.#ask();
    }, this.#everyMs);
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

  /**
   * @param idOf the id that a row answers.
   * @param everyMs from one question to the next at least, in milliseconds.
   */
  constructor(
    rowsOf: (ids: readonly string[]) => Promise<readonly Row[]>,
    idOf: (row: Row) => string,
    everyMs = 0,
  ) {
    this.#questions = new JoinedQuestions(async (questions) => {
      const [only] = questions;
      if (questions.length === 1 && only !== undefined) return [await rowsOf(only)];
      const found = Map.groupBy(await rowsOf([...new Set(questions.flat())]), idOf);
      return questions.map((ids) => [...new Set(ids)].flatMap((id) => found.get(id) ?? []));
    }, everyMs);
  }

  /** @throws DependencyFailure */
  rowsOf(ids: readonly string[]): Promise<readonly Row[]> {
    return this.#questions.ask(ids);
  }
}
