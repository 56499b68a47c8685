/** A lane as its replay needs it, read from ClickHouse: postbacks, revisions, what stood before, and the clicks of all of them. */
import type { ConversionDecided } from '@tributary/contracts';
import { attribution, isUuid } from '@tributary/domain';
import type { FactsStore, LanePart, ReattributionStore } from '@tributary/store';
import { conversionOf } from '../conversion-record.ts';
import { reportOf } from '../report-of-postback.ts';

export interface RecordedLaneStores {
  readonly store: Pick<ReattributionStore, 'postbacks' | 'revisions' | 'before' | 'counters'>;
  readonly facts: Pick<FactsStore, 'load'>;
}

export interface ReadLane {
  readonly recorded: attribution.RecordedLane;
  readonly counters: attribution.Counters;
  /** The latest record of each conversion, by id. */
  readonly live: ReadonlyMap<string, ConversionDecided>;
}

/** Of a lane everything is in memory at once, of several lanes one. @throws DependencyFailure */
export async function readLane({ store, facts }: RecordedLaneStores, part: LanePart): Promise<ReadLane> {
  const [records, earlier, counters] = await Promise.all([
    store.revisions(part),
    store.before(part),
    store.counters(part),
  ]);
  const before = earlier.map(conversionOf);
  const postbacks: attribution.RecordedPostback[] = [];
  const clicks = new Map<string, attribution.CandidateClick>();
  const learn = async (keys: attribution.Keys) => {
    for (const click of (await facts.load(keys)).clicks) clicks.set(click.clickId, click);
  };
  for await (const page of store.postbacks(part)) {
    const reports = page.map(({ postback, position }) => reportOf(postback, position));
    await learn(clickKeysOf(reports));
    for (const [index, report] of reports.entries())
      postbacks.push({ report, configurationVersion: page[index]?.postback.configurationVersion ?? 0 });
  }
  await learn(clickKeysOf(before.map((conversion) => ({ ...conversion, ...ofFacts(conversion) }))));
  const revisions = records.map(conversionOf);
  return {
    recorded: { lane: part.lane, before, postbacks, revisions, clicks: [...clicks.values()] },
    counters,
    live: new Map(records.map((record) => [record.conversionId, record])),
  };
}

type Named = Pick<attribution.Report, 'advertiserId' | 'isTest' | 'clickId' | 'customerId' | 'subjectHashes'>;

function ofFacts({ facts }: attribution.Conversion): Pick<Named, 'clickId' | 'customerId' | 'subjectHashes'> {
  const { subjectHashes } = attribution.detailsOf(facts.contributions);
  return { clickId: facts.clickId, customerId: facts.customerId, subjectHashes };
}

function clickKeysOf(all: readonly Named[]): attribution.Keys {
  return {
    ...attribution.NO_KEYS,
    click: new Set(
      all.flatMap(({ clickId }) => (clickId !== null && isUuid(clickId) ? [clickId.toLowerCase()] : [])),
    ),
    clicksOfCustomer: new Set(
      all.flatMap((each) =>
        each.customerId === null ? [] : [attribution.clickCustomerKey(each, each.customerId)],
      ),
    ),
    clicksOfSubject: new Set(all.flatMap((each) => attribution.clickSubjectKeys(each, each.subjectHashes))),
  };
}
