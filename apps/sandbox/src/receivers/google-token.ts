/** Google's token endpoint: trades a refresh token or a service account's assertion for an access token. */
import { jsonAnswer } from './json-answer.ts';
import type { Answer } from './receiver.ts';

const LIFETIME_S = 3_599;
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** The one refresh token that is answered as withdrawn. */
const REVOKED = 'revoked';

/**
 * The token is made of whoever asks, so that a test knows it: `sandbox-` and the refresh token, or the account's address.
 *
 * @param body the form as it came; it is neither recorded nor repeated.
 */
export function tokenAnswer(body: string): Answer {
  const form = new URLSearchParams(body);
  const grant = form.get('grant_type');
  if (grant === 'refresh_token') return refreshed(form);
  if (grant === JWT_BEARER) return asserted(form.get('assertion') ?? '');
  return refused(
    400,
    'unsupported_grant_type',
    `Invalid grant_type: ${grant === null ? 'missing' : 'unknown'}`,
  );
}

function refreshed(form: URLSearchParams): Answer {
  const [client, secret, token] = ['client_id', 'client_secret', 'refresh_token'].map(
    (name) => form.get(name) ?? '',
  );
  if (client === '' || secret === '')
    return refused(401, 'invalid_client', 'The OAuth client was not found.');
  if (token === '' || token === undefined)
    return refused(400, 'invalid_request', 'Missing parameter: refresh_token');
  if (token === REVOKED) return refused(400, 'invalid_grant', 'Token has been expired or revoked.');
  return granted(token);
}

function asserted(assertion: string): Answer {
  const claims = claimsOf(assertion);
  if (claims === null) return refused(400, 'invalid_grant', 'Invalid JWT Signature.');
  return granted(claims);
}

/** Whom an assertion is of; its signature is not checked, for the sandbox has no keys of accounts. */
function claimsOf(assertion: string): string | null {
  try {
    const { iss } = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof iss === 'string' && iss !== '' ? iss : null;
  } catch {
    return null;
  }
}

function granted(owner: string): Answer {
  return jsonAnswer(200, {
    access_token: `sandbox-${owner}`,
    expires_in: LIFETIME_S,
    scope: 'https://www.googleapis.com/auth/datamanager',
    token_type: 'Bearer',
  });
}

function refused(status: number, error: string, description: string): Answer {
  return jsonAnswer(status, { error, error_description: description });
}
