/** Google's Data Manager as fan-out meets it: it accepts what it is sent, and says later what a test has it say. */
import type { aChange } from '@tributary/configuration';
import type { ConversionDecided, DeliveryAttempted, DeliveryDue } from '@tributary/contracts';
import type { OutwardRequest } from '@tributary/destinations';
import { deterministicUuid } from '@tributary/domain';
import { aDecision } from '@tributary/testing';
import { answered, FanOutBed } from './fan-out-bed.fixture.ts';
import type { Exchange } from './sender.ts';

const STATUS_PATH = 'requestStatus:retrieve';

export const GOOGLE = {
  id: 'google',
  name: 'Google',
  definition: 'google-data-manager',
  status: 'active',
  settings: {
    customerId: '1234567890',
    events: { sale: '444555666' },
    clientId: 'the-client',
    clientSecret: 'the-client-secret',
    refreshToken: 'the-refresh-token',
  },
};

/** A sale that Google takes. */
export function aSale(changes: Partial<ConversionDecided> = {}): ConversionDecided {
  const decided = aDecision(changes);
  const adPlatformIds = [{ name: 'gclid', value: 'Cj0KCQ', firstSeenAt: decided.occurredAt - 3_600_000 }];
  return { ...decided, adPlatformIds };
}

export const SALE = aSale();

/** The sale's next revisions. */
export function revised(revision: number, changes: Partial<ConversionDecided> = {}): ConversionDecided {
  return { ...SALE, revision, decidedAt: SALE.decidedAt + revision, ...changes };
}

export const worth = (units: number) => ({ revenueMicros: BigInt(units) * 1_000_000n });

/** Sales beside it. */
export function otherSales(count: number): readonly ConversionDecided[] {
  return Array.from({ length: count }, (_, n) =>
    aSale({ conversionId: deterministicUuid('another_sale', String(n)) }),
  );
}

/** How each attempt ended, questions left out. */
export function endsIn(bed: FanOutBed): readonly (string | null)[] {
  return bed
    .attempted()
    .filter(({ phase, url }) => phase === 'ended' && !url.includes(STATUS_PATH))
    .flatMap(({ deliveries }) => deliveries.map(({ outcome, reasonCode }) => reasonCode ?? outcome));
}

export function questionsIn(bed: FanOutBed): readonly DeliveryAttempted[] {
  return bed.attempted().filter(({ url }) => url.includes(STATUS_PATH));
}

/** The first of that kind in the timer wheel. */
export function waitingIn(bed: FanOutBed, kind: string): DeliveryDue {
  const found = bed.waiting.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} waits`);
  return found;
}

/** @param reasons of the errors, each with how many events it dropped. */
export function said(requestStatus: string, reasons: Readonly<Record<string, number>> = {}): Exchange {
  const errorCounts = Object.entries(reasons).map(([reason, count]) => ({
    recordCount: String(count),
    reason: `PROCESSING_ERROR_REASON_${reason}`,
  }));
  return json(200, { requestStatusPerDestination: [{ requestStatus, errorInfo: { errorCounts } }] });
}

interface Ingested {
  readonly requestId: string;
  readonly events: readonly { readonly transactionId: string; readonly conversionValue?: number }[];
}

interface Asked {
  readonly requestId: string;
  readonly at: number;
  readonly token: string;
}

export class DataManager {
  readonly ingested: Ingested[] = [];
  readonly asked: Asked[] = [];
  /** What is said of a request, `r1` for the first that was accepted. */
  says: (requestId: string, nth: number) => Exchange | Promise<Exchange> = () => said('SUCCESS');
  /** What becomes of the nth request; null: it is accepted. */
  refuses: (nth: number) => Exchange | null = () => null;
  readonly #bed: FanOutBed;
  #sent = 0;
  #tokens = 0;

  constructor(bed: FanOutBed) {
    this.#bed = bed;
  }

  answer({ url, headers, body }: OutwardRequest): Exchange | Promise<Exchange> {
    const { pathname, searchParams } = new URL(url);
    if (pathname === '/token') {
      this.#tokens += 1;
      return json(200, { access_token: `token-${this.#tokens}`, expires_in: 3_600_000 });
    }
    const token = headers['authorization']?.replace('Bearer ', '') ?? '';
    if (pathname.endsWith(STATUS_PATH)) {
      const requestId = searchParams.get('requestId') ?? '';
      this.asked.push({ requestId, at: this.#bed.now, token });
      return this.says(requestId, this.asked.length);
    }
    this.#sent += 1;
    const refusal = this.refuses(this.#sent);
    if (refusal !== null) return refusal;
    const requestId = `r${this.ingested.length + 1}`;
    this.ingested.push({ requestId, events: JSON.parse(body ?? '').events });
    return json(200, { requestId });
  }

  /** The transaction ids of each request. */
  get transactions(): readonly (readonly string[])[] {
    return this.ingested.map(({ events }) => events.map(({ transactionId }) => transactionId));
  }
}

/** Fan-out with a subscription of everything to it. */
export async function bedWithGoogle(
  destination: Parameters<typeof aChange>[1] = GOOGLE,
): Promise<{ readonly bed: FanOutBed; readonly google: DataManager }> {
  const all = { id: 'all', destinationId: destination.id };
  const bed = await FanOutBed.start(['destination', destination], ['subscription', all]);
  const startedAt = performance.now();
  // What may share a request waits for company, which takes real time.
  bed.laneNow = () => bed.now + Math.round(performance.now() - startedAt);
  const google = new DataManager(bed);
  bed.exchange = (request) => google.answer(request);
  return { bed, google };
}

function json(status: number, body: object): Exchange {
  return answered(status, { 'content-type': 'application/json' }, JSON.stringify(body));
}
