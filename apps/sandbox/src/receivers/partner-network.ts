/** A partner network's postback endpoint: takes whatever comes, says OK, and goes by the last value it was told of a conversion. */
import type { ReceivedCall } from '../received-calls.ts';
import type { Answer, ParameterNames, Receiver, SentValue } from './receiver.ts';

const CONTENT_TYPE = 'text/plain; charset=utf-8';
const OK: Answer = { accepted: true, status: 200, contentType: CONTENT_TYPE, body: 'OK' };

export const partnerNetwork: Receiver = {
  repeatWindowMs: Number.POSITIVE_INFINITY,
  judge: () => OK,
  failure: (status) => ({ accepted: false, status, contentType: CONTENT_TYPE, body: 'ERROR' }),
  outwardEvents: (call, names) => {
    const key = parameter(call, names.key) ?? wholeCall(call);
    const value = sentValue(call, names);
    return [{ key, identity: key, value, ...(value !== null && { restates: true }) }];
  },
};

function sentValue(call: ReceivedCall, names: ParameterNames): SentValue | null {
  const text = parameter(call, names.value);
  return text === null ? null : { text, currency: parameter(call, names.currency) ?? '' };
}

/** The first value that is not empty: an unfilled macro is the same as no parameter. */
function parameter(call: ReceivedCall, name: string): string | null {
  return call.query.find(([each, value]) => each === name && value !== '')?.[1] ?? null;
}

/** The body belongs to it, or all calls of a partner that is posted to would look like one. */
function wholeCall({ query, body }: ReceivedCall): string {
  const text = new URLSearchParams(query.map(([name, value]): [string, string] => [name, value])).toString();
  return body === '' ? text : `${text}\n${body}`;
}
