/** Google's Data Manager as fan-out meets it: it accepts what it is sent, and says later what a test has it say. */
import type { aChange } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import type { OutwardRequest } from '@tributary/destinations';
import { aDecision } from '@tributary/testing';
import { answered, FanOutBed } from './fan-out-bed.fixture.ts';
import type { Exchange } from './sender.ts';

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
    if (pathname.endsWith('requestStatus:retrieve')) {
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
