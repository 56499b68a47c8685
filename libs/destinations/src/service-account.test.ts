/** A service account's assertion: verified as Google's token endpoint would, and keys that are none. */
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { googleDataManager } from './google-data-manager.ts';
import { SAMPLE_NOW } from './sample.ts';
import { assertionRequest, serviceAccountKey } from './service-account.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const FILE = {
  type: 'service_account',
  client_email: 'sender@project.iam.gserviceaccount.com',
  private_key_id: 'key-1',
  private_key: privateKey,
};
const KEY = base64(FILE);
const TOKEN_URL = 'https://oauth2.googleapis.com/token';

function partsOf(assertion: string) {
  const [header = '', claims = '', signature = ''] = assertion.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  return {
    header: read(header),
    claims: read(claims),
    isGenuine: verify(
      'sha256',
      Buffer.from(`${header}.${claims}`),
      createPublicKey(publicKey),
      Buffer.from(signature, 'base64url'),
    ),
  };
}

describe('assertionRequest', () => {
  it('asks by form with an assertion that the account signed', () => {
    const request = assertionRequest({ key: KEY, scope: 'scope-1', tokenUrl: TOKEN_URL, now: SAMPLE_NOW });
    const form = new URLSearchParams(request.body ?? '');
    expect({ ...request, body: [...form.keys()] }).toEqual({
      method: 'POST',
      url: TOKEN_URL,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: ['grant_type', 'assertion'],
    });
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    expect(partsOf(form.get('assertion') ?? '')).toEqual({
      header: { alg: 'RS256', typ: 'JWT', kid: 'key-1' },
      claims: {
        iss: 'sender@project.iam.gserviceaccount.com',
        scope: 'scope-1',
        aud: TOKEN_URL,
        iat: 1_767_323_045,
        exp: 1_767_326_645,
      },
      isGenuine: true,
    });
  });

  it('throws for a key that is none', () => {
    const input = { key: base64({}), scope: 's', tokenUrl: TOKEN_URL, now: SAMPLE_NOW };
    expect(() => assertionRequest(input)).toThrow('not the key');
  });
});

describe('serviceAccountKey', () => {
  const elliptic = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });

  it.each([
    ['the JSON itself', JSON.stringify(FILE)],
    ['no JSON', Buffer.from('key').toString('base64')],
    ['a file without a key', base64({ client_email: 'a@b' })],
    ['a file without an account', base64({ private_key: privateKey })],
    ['a key that is none', base64({ ...FILE, private_key: 'pem' })],
    ['a key that cannot sign RS256', base64({ ...FILE, private_key: elliptic.privateKey })],
  ])('refuses %s', (_what, text) => {
    expect(serviceAccountKey().safeParse(KEY).success).toBe(true);
    expect(serviceAccountKey().safeParse(text).success).toBe(false);
  });

  it('takes the place of a refresh token', () => {
    const raw = { customerId: '1234567890', events: { sale: '444' }, serviceAccountKey: KEY };
    const { settingsOf, parses } = driverOf(googleDataManager, raw);
    const request = googleDataManager.credential?.buildRequest({ settings: settingsOf(), now: SAMPLE_NOW });
    const { claims, isGenuine } = partsOf(new URLSearchParams(request?.body ?? '').get('assertion') ?? '');
    expect(isGenuine).toBe(true);
    expect(claims.scope).toBe('https://www.googleapis.com/auth/datamanager');
    expect(parses({ refreshToken: 'refresh-1' })).toBe(false);
  });
});
