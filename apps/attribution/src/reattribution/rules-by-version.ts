/** The rules in force by the configuration as it stood at any version: what was decided by one is decided again by that one. */
import type { Configuration } from '@tributary/configuration';
import type { attribution } from '@tributary/domain';
import { RulesInForce } from '../rules-in-force.ts';

/** A lane comes from one version to the next; each kept one is a list of the entities there were. */
const MAX_KEPT = 16;

/** @param configuration that does not move on. */
export function rulesByVersion(configuration: Configuration): attribution.RulesByVersion {
  const kept = new Map<number, RulesInForce>();
  return (configurationVersion) => {
    const version = Math.min(configurationVersion, configuration.version);
    const known = kept.get(version);
    if (known !== undefined) return known;
    const rules = new RulesInForce(configuration.asOf(version));
    kept.set(version, rules);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    return rules;
  };
}
