/** The hashes of a person's identifiers as platforms take them: made once at the edge, and sent as they are. */
import type { OutwardConversion, SubjectForm } from '@tributary/domain';

type Hashed = Pick<OutwardConversion, 'subjectHashes'>;

/** SHA-256 of one normal form, where we have it. */
export function subjectHash({ subjectHashes }: Hashed, form: SubjectForm): string | undefined {
  return subjectHashes[form];
}

/** The same as the only member of a list, for fields that take several. */
export function subjectHashList(conversion: Hashed, form: SubjectForm): readonly string[] | undefined {
  const hash = subjectHash(conversion, form);
  return hash === undefined ? undefined : [hash];
}
