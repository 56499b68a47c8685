/** Landing pages: the URL templates of campaigns, compiled once, and filled for one click. */
import type { Campaign } from '@tributary/configuration';
import {
  type CompiledTemplate,
  compileTemplate,
  isUnreplacedMacro,
  LANDING_PAGE_CATALOGUE,
  type LandingPageMacro,
} from '@tributary/domain';

interface Page {
  readonly template: CompiledTemplate<LandingPageMacro>;
  readonly placesClickId: boolean;
  /** Whether its own text is printable ASCII; what fills it always is, so a header can then hold the result as it is. */
  readonly isAscii: boolean;
}

const OF_CAMPAIGN: readonly LandingPageMacro[] = ['click_id', 'campaign_id', 'partner_id'];
/** Macros that are filled from the parameter of the same name. */
const FROM_PARAMETERS = LANDING_PAGE_CATALOGUE.macros.filter((name) => !OF_CAMPAIGN.includes(name));

export class LandingPages {
  readonly #pages = new Map<string, Page>();

  /**
   * The campaign's own page with its macros filled and the click id appended where no macro places it.
   * @param clickId null where no click is recorded; the page then gets none.
   */
  landingUrl(campaign: Campaign, clickId: string | null, parameters: ReadonlyMap<string, string>): string {
    const page = this.#page(campaign.landingUrl);
    const url = filled(page, campaign, clickId, parameters);
    if (clickId === null || page.placesClickId) return url;
    const withId = new URL(url);
    withId.searchParams.set('click_id', clickId);
    return withId.href;
  }

  /** Where the campaign sends people while it is paused; null when it does not say. The click id only where a macro asks for it. */
  fallbackUrl(
    campaign: Campaign,
    clickId: string | null,
    parameters: ReadonlyMap<string, string>,
  ): string | null {
    if (campaign.fallbackUrl === undefined) return null;
    return filled(this.#page(campaign.fallbackUrl), campaign, clickId, parameters);
  }

  #page(text: string): Page {
    const known = this.#pages.get(text);
    if (known !== undefined) return known;
    const compiled = compileTemplate(text, LANDING_PAGE_CATALOGUE);
    // Console compiles a landing page before it accepts it.
    if (!compiled.ok)
      throw new Error('a campaign in the configuration has a landing page that does not compile');
    const { template } = compiled;
    const page = {
      template,
      placesClickId: template.uses.some(({ name }) => name === 'click_id'),
      isAscii: /^[\x21-\x7e]*$/.test(text),
    };
    this.#pages.set(text, page);
    return page;
  }
}

function filled(
  { template, isAscii }: Page,
  campaign: Campaign,
  clickId: string | null,
  parameters: ReadonlyMap<string, string>,
): string {
  const values: Partial<Record<LandingPageMacro, string>> = {
    click_id: clickId ?? '',
    campaign_id: campaign.id,
    partner_id: campaign.partnerId ?? '',
  };
  for (const name of FROM_PARAMETERS) {
    const value = parameters.get(name);
    if (value !== undefined && !isUnreplacedMacro(value)) values[name] = value;
  }
  const url = template.render(values);
  return isAscii ? url : new URL(url).href;
}
