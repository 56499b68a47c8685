/** Joins questions to ClickHouse that wait at the same time into one: a look-up of many keys costs it little more than one of few. */

/** Questions under way at once: while ClickHouse answers one, what was found by another is worked on. */
const AT_ONCE = 2;

interface Asked<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** When the next question may be asked. */
interface Pace<Question> {
  /** From one question to the next at least, in milliseconds, unless enough have come: who comes meanwhile is joined. */
  readonly everyMs: number;
  readonly isEnough: (waiting: readonly Question[]) => boolean;
}

const UNPACED = { everyMs: 0, isEnough: () => true };

export class JoinedQuestions<Question, Answer> {
  readonly #askTogether: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  readonly #pace: Pace<Question>;
  #waiting: Asked<Question, Answer>[] = [];
  #underWay = 0;
  #isResting = false;

  /**
   * @param askTogether answers each question, in their order.
   * @param pace the first question of an idle time is asked at once, whatever it says.
   */
  constructor(
    askTogether: (questions: readonly Question[]) => Promise<readonly Answer[]>,
    pace: Pace<Question> = UNPACED,
  ) {
    this.#askTogether = askTogether;
    this.#pace = pace;
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
    if (this.#isResting && !this.#pace.isEnough(this.#waiting.map(({ question }) => question))) return;
    this.#underWay += 1;
    const together = this.#waiting;
    this.#waiting = [];
    this.#rest();
    void this.#answer(together).finally(() => {
      this.#underWay -= 1;
      this.#ask();
    });
  }

  #rest(): void {
    const { everyMs } = this.#pace;
    if (everyMs === 0 || this.#isResting) return;
    this.#isResting = true;
    setTimeout(() => {
      this.#isResting = false;
      this.#ask();
    }, everyMs);
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

/** Of so many the ids cost ClickHouse more than the question does. */
const MANY_IDS = 200;

/** Questions by id, whose answer is the rows of each: joined, every id is asked for once. */
export class JoinedLookup<Row> {
  readonly #questions: JoinedQuestions<readonly string[], readonly Row[]>;

  /**
   * @param idOf the id that a row answers.
   * @param everyMs from one question to the next at least, in milliseconds, unless many ids wait.
   */
  constructor(
    rowsOf: (ids: readonly string[]) => Promise<readonly Row[]>,
    idOf: (row: Row) => string,
    everyMs = 0,
  ) {
    const isEnough = (waiting: readonly (readonly string[])[]) => waiting.flat().length >= MANY_IDS;
    this.#questions = new JoinedQuestions(
      async (questions) => {
        const [only] = questions;
        if (questions.length === 1 && only !== undefined) return [await rowsOf(only)];
        const found = Map.groupBy(await rowsOf([...new Set(questions.flat())]), idOf);
        return questions.map((ids) => [...new Set(ids)].flatMap((id) => found.get(id) ?? []));
      },
      { everyMs, isEnough },
    );
  }

  /** @throws DependencyFailure */
  rowsOf(ids: readonly string[]): Promise<readonly Row[]> {
    return this.#questions.ask(ids);
  }
}
