/** Every problem is one line that names a way out, and a good machine has none. */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkJava,
  checkMaven,
  checkPlatform,
  checkPortFree,
  checkWritable,
  javaMajor,
  type Machine,
} from './preflight.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tributary-preflight-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('javaMajor', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17],
    ['java version "1.8.0_402"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['openjdk version "21-ea" 2023-09-19', 21],
    ['The operation could not be completed: no Java runtime', undefined],
  ])('reads %j', (output, major) => {
    expect(javaMajor(output)).toBe(major);
  });
});

describe('checkJava and checkMaven', () => {
  it('name the program that is missing and the ways out', async () => {
    expect(await checkJava(join(directory, 'java'))).toMatchObject({ code: 'java_missing' });
    const maven = await checkMaven(join(directory, 'mvn'));
    expect(maven?.code).toBe('maven_missing');
    expect(maven?.message).toMatch(/^[^\n]*docker compose up[^\n]*KAFKA_BROKERS[^\n]*$/);
  });

  it('tell a Java that is too old', async () => {
    const java = program('java', `echo 'java version "11.0.2"' >&2`);
    const problem = await checkJava(java);
    expect(problem?.code).toBe('java_too_old');
    expect(problem?.message).toContain('found Java 11');
  });

  it('take a program that fails for none', async () => {
    const broken = program('broken', 'exit 1');
    expect(await checkJava(broken)).toMatchObject({ code: 'java_missing' });
    expect(await checkMaven(broken)).toMatchObject({ code: 'maven_missing' });
  });
});

describe('checkPlatform', () => {
  const good: Machine = {
    platform: 'linux',
    architecture: 'x64',
    glibcVersion: '2.36',
    clickhouseLibrary: '/lib/libchdb.so',
  };

  it.each([
    [{}, undefined],
    [{ platform: 'darwin', glibcVersion: undefined }, 'platform_unsupported'],
    [{ architecture: 'arm64' }, 'platform_unsupported'],
    [{ glibcVersion: undefined }, 'platform_unsupported'],
    [{ clickhouseLibrary: undefined }, 'clickhouse_library_missing'],
  ] as const)('judges %j', (difference, code) => {
    const problem = checkPlatform({ ...good, ...difference });
    expect(problem?.code).toBe(code);
    if (problem !== undefined) expect(problem.message).toMatch(/^[^\n]*CLICKHOUSE_URL[^\n]*$/);
  });
});

describe('checkPortFree', () => {
  it('tells a port that somebody listens on, on loopback or on every address', async () => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const problem = await checkPortFree(port, 'kafka');
      expect(problem?.code).toBe('port_taken');
      expect(problem?.message).toContain(`Port ${port} on 127.0.0.1 (for Kafka) is taken`);
      server.close();
      await once(server, 'close');
      expect(await checkPortFree(port)).toBeUndefined();
    }
  });
});

describe('checkWritable', () => {
  it('accepts a directory that is there or can be created', () => {
    expect(checkWritable(directory)).toBeUndefined();
    expect(checkWritable(join(directory, 'a', 'b'))).toBeUndefined();
  });

  it('tells a file in the way', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(checkWritable(join(file, 'home'))).toMatchObject({
      code: 'directory_not_writable',
      message: expect.stringContaining(`${file} is not a directory`),
    });
  });

  it.runIf(process.platform === 'linux')('tells a directory the kernel keeps, where root could write', () => {
    expect(checkWritable('/proc/tributary/home')).toMatchObject({
      code: 'directory_not_writable',
      message: expect.stringMatching(
        /^\/proc\/tributary\/home cannot be written to \(\/proc belongs to the kernel\)/,
      ),
    });
  });
});

function program(name: string, body: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}
