/** Requests to a Confluent-compatible schema registry: bounded in time, and an outage told apart from an answer. */
import { DependencyFailure } from '@tributary/runtime';

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
/** Registries answer within milliseconds; a consumer waits for this one and tries again. */
const ANSWER_BOUND_MS = 3_000;
/** Answers that say nothing about what was asked: credentials, time, rate. */
const NOT_NOW = [401, 403, 408, 429];

export interface RegistryAnswer {
  readonly status: number;
  /** The body as JSON, or undefined where it is none: a proxy's page. */
  readonly body: unknown;
}

/** Asks the registry. 5xx, no answer in time, refused credentials and too many questions are outages. @throws DependencyFailure */
export async function askRegistry(
  url: string,
  path: string,
  request: { readonly method: 'GET' | 'POST' | 'PUT'; readonly body?: object } = { method: 'GET' },
): Promise<RegistryAnswer> {
  const { address, headers } = addressed(url, path);
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, {
      method: request.method,
      headers: { accept: `${MEDIA_TYPE}, application/json`, 'content-type': MEDIA_TYPE, ...headers },
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_BOUND_MS),
      ...(request.body && { body: JSON.stringify(request.body) }),
    });
    text = await response.text();
  } catch (error) {
    throw new DependencyFailure('schema_registry_unavailable', 'the schema registry does not answer', {
      cause: error,
    });
  }
  const { status } = response;
  if (status >= 500 || NOT_NOW.includes(status)) {
    throw new DependencyFailure('schema_registry_unavailable', `the schema registry answers ${status}`);
  }
  return { status, body: parsed(text) };
}

/** A text attribute of an answer's body, or null. */
export function textIn(body: unknown, name: string): string | null {
  const value = attribute(body, name);
  return typeof value === 'string' ? value : null;
}

/** A number attribute of an answer's body, or null. */
export function numberIn(body: unknown, name: string): number | null {
  const value = attribute(body, name);
  return typeof value === 'number' ? value : null;
}

/** Credentials in the address become a header: fetch refuses them in a URL, and URLs end up in error messages. */
function addressed(
  url: string,
  path: string,
): { readonly address: string; readonly headers: Readonly<Record<string, string>> } {
  const address = new URL(`${url.replace(/\/+$/, '')}${path}`);
  const { username, password } = address;
  address.username = '';
  address.password = '';
  if (username === '') return { address: address.href, headers: {} };
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    address: address.href,
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
  };
}

function attribute(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
