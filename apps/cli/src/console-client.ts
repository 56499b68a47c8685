/** The console API as the commands call it. */

/** Something other than a success; `problems` begin with the part of the request, and nothing repeats a value of it. */
export class ConsoleRefusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ConsoleRefusal';
    this.code = code;
  }
}

export interface ConsoleAccess {
  readonly url: string;
  readonly apiKey: string;
}

const TIMEOUT_MS = 30_000;

export class ConsoleClient {
  readonly #access: ConsoleAccess;

  constructor(access: ConsoleAccess) {
    this.#access = access;
  }

  /** @throws ConsoleRefusal, or Error when console does not answer. */
  async call<T>(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: object,
    timeoutMs = TIMEOUT_MS,
  ): Promise<T> {
    const { url, apiKey } = this.#access;
    const response = await fetch(new URL(`/api/v1/${path}`, url), {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A redirect would carry the key to wherever it says.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((cause: unknown) => {
      throw new Error(`console does not answer at ${new URL(url).host} (CONSOLE_URL)`, { cause });
    });
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) throw refusalOf(response.status, answer);
    return answer as T;
  }
}

/** A fault or a doubt of a document, as console tells it. */
export interface DocumentProblem {
  readonly path: string;
  readonly message: string;
  /** Of a fault within a text with a grammar of its own, and where in it. */
  readonly code?: string;
  readonly position?: number;
}

/** Where it is, what it is and where within the text, and what to do. */
export function problemLine({ path, message, code, position }: DocumentProblem): string {
  const what = code === undefined ? '' : `${code}${position === undefined ? '' : ` at ${position}`}: `;
  return `${path}: ${what}${message}`;
}

interface RefusalBody {
  readonly code?: string;
  readonly message?: string;
  readonly field?: string;
  readonly problems?: readonly DocumentProblem[];
}

function refusalOf(status: number, answer: unknown): ConsoleRefusal {
  const { code = `http_${status}`, message = '', field, problems = [] } = (answer ?? {}) as RefusalBody;
  const lines = problems.map((problem) => `\n  ${problemLine(problem)}`);
  return new ConsoleRefusal(
    code,
    `${code}: ${field === undefined ? '' : `${field}: `}${message}${lines.join('')}`,
  );
}
