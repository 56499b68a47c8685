import fc from 'fast-check';
import { it } from 'vitest';
import { HISTORIES, HISTORY_RULES } from '../histories.fixture.ts';
import { sameRules } from './changed-rules.ts';
import { AFTERWARDS, run } from './recorded-lane.fixture.ts';
import { replay } from './replay.ts';
import { scheduleOf, sightingsOf } from './schedule.ts';
it('x', () => {
  const out = fc.check(fc.property(HISTORIES, fc.integer(), (history, seed) => {
    const { recorded } = run(history, HISTORY_RULES, seed);
    return replay(recorded, sameRules(HISTORY_RULES), AFTERWARDS).otherwise === 0 && recorded.revisions.length === replay(recorded, sameRules(HISTORY_RULES), AFTERWARDS).asRecorded;
  }), { numRuns: 2700, seed: Number(process.env['S'] ?? 1555977446) });
  console.log(out.numRuns, out.failed);
  const [history, seed] = out.counterexample ?? [];
  if (!history) return;
  const { recorded } = run(history as never, HISTORY_RULES, seed as number);
  const show = (c: any) => `${c.conversionId.slice(0, 4)}r${c.revision} ${c.decidedAt.trigger}@${c.decidedAt.now} ${c.outcome.match} ${c.outcome.state} ${c.outcome.winner?.clickId.slice(-3)} cand=${c.outcome.candidates.map((x: any) => x.clickId.slice(-3) + x.outcome + (x.reasonCode??'')).join(',')} ${c.outcome.reasonCodes} orders=${JSON.stringify(c.orders.reasonCodes)} named=${c.outcome.namedClickId?.slice(-3)} passed=${JSON.stringify(c.passed)}`;
  console.log('clicks', recorded.clicks.map((c) => `${c.clickId.slice(-3)}@${c.receivedAt} ${c.offerId} cust=${c.customerId} ${JSON.stringify(c.subjectHashes)}`).join('\n'));
  for (const [i, s] of scheduleOf(recorded).entries())
    console.log(i, s.kind, s.now, s.position.offset, s.postback ? `${s.postback.report.eventType} click=${s.postback.report.clickId?.slice(-3)} cust=${s.postback.report.customerId} tx=${s.postback.report.transactionId} recv=${s.postback.report.receivedAt}` : '', '\n   ' + s.recorded.map(show).join('\n   '));
  console.log(sightingsOf(scheduleOf(recorded)));
  console.log('---- replayed');
  for (const c of replay(recorded, sameRules(HISTORY_RULES), AFTERWARDS).decided.values()) console.log(show(c));
});
