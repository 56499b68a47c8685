/** Registers the locked schemas in a real registry, in order and under FULL_TRANSITIVE; whatever is there already stays. */
import { SUBJECT_VERSIONS, type SubjectVersion } from '@tributary/contracts';
import { askRegistry, numberIn, type RegistryAnswer, textIn } from './registry-requests.ts';

const COMPATIBILITY = 'FULL_TRANSITIVE';

export interface Registration {
  readonly subject: string;
  readonly version: number;
  readonly lockedId: number;
  /** What records must carry for readers of this registry. */
  readonly registryId: number;
  readonly outcome: 'registered' | 'already_there';
}

/**
 * Registers every version of every subject. Run again it changes nothing.
 * @throws Error when the registry refuses a schema, with its words. @throws DependencyFailure
 */
export async function registerSchemas(
  url: string,
  versions: readonly SubjectVersion[] = SUBJECT_VERSIONS,
): Promise<readonly Registration[]> {
  const registrations: Registration[] = [];
  for (const [subject, ofSubject] of Map.groupBy(versions, (version) => version.subject)) {
    await requireCompatibility(url, subject);
    // In order: a registry numbers versions by their arrival, and checks each against those before it.
    for (const version of ofSubject.toSorted((a, b) => a.version - b.version)) {
      registrations.push(await register(url, version));
    }
  }
  return registrations;
}

/** The id a registry has for a schema of a subject; null when it has none. @throws DependencyFailure */
export async function registeredId(url: string, version: SubjectVersion): Promise<number | null> {
  const path = `/subjects/${encodeURIComponent(version.subject)}`;
  const answer = await askRegistry(url, path, { method: 'POST', body: { schema: version.schema } });
  return answer.status === 200 ? numberIn(answer.body, 'id') : null;
}

async function register(url: string, version: SubjectVersion): Promise<Registration> {
  const { subject, version: number, id: lockedId } = version;
  const known = await registeredId(url, version);
  if (known !== null) {
    return { subject, version: number, lockedId, registryId: known, outcome: 'already_there' };
  }
  const path = `/subjects/${encodeURIComponent(subject)}/versions`;
  const answer = await askRegistry(url, path, { method: 'POST', body: { schema: version.schema } });
  const registryId = numberIn(answer.body, 'id');
  if (answer.status !== 200 || registryId === null) {
    throw new Error(`${subject} version ${number} is refused: ${wordsOf(answer)}`);
  }
  return { subject, version: number, lockedId, registryId, outcome: 'registered' };
}

/** Registries start with BACKWARD (Confluent) or NONE (Apicurio): either lets a producer break its readers. */
async function requireCompatibility(url: string, subject: string): Promise<void> {
  const path = `/config/${encodeURIComponent(subject)}`;
  const current = await askRegistry(url, path);
  if (current.status === 200 && textIn(current.body, 'compatibilityLevel') === COMPATIBILITY) return;
  const answer = await askRegistry(url, path, { method: 'PUT', body: { compatibility: COMPATIBILITY } });
  if (answer.status !== 200) {
    throw new Error(`${COMPATIBILITY} cannot be set for ${subject}: ${wordsOf(answer)}`);
  }
}

function wordsOf({ status, body }: RegistryAnswer): string {
  return `${status} ${textIn(body, 'message') ?? ''}`.trim();
}
