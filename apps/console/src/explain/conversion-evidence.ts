/** What explaining a conversion needs of the store. */
import type { ConversionEvidence, RecordedChange } from '@tributary/store';

export interface EvidenceReader {
  /** Null when there is no conversion with this id (a UUID). @throws DependencyFailure */
  evidenceOf(conversionId: string): Promise<ConversionEvidence | null>;
  /** The changes at these offsets of configuration.changed, as far as they are shown. @throws DependencyFailure */
  changesAt(versions: readonly number[]): Promise<readonly RecordedChange[]>;
}
