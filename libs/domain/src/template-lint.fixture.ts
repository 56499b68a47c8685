/** Templates that are broken on purpose, and exactly what is to be found in each. */
import type { TemplateLintCode, TemplatePreset } from './template-lint.ts';

/** A finding as the tables name it: what it is, where, and the text it points at. */
export type Seen = readonly [code: TemplateLintCode, severity: 'E' | 'W', position: number, text: string];

export const OK = 'c={partner_click_id}';
export const NO_ID = 'https://p.example/pb?tx={transaction_id}';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x';

export const CENTS: TemplatePreset = {
  name: 'Cents Network',
  urlTemplate: 'https://cents.example/pb?c={partner_click_id}&sum={payout|cents}',
  isConfirmed: true,
  fillIn: [],
};

/** Each broken in one way. */
export const BROKEN: readonly (readonly [string, ...Seen[]])[] = [
  [`https://p.example/pb?x={clickid}&${OK}`, ['unknown_macro', 'E', 23, '{clickid}']],
  [`https://p.example/pb?${OK}&e={extras:plan}`, ['unknown_macro', 'E', 44, '{extras:plan}']],
  [`https://p.example/pb?${OK}&s={sub21}`, ['unknown_macro', 'E', 44, '{sub21}']],
  [NO_ID, ['click_id_missing', 'E', 0, NO_ID]],
  [`https://p.example/pb?${OK}&d=%7Bclick_id%7D`, ['double_encoding', 'E', 44, '%7Bclick_id%7D']],
  [`https://p.example/pb?${OK}&d=%7b%7bsub1%7d%7d`, ['double_encoding', 'E', 44, '%7b%7bsub1%7d%7d']],
  [
    `https://p.example/pb?${OK}&u=https%3A%2F%2Fx.example%3Fc%3D%257Bclick_id%257D`,
    ['double_encoding', 'E', 74, '%257Bclick_id%257D'],
  ],
  [`https://p.example/pb?${OK}&n=a%2520b`, ['double_encoding', 'W', 45, '%2520']],
  [`https://p.example/pb?${OK}&s={sub1|encoded:2}`, ['double_encoding', 'W', 44, '{sub1|encoded:2}']],
  [
    `https://p.example/pb?${OK}&u=https%3A%2F%2Fx.example%3Fs%3D{sub1}`,
    ['encoding_missing', 'W', 74, '{sub1}'],
  ],
  [
    'https://evadav.com/phpb?click_id={partner_click_id}&payout={payout|cents}',
    // Of a row that nobody has confirmed, so it may be the row that is wrong.
    ['wrong_unit', 'W', 59, '{payout|cents}'],
  ],
  [
    'https://a.mgid.com/postback?c={partner_click_id}&e={event}&r={payout|cents}',
    ['wrong_unit', 'E', 61, '{payout|cents}'],
  ],
  [`http://p.example/pb?${OK}`, ['not_https', 'W', 0, 'http']],
  [`https://p.example/pb?${OK}&token=abcd1234`, ['secret_in_url', 'E', 48, 'abcd1234']],
  [`https://p.example/pb?${OK}&API-Key=k3y5`, ['secret_in_url', 'E', 50, 'k3y5']],
  [`https://p.example/pb?${OK}&x_api_key=abcdef`, ['secret_in_url', 'E', 52, 'abcdef']],
  [`https://p.example/pb?${OK}&token=abcd{sub1}`, ['secret_in_url', 'E', 48, 'abcd{sub1}']],
  [
    `https://p.example/sk_live_abcdefghijklmnop/pb?${OK}`,
    ['secret_in_url', 'E', 18, 'sk_live_abcdefghijklmnop'],
  ],
  [`https://p.example/pb?${OK}&k={secret:key|md5}`, ['modifier_not_applicable', 'E', 56, 'md5']],
  [`https://p.example/pb?${OK}&security_token=x1y2`, ['secret_in_url', 'E', 57, 'x1y2']],
  [`https://p.example/pb?${OK}&v=${JWT}`, ['secret_in_url', 'E', 44, JWT]],
  [`https://user:pw@p.example/pb?${OK}`, ['credentials_in_url', 'E', 8, 'user:pw@']],
  [`https://{sub1}.example/pb?${OK}`, ['macro_in_authority', 'E', 8, '{sub1}']],
  [
    `{sub1}://p.example/pb?${OK}`,
    ['macro_in_authority', 'E', 0, '{sub1}'],
    ['not_an_http_url', 'E', 0, `{sub1}://p.example/pb?${OK}`],
  ],
  [`https://p.example:{sub1}/pb?${OK}`, ['macro_in_authority', 'E', 18, '{sub1}']],
  [
    `https://{sub1}@p.example/pb?${OK}`,
    ['macro_in_authority', 'E', 8, '{sub1}'],
    ['credentials_in_url', 'E', 8, '{sub1}@'],
  ],
  [`https://p.example/pb?${OK}&s={sub1`, ['unclosed_macro', 'E', 44, '{sub1']],
  [`https://p.example/pb?${OK}&s={{sub1}`, ['unclosed_macro', 'E', 44, '{{sub1}']],
  [`https://p.example/pb?${OK}&s=sub1}`, ['unbalanced_brace', 'E', 48, '}']],
  [`https://p.example/pb?${OK}&s={sub1}}`, ['unbalanced_brace', 'E', 50, '}']],
  [`https://p.example/pb?${OK}&c=1`, ['duplicate_parameter', 'W', 42, 'c']],
  [`https://p.example/pb?${OK}&e={event|cents}`, ['modifier_not_applicable', 'E', 51, 'cents']],
  [`https://p.example/pb?${OK}&p={payout|sha256}`, ['modifier_not_applicable', 'E', 52, 'sha256']],
  [`https://p.example/pb?${OK}&p={payout|dollars}`, ['unknown_modifier', 'E', 52, 'dollars']],
  [`https://p.example/pb?${OK}&p={payout|cents|units}`, ['modifiers_conflict', 'E', 58, 'units']],
  [`https://p.example/pb?${OK}&s={sub1|default}`, ['modifier_argument_invalid', 'E', 50, 'default']],
  [`https://p.example/pb?${OK}&s={sub1|default:}`, ['default_empty', 'W', 50, 'default:']],
  [`https://p.example/pb?${OK}&s={sub1|default:none`, ['unclosed_macro', 'E', 44, '{sub1|default:none']],
  [`https://p.example/pb?${OK}#top`, ['fragment_never_sent', 'W', 41, '#top']],
  [`https://p.example/pb?${OK}#s={sub1}`, ['fragment_never_sent', 'E', 41, '#s={sub1}']],
  [`https://p.example/pb?${OK}&a=b\r\nX: y`, ['forbidden_character', 'E', 45, '\r']],
  [`https://p.example/pb?${OK}&a=b\n`, ['forbidden_character', 'E', 45, '\n']],
  [`https://p.example/p b?${OK}`, ['forbidden_character', 'E', 19, ' ']],
  [`https://p.example/../.{sub1}?${OK}`, ['macro_beside_dots', 'E', 22, '{sub1}']],
  [`https://p.example/pb?${OK}&x=[click_id]`, ['foreign_macro', 'E', 44, '[click_id]']],
  [`https://p.example/pb?${OK}&x=!!!clickRef!!!`, ['foreign_macro', 'E', 44, '!!!clickRef!!!']],
  [`https://p.example/pb?${OK}&x=$\{click_id}`, ['foreign_macro', 'E', 44, `$\{click_id}`]],
  [
    `https://p.example/pb?${OK}&x=#s2#`,
    ['foreign_macro', 'E', 44, '#s2#'],
    ['fragment_never_sent', 'W', 44, '#s2#'],
  ],
  [`https://p.example/[click_id]/pb?${OK}`, ['foreign_macro', 'E', 18, '[click_id]']],
  [`https:///{sub1}/pb?${OK}`, ['not_an_http_url', 'E', 0, 'https://']],
  [`https:///user:pw@p.example/pb?${OK}`, ['not_an_http_url', 'E', 0, 'https://']],
  [
    'https://acme.example/p.ashx?e=EVENT&r={partner_click_id}&t={transaction_id}&p={revenue|cents}',
    ['not_filled_in', 'W', 30, 'EVENT'],
    ['wrong_unit', 'E', 78, '{revenue|cents}'],
  ],
  ['/pb?c={partner_click_id}', ['not_an_http_url', 'E', 0, '/pb?c={partner_click_id}']],
  ['https://DOMAIN/cf/cv?click_id={partner_click_id}&payout={payout}', ['not_filled_in', 'W', 8, 'DOMAIN']],
  [`https://p.example/${'a'.repeat(8_200)}`, ['too_long', 'E', 8_192, 'a'.repeat(26)]],
];

/** Each broken in several ways at once, so that no fault hides another. */
export const COMBINED: readonly (readonly [string, ...Seen[]])[] = [
  [
    'http://{sub1}.example/pb?c={click_id&p={payout|cents|units}&c={clikc_id}&token=abcd1234#x',
    ['not_https', 'W', 0, 'http'],
    ['macro_in_authority', 'E', 7, '{sub1}'],
    ['unbalanced_brace', 'E', 39, '{'],
    ['modifiers_conflict', 'E', 53, 'units'],
    ['duplicate_parameter', 'W', 60, 'c'],
    ['unknown_macro', 'E', 62, '{clikc_id}'],
    ['secret_in_url', 'E', 79, 'abcd1234'],
    ['fragment_never_sent', 'W', 87, '#x'],
  ],
  [
    'https://p.example/pb?tx={txid}&d=%7Bpayout%7D&t={occurred_at|decimals:2}&s=sub1}&k=a%2520b',
    [
      'click_id_missing',
      'E',
      0,
      'https://p.example/pb?tx={txid}&d=%7Bpayout%7D&t={occurred_at|decimals:2}&s=sub1}&k=a%2520b',
    ],
    ['unknown_macro', 'E', 24, '{txid}'],
    ['double_encoding', 'E', 33, '%7Bpayout%7D'],
    ['modifier_not_applicable', 'E', 61, 'decimals:2'],
    ['unbalanced_brace', 'E', 79, '}'],
    ['double_encoding', 'W', 84, '%2520'],
  ],
  [
    'http://a.mgid.com/postback?c={partner_click_id}&e={event|default:}&r={payout|cents}&e=x y&key=hunter22',
    ['not_https', 'W', 0, 'http'],
    ['default_empty', 'W', 57, 'default:'],
    ['wrong_unit', 'E', 69, '{payout|cents}'],
    ['duplicate_parameter', 'W', 84, 'e'],
    ['forbidden_character', 'E', 87, ' '],
    ['secret_in_url', 'E', 94, 'hunter22'],
  ],
  [
    'https://{sub1}:{sub2}@p.example:{sub3}/.{sub4}/?{{sub5}&x={{sub6}}&y={sub7',
    ['macro_in_authority', 'E', 8, '{sub1}'],
    ['credentials_in_url', 'E', 8, '{sub1}:{sub2}@'],
    ['macro_in_authority', 'E', 15, '{sub2}'],
    ['macro_in_authority', 'E', 32, '{sub3}'],
    ['macro_beside_dots', 'E', 40, '{sub4}'],
    ['unbalanced_brace', 'E', 54, '}'],
    ['unclosed_macro', 'E', 69, '{sub7'],
  ],
];
