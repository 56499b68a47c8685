/** The JSON schemas of dead letters and replays, for the OpenAPI document. */
import { REPLAY_CLASSES, REPLAY_RISKS } from '@tributary/domain';
import { attempt } from '../explain/explanation-schema.ts';
import { flag, instant, type Json, list, nullable, object, ref, text, whole } from '../json-schema.ts';
import { FILTER_FIELDS, FILTER_TEXTS } from './letter-filter.ts';

const maybeText = nullable(text);
const replayClass = { type: 'string', enum: [...REPLAY_CLASSES] };
const risks = list({ type: 'string', enum: [...REPLAY_RISKS] });
const counts = list(object({ class: replayClass, count: whole }));

const letter = {
  deadLetterId: text,
  class: replayClass,
  risks,
  reasonCode: text,
  deadLetteredAt: instant,
  deliveryId: text,
  conversionId: text,
  destinationId: text,
  attempt: whole,
  outwardEvent: maybeText,
  kind: maybeText,
  mayHaveArrived: nullable(flag),
  advertiserId: maybeText,
  partnerId: maybeText,
  offerId: maybeText,
  eventType: maybeText,
  isTest: nullable(flag),
};

const filter = object(
  { ...Object.fromEntries(FILTER_TEXTS.map((name) => [name, text])), from: instant, until: instant },
  FILTER_FIELDS,
);

const run = {
  runId: text,
  state: { type: 'string', enum: ['running', 'stopped', 'completed'] },
  filter: ref('LetterFilter'),
  accepts: risks,
  digest: text,
  planned: counts,
  ratePerSecond: whole,
  ordered: whole,
  passedOver: whole,
  orderedAt: instant,
  orderedBy: text,
  stoppedBy: maybeText,
  changedAt: instant,
};

export const REPLAY_SCHEMAS: Json = {
  LetterFilter: filter,
  DeadLetter: object(letter),
  DeadLetterList: object({ items: list(ref('DeadLetter')), nextAfterId: maybeText }),
  DeadLetterWithAttempts: object({ ...letter, attempts: list(attempt) }),
  ReplayWish: object({ filter: ref('LetterFilter') }, ['filter']),
  ReplayPlan: object({
    filter: ref('LetterFilter'),
    letters: whole,
    counts,
    examples: list(object({ class: replayClass, deadLetterIds: list(text) })),
    digest: text,
  }),
  ReplayOrder: object(
    {
      filter: ref('LetterFilter'),
      digest: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      accepts: risks,
      ratePerSecond: { type: 'integer', minimum: 1, maximum: 500 },
    },
    ['filter', 'accepts', 'ratePerSecond'],
  ),
  Replay: object(run),
  ReplayList: object({ items: list(ref('Replay')) }),
  ReplayWithOutcomes: object({ ...run, outcomes: list(object({ became: text, deliveries: whole })) }),
};
