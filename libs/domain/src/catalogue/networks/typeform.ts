/** Typeform: each answered form as JSON; our click id is a hidden field. */
import { CLICK_ID, type Network } from '../network.ts';

export const typeform: Network = {
  key: 'typeform',
  name: 'Typeform',
  kind: 'lead_form',
  source: 'https://developers.typeform.com/webhooks/example-payload/',
  confirmed: true,
  notes: ['Add click_id to the hidden fields of the form and to its link.'],
  inbound: {
    clickIdParameter: 'click_id=',
    calls: [
      {
        reports: 'an answered form',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'the example of the page, with our hidden field',
            json: {
              event_id: 'LtWXD3crgy',
              event_type: 'form_response',
              form_response: {
                form_id: 'lT4Z3j',
                token: 'a3a12ec67a1365927098a606107fac15',
                submitted_at: '2018-01-18T18:17:02Z',
                landed_at: '2018-01-18T18:07:02Z',
                calculated: { score: 9 },
                hidden: { user_id: 'abc123456', click_id: CLICK_ID },
              },
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'a3a12ec67a1365927098a606107fac15',
              productId: 'lT4Z3j',
              occurredAt: Date.UTC(2018, 0, 18, 18, 17, 2),
            },
          },
          {
            title: 'a form that was left half-way',
            json: { event_type: 'form_response_partial', form_response: { form_id: 'lT4Z3j' } },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['form_response.hidden.click_id'],
        transactionId: ['form_response.token'],
        productId: ['form_response.form_id'],
        occurredAt: ['form_response.submitted_at'],
      },
      eventTypes: { form_response: 'lead' },
      ignoredEventTypes: ['form_response_partial'],
    },
  },
};
