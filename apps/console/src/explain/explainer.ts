/** Explains a conversion: what the store has on record, put together with the rules that were in force. */
import type { ConfigurationFollower } from '@tributary/configuration';
import { DependencyFailure } from '@tributary/runtime';
import type { Holder } from '../api-keys.ts';
import { done, type Outcome, refuse } from '../refusal.ts';
import type { EvidenceReader } from './conversion-evidence.ts';
import { explanationOf } from './explanation.ts';
import { rulesBehind } from './rules-behind.ts';
import { settingsBehind } from './settings-behind.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class Explainer {
  readonly #evidence: EvidenceReader;
  readonly #follower: Pick<ConfigurationFollower, 'current'>;

  constructor(evidence: EvidenceReader, follower: Pick<ConfigurationFollower, 'current'>) {
    this.#evidence = evidence;
    this.#follower = follower;
  }

  async explain(conversionId: string, holder: Holder): Promise<Outcome<object>> {
    if (!UUID.test(conversionId)) return noSuchConversion();
    try {
      return await this.#explain(conversionId.toLowerCase(), holder);
    } catch (error) {
      if (!(error instanceof DependencyFailure)) throw error;
      return refuse('clickhouse_unavailable', 'conversions cannot be read now; try again');
    }
  }

  async #explain(conversionId: string, holder: Holder): Promise<Outcome<object>> {
    const evidence = await this.#evidence.evidenceOf(conversionId);
    if (evidence === null) return noSuchConversion();
    const latest = evidence.revisions.at(-1) ?? evidence.revisions[0];
    // A reversal is reckoned by what its original was paid by.
    const { current } = this.#follower;
    const rules = rulesBehind(current, evidence.original ?? latest);
    const changes = await this.#evidence.changesAt(rules.behind.map(({ version }) => version));
    return done(
      explanationOf(evidence, rules, changes, holder, (request, decided) =>
        settingsBehind(current, request, decided),
      ),
    );
  }
}

function noSuchConversion() {
  return refuse('not_found', 'there is no conversion with this id');
}
