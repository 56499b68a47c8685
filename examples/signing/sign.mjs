#!/usr/bin/env node
/**
 * Signs a call to /postback/{source} or /v1/postbacks as docs/signing.md says. As a program:
 *
 *   SIGNING_SECRET=… node sign.mjs POST https://in.example/postback/shop body.json   prints the three headers
 *   SIGNING_SECRET=… node sign.mjs --query GET 'https://in.example/postback/shop?event=lead'   prints the signed URL
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

function signature(secret, method, target, body, timestamp, nonce) {
  const [path, ...rest] = target.split('?');
  const query = rest
    .join('?')
    .split('&')
    .filter((part) => part !== '' && part !== 'x_signature' && !part.startsWith('x_signature='))
    .sort()
    .join('&');
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const text = ['v1', method, path, query, bodyHash, timestamp, nonce].join('\n');
  return `v1=${createHmac('sha256', secret).update(text).digest('hex')}`;
}

/** The headers of a signed call. Send the very bytes of `body` and the very URL; sign anew for every attempt. */
export function signedHeaders(secret, method, url, body = '', nonce = randomBytes(16).toString('hex')) {
  const { pathname, search } = new URL(url);
  const timestamp = String(Math.floor(Date.now() / 1000));
  return {
    'X-Signature': signature(secret, method, pathname + search, body, timestamp, nonce),
    'X-Timestamp': timestamp,
    'X-Nonce': nonce,
  };
}

/** The URL of a signed call without headers of its own. */
export function signedUrl(secret, method, url, body = '', nonce = randomBytes(16).toString('hex')) {
  const signed = new URL(url);
  const timestamp = String(Math.floor(Date.now() / 1000));
  signed.search += `${signed.search === '' ? '?' : '&'}x_timestamp=${timestamp}&x_nonce=${nonce}`;
  const made = signature(secret, method, signed.pathname + signed.search, body, timestamp, nonce);
  return `${signed}&x_signature=${made}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const isQuery = process.argv[2] === '--query';
  const [method, url, file] = process.argv.slice(isQuery ? 3 : 2);
  const body = file === undefined ? '' : readFileSync(file);
  const secret = process.env['SIGNING_SECRET'];
  if (!secret || !url) throw new Error('usage: SIGNING_SECRET=… sign.mjs [--query] METHOD URL [BODY_FILE]');
  if (isQuery) console.log(signedUrl(secret, method, url, body));
  else
    for (const [name, value] of Object.entries(signedHeaders(secret, method, url, body)))
      console.log(`${name}: ${value}`);
}
