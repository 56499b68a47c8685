/** A receiver whose certificate nobody vouches for: made anew at each start, and expired. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';

/** Listens and says OK to whoever trusts it. @param port 0: a free one. */
export async function listenWithBadTls(port: number, host: string): Promise<Server> {
  const server = createServer(selfSigned('localhost'), (_request, response) => response.end('OK'));
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const EXPLICIT_0 = 0xa0;
/** Ed25519, RFC 8410 §3. */
const ED25519 = Buffer.from('06032b6570', 'hex');
/** commonName, RFC 5280 appendix A. */
const COMMON_NAME = Buffer.from('0603550403', 'hex');

/** An X.509 certificate of its own making, RFC 5280 §4.1, for the year 2020. */
function selfSigned(name: string): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const algorithm = der(SEQUENCE, ED25519);
  const attribute = der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(name)));
  const names = der(SEQUENCE, der(SET, attribute));
  const toBeSigned = der(
    SEQUENCE,
    der(EXPLICIT_0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    names,
    der(SEQUENCE, ...['200101000000Z', '210101000000Z'].map((time) => der(UTC_TIME, Buffer.from(time)))),
    names,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign(null, toBeSigned, privateKey)]);
  const certificate = der(SEQUENCE, toBeSigned, algorithm, der(BIT_STRING, signature));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}

/** Tag, length and content, ITU-T X.690 §8.1; the certificate is far below 64 KiB. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const size = length < 0x80 ? [length] : bytes;
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
