/** The signing helpers for senders, run as programs, against the verifier itself; and the worked example of docs/signing.md. */
import { spawnSync } from 'node:child_process';
import { createHmac, createSecretKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalCall, judgeSignature, signatureOf } from './signature.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../../..');
const SECRET = 'a "secret" of $senders & \\signers 0123456789';
const PROGRAMS: readonly [string, string, string][] = [
  ['Node', process.execPath, 'sign.mjs'],
  ['Python', 'python3', 'sign.py'],
  ['PHP', 'php', 'sign.php'],
  ['shell', 'sh', 'sign.sh'],
];
const TARGETS = [
  '/postback/shop',
  '/postback/shop?event=lead',
  '/postback/shop/a-token?b=2&a=1&B=%C3%A9&a=0&empty=&flag&x=1=2&plus=a+b&t=%7Bclick%7D',
];
const BODY = '{"event": "sale",\n "note": "Grüße 🛒"}\n';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-signing-'));
  writeFileSync(join(folder, 'body.json'), BODY);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function isThere(name: string, command: string): boolean {
  const isFound = spawnSync(command, ['-c', '']).error === undefined;
  if (!isFound) console.log(`skipped: signing in ${name}, as ${command} is not on this machine`);
  return isFound;
}

function run(command: string, file: string, ...options: string[]): string {
  const program = join(REPOSITORY, 'examples/signing', file);
  const { stdout, stderr, status } = spawnSync(command, [program, ...options], {
    env: { ...process.env, SIGNING_SECRET: SECRET },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

function judged(method: string, target: string, headers: Record<string, string>, body: string) {
  const request = { headers } as unknown as IncomingMessage;
  const signature = signatureOf(request, () => new URLSearchParams(target.split('?').slice(1).join('?')));
  if (signature === null) throw new Error('there is no signature');
  const call = { method, target, body: Buffer.from(body) };
  return judgeSignature(call, signature, [createSecretKey(SECRET, 'utf8')], Date.now())?.reason ?? 'good';
}

describe.each(PROGRAMS)('%s', (name, command, file) => {
  const isMissing = !isThere(name, command);

  it.skipIf(isMissing).each(TARGETS)('signs the headers of %s', (target) => {
    const lines = run(command, file, 'POST', `https://in.example${target}`, join(folder, 'body.json'));
    const headers = Object.fromEntries(
      lines.split('\n').map((line) => {
        const [header = '', value = ''] = line.split(': ');
        return [header.toLowerCase(), value];
      }),
    );
    expect(Object.keys(headers)).toEqual(['x-signature', 'x-timestamp', 'x-nonce']);
    expect(judged('POST', target, headers, BODY)).toBe('good');
    expect(judged('POST', target, headers, `${BODY} `)).toBe('signature_invalid');
    expect(judged('GET', target, headers, BODY)).toBe('signature_invalid');
  });

  it.skipIf(isMissing).each(TARGETS)('signs the query of %s', (target) => {
    const url = run(command, file, '--query', 'GET', `https://in.example${target}`);
    expect(url.startsWith(`https://in.example${target}`)).toBe(true);
    const signed = url.slice('https://in.example'.length);
    expect(judged('GET', signed, {}, '')).toBe('good');
    expect(judged('GET', `${signed}&more=1`, {}, '')).toBe('signature_invalid');
  });
});

it('the worked example of the page is what the verifier expects', () => {
  const page = readFileSync(join(REPOSITORY, 'docs/signing.md'), 'utf8');
  const blockAfter = (heading: string) => /```text\n([^`]*)\n```/.exec(page.split(heading)[1] ?? '')?.[1];
  const canonical = canonicalCall(
    {
      method: 'POST',
      target: '/postback/shop?test=1&click_id=019b7c0a-1c88-7000-8000-000000000001',
      body: Buffer.from('{"event":"sale","txid":"order-1"}'),
    },
    '1767323045',
    '5f2d8c1e9a7b4c3d5f2d8c1e9a7b4c3d',
  );
  expect(blockAfter('The text that is signed:')).toBe(canonical);
  const digest = createHmac('sha256', 'an-example-secret-0123456789-abcdef').update(canonical).digest('hex');
  expect(page).toContain(`X-Signature: v1=${digest}`);
});
