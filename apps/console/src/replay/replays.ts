/** Dead letters of deliveries, plans of their replay, and the runs that people have ordered. */
import { randomUUID } from 'node:crypto';
import { type EventProducer, outgoing } from '@tributary/bus';
import type { ReplayRecorded } from '@tributary/contracts';
import { isUuid, REPLAY_RISKS, replayClassOf } from '@tributary/domain';
import { type Clock, DependencyFailure } from '@tributary/runtime';
import type { DeadDeliveryStore, ReplayRun, ReplayStore } from '@tributary/store';
import type { Holder } from '../api-keys.ts';
import { attemptView } from '../explain/explanation.ts';
import { done, type Outcome, refuse } from '../refusal.ts';
import { isRecord, malformed, strangerAmong } from '../write-request.ts';
import type { AppraisedLetter, LetterAppraiser } from './appraised-letters.ts';
import { filterView, type LetterFilter, readFilter } from './letter-filter.ts';
import { planReplay } from './replay-plan.ts';
import type { ReplayRunner } from './replay-runner.ts';

export interface ReplaysOptions {
  readonly letters: Pick<DeadDeliveryStore, 'attemptsOf'>;
  readonly appraiser: LetterAppraiser;
  readonly runs: Pick<ReplayStore, 'run' | 'runs' | 'outcomesOf'>;
  readonly runner: Pick<ReplayRunner, 'forget'>;
  readonly producer: Pick<EventProducer, 'produce'>;
  readonly instanceId: string;
  readonly configurationVersion: () => number;
  readonly clock: Clock;
}

type Fields = Readonly<Record<string, unknown>>;

const LISTED = 50;
const MAX_LISTED = 200;
/** Of partners and offers ClickHouse does not know by dead letter, so a page may hold fewer than were asked for. */
const PAGES_LOOKED_AT = 10;
const STANDARD_RATE = 50;
/** New deliveries must not wait for old ones; on two cores a fan-out sends some 700 a second (`npm run bench:fan-out`). */
const MAX_RATE = 500;
const DIGEST = /^[0-9a-f]{64}$/;

export class Replays {
  readonly #options: ReplaysOptions;

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  list(query: Fields): Promise<Outcome<object>> {
    return whileStored(() => this.#list(query));
  }

  /** One dead letter with every attempt of its delivery. */
  one(deadLetterId: string, holder: Holder): Promise<Outcome<object>> {
    return whileStored(() => this.#one(deadLetterId, holder));
  }

  plan(body: unknown): Promise<Outcome<object>> {
    return whileStored(async () => {
      const filter = this.#filterIn(body, ['filter']);
      if (!filter.ok) return filter;
      const plan = await planReplay(this.#options.appraiser, filter.value);
      return plan.ok ? done({ filter: filterView(filter.value), ...plan.value }) : plan;
    });
  }

  /** Orders what a plan has shown, if it still is what the plan has shown. */
  order(body: unknown, actor: string): Promise<Outcome<object>> {
    return whileStored(() => this.#order(body, actor));
  }

  runs(): Promise<Outcome<object>> {
    return whileStored(async () => done({ items: (await this.#options.runs.runs()).map(runView) }));
  }

  run(runId: string): Promise<Outcome<object>> {
    return whileStored(async () => {
      const run = isUuid(runId) ? await this.#options.runs.run(runId) : undefined;
      if (run === undefined) return noSuchRun();
      const outcomes = await this.#options.runs.outcomesOf(runId);
      return done({ ...runView(run), outcomes });
    });
  }

  stop(runId: string, actor: string): Promise<Outcome<object>> {
    return whileStored(async () => {
      const run = isUuid(runId) ? await this.#options.runs.run(runId) : undefined;
      if (run === undefined) return noSuchRun();
      const { orderedAt, orderedBy, ...newest } = run;
      if (newest.step === 'stopped' || newest.step === 'completed') return done(runView(run));
      this.#options.runner.forget(runId);
      const stopped: ReplayRecorded = {
        ...newest,
        sequence: newest.sequence + 1,
        step: 'stopped',
        recordedAt: this.#options.clock.now(),
        actor,
        instanceId: this.#options.instanceId,
      };
      await this.#record(stopped);
      return done(runView({ ...stopped, orderedAt, orderedBy }));
    });
  }

  async #list({ afterId, limit, ...given }: Fields): Promise<Outcome<object>> {
    const filter = readFilter(given, this.#options.clock.now());
    if (!filter.ok) return filter;
    const most = limit === undefined ? LISTED : Number(limit);
    if (!Number.isInteger(most) || most < 1 || most > MAX_LISTED)
      return malformed('limit', `limit must be 1 to ${MAX_LISTED}`);
    if (afterId !== undefined && !(typeof afterId === 'string' && isUuid(afterId)))
      return malformed('afterId', 'afterId must be the nextAfterId of the page before');
    let last = afterId ?? null;
    const items: object[] = [];
    for (let page = 0; page < PAGES_LOOKED_AT && items.length < most; page += 1) {
      const found = await this.#options.appraiser.page(filter.value, last, most - items.length);
      items.push(...found.letters.map(letterView));
      last = found.lastId ?? last;
      if (found.isLast) return done({ items, nextAfterId: null });
    }
    return done({ items, nextAfterId: last });
  }

  async #one(deadLetterId: string, { role }: Holder): Promise<Outcome<object>> {
    const { appraiser, clock, letters } = this.#options;
    const filter = readFilter({ deadLetterId }, clock.now());
    if (!filter.ok) return noSuchLetter();
    const [found] = (await appraiser.page(filter.value, null, 1)).letters;
    if (found === undefined) return noSuchLetter();
    const { conversionId, deliveryId } = found.letter;
    const requests = await letters.attemptsOf(conversionId);
    const ended = new Set(requests.flatMap(({ phase, requestId }) => (phase === 'ended' ? [requestId] : [])));
    const attempts = requests
      .filter(({ phase, requestId }) => phase === 'ended' || !ended.has(requestId))
      .flatMap((request) =>
        request.deliveries
          .filter((delivery) => delivery.deliveryId === deliveryId)
          .map((delivery) => attemptView({ request, delivery }, role === 'admin')),
      );
    return done({ ...letterView(found), attempts });
  }

  #filterIn(body: unknown, fields: readonly string[]): Outcome<LetterFilter> {
    if (!isRecord(body)) return malformed('body', 'the body must be a JSON object');
    const stranger = strangerAmong(body, fields);
    if (stranger !== null) return stranger;
    const { filter = {} } = body;
    if (!isRecord(filter)) return malformed('filter', 'filter must be a JSON object');
    return readFilter(filter, this.#options.clock.now());
  }

  async #order(body: unknown, actor: string): Promise<Outcome<object>> {
    const filter = this.#filterIn(body, ['filter', 'digest', 'accepts', 'ratePerSecond']);
    if (!filter.ok) return filter;
    const { digest, accepts = [], ratePerSecond = STANDARD_RATE } = body as Fields;
    if (typeof digest !== 'string' || !DIGEST.test(digest))
      return malformed('digest', 'digest must be that of a plan: plan it first');
    if (!Array.isArray(accepts) || !accepts.every((risk) => REPLAY_RISKS.includes(risk)))
      return malformed('accepts', `accepts may name ${REPLAY_RISKS.join(', ')}`);
    if (!isRate(ratePerSecond)) return malformed('ratePerSecond', `ratePerSecond must be 1 to ${MAX_RATE}`);
    const plan = await planReplay(this.#options.appraiser, filter.value);
    if (!plan.ok) return plan;
    if (plan.value.digest !== digest)
      return refuse('plan_changed', 'it is not what the plan has shown any more: plan it again');
    const { until } = filter.value;
    const { until: _until, ...stated } = filterView(filter.value);
    const now = this.#options.clock.now();
    const ordered: ReplayRecorded = {
      runId: randomUUID(),
      sequence: 0,
      step: 'ordered',
      filter: JSON.stringify(stated),
      until,
      accepts: REPLAY_RISKS.filter((risk) => accepts.includes(risk)),
      planDigest: digest,
      planned: [...plan.value.counts],
      ratePerSecond,
      afterId: null,
      ordered: 0,
      passedOver: 0,
      recordedAt: now,
      actor,
      instanceId: this.#options.instanceId,
      configurationVersion: this.#options.configurationVersion(),
    };
    await this.#record(ordered);
    return done(runView({ ...ordered, orderedAt: now, orderedBy: actor }));
  }

  async #record(record: ReplayRecorded): Promise<void> {
    await this.#options.producer.produce([outgoing('replay.recorded.v1', record.runId, record)]);
  }
}

async function whileStored(work: () => Promise<Outcome<object>>): Promise<Outcome<object>> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DependencyFailure)) throw error;
    return error.code === 'kafka_unavailable'
      ? refuse('kafka_unavailable', 'nothing can be ordered now; try again')
      : refuse('clickhouse_unavailable', 'dead letters cannot be read now; try again');
  }
}

function isRate(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_RATE;
}

function letterView({ letter, appraisal, holding, newest }: AppraisedLetter): object {
  const { deadLetterId, deliveryId, conversionId, destinationId, attempt, reasonCode } = letter;
  return {
    deadLetterId,
    class: replayClassOf(appraisal),
    risks: appraisal.possible ? appraisal.risks : [],
    reasonCode,
    deadLetteredAt: new Date(letter.deadLetteredAt).toISOString(),
    deliveryId,
    conversionId,
    destinationId,
    attempt,
    outwardEvent: holding?.event ?? null,
    kind: holding?.deliveryId === deliveryId ? holding.kind : null,
    mayHaveArrived: holding?.deliveryId === deliveryId ? holding.mayHaveArrived : null,
    advertiserId: newest?.advertiserId ?? null,
    partnerId: newest?.partnerId ?? null,
    offerId: newest?.offerId ?? null,
    eventType: newest?.eventType ?? null,
    isTest: newest?.isTest ?? null,
  };
}

function runView(run: ReplayRun): object {
  const { runId, step, filter, until, accepts, planDigest, planned, ratePerSecond } = run;
  return {
    runId,
    state: step === 'ordered' || step === 'progressed' ? 'running' : step,
    filter: { ...(JSON.parse(filter) as object), until: new Date(until).toISOString() },
    accepts,
    digest: planDigest,
    planned,
    ratePerSecond,
    ordered: run.ordered,
    passedOver: run.passedOver,
    orderedAt: new Date(run.orderedAt).toISOString(),
    orderedBy: run.orderedBy,
    stoppedBy: step === 'stopped' ? run.actor : null,
    changedAt: new Date(run.recordedAt).toISOString(),
  };
}

function noSuchLetter() {
  return refuse('not_found', 'there is no dead letter of a delivery with this id');
}

function noSuchRun() {
  return refuse(
    'not_found',
    'there is no replay with this id; one ordered a moment ago shows within about a second',
  );
}
