/** The token endpoint of the sandbox: what each form is answered with. */
import { describe, expect, it } from 'vitest';
import { tokenAnswer } from './google-token.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const assertionOf = (claims: unknown) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;

function answerTo(form: Readonly<Record<string, string>>) {
  const { status, body } = tokenAnswer(new URLSearchParams(form).toString());
  return { status, body: JSON.parse(body) };
}

const REFRESH = { grant_type: 'refresh_token', client_id: 'c', client_secret: 's', refresh_token: 'r' };
const granted = (accessToken: string) => ({
  status: 200,
  body: {
    access_token: accessToken,
    expires_in: 3_599,
    scope: 'https://www.googleapis.com/auth/datamanager',
    token_type: 'Bearer',
  },
});
const refused = (status: number, error: string) => ({
  status,
  body: { error, error_description: expect.any(String) },
});

describe('tokenAnswer', () => {
  it.each<[string, Readonly<Record<string, string>>, object]>([
    ['a refresh token', REFRESH, granted('sandbox-r')],
    [
      'an assertion',
      { grant_type: JWT_BEARER, assertion: assertionOf({ iss: 'a@b.example' }) },
      granted('sandbox-a@b.example'),
    ],
    ['a withdrawn token', { ...REFRESH, refresh_token: 'revoked' }, refused(400, 'invalid_grant')],
    ['no token', { ...REFRESH, refresh_token: '' }, refused(400, 'invalid_request')],
    ['no client', { ...REFRESH, client_id: '' }, refused(401, 'invalid_client')],
    ['no secret', { ...REFRESH, client_secret: '' }, refused(401, 'invalid_client')],
    ['no assertion', { grant_type: JWT_BEARER }, refused(400, 'invalid_grant')],
    [
      'an assertion of nobody',
      { grant_type: JWT_BEARER, assertion: assertionOf({}) },
      refused(400, 'invalid_grant'),
    ],
    ['another grant', { grant_type: 'password' }, refused(400, 'unsupported_grant_type')],
    ['no grant', {}, refused(400, 'unsupported_grant_type')],
  ])('of %s', (_what, form, answer) => {
    expect(answerTo(form)).toEqual(answer);
  });

  it('repeats no secret', () => {
    expect(tokenAnswer('grant_type=password&client_secret=hush').body).not.toContain('hush');
  });
});
