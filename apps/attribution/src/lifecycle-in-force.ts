/** Which advertisers ask for lifecycle signals, by which rules, and after which times their conversions may lead to one. */
import { type Configuration, lifecycleRulesAt, lifecycleRulesOf } from '@tributary/configuration';
import { lifecycle } from '@tributary/domain';

export class LifecycleInForce {
  readonly #configuration: Configuration;
  /** Advertisers with a setting in any version there ever was: nobody else is asked about. */
  #everConfigured: ReadonlySet<string> = new Set();
  #version = Number.NaN;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  /** Null: the advertiser asks for no signals. */
  rulesOf(advertiserId: string, now: number): lifecycle.LifecycleRulesAt | null {
    this.#followChanges();
    if (!this.#everConfigured.has(advertiserId)) return null;
    return lifecycleRulesAt(this.#configuration, advertiserId, now);
  }

  /** Whether any advertiser has ever asked. */
  get isEverAsked(): boolean {
    this.#followChanges();
    return this.#everConfigured.size > 0;
  }

  /** Those that ask for signals. */
  advertiserIds(now: number): readonly string[] {
    this.#followChanges();
    return [...this.#everConfigured].filter((id) => this.rulesOf(id, now) !== null);
  }

  /** By any rules that the advertisers ever had, each once: a conversion is judged by those of its time. */
  delays(advertiserIds: readonly string[]): readonly lifecycle.OccasionDelay[] {
    const delays = advertiserIds
      .flatMap((id) => this.#configuration.history('advertiser', id))
      .flatMap(({ entity }) =>
        entity?.lifecycle === undefined ? [] : lifecycle.delaysOf(lifecycleRulesOf(entity.lifecycle)),
      );
    return [...new Map(delays.map((delay) => [JSON.stringify(delay), delay])).values()];
  }

  #followChanges(): void {
    const { version } = this.#configuration;
    if (version === this.#version) return;
    this.#version = version;
    const ids = this.#configuration.ids('advertiser');
    this.#everConfigured = new Set(
      ids.filter((id) =>
        this.#configuration.history('advertiser', id).some(({ entity }) => entity?.lifecycle !== undefined),
      ),
    );
  }
}
