/** Starts the real engines once for the whole suite and tells every test file their addresses. */
import { startTestEngines } from '@tributary/testing';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    brokers: string;
    clickhouseUrl: string;
    schemaRegistryUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engines = await startTestEngines();
  project.provide('brokers', engines.brokers);
  project.provide('clickhouseUrl', engines.clickhouseUrl);
  project.provide('schemaRegistryUrl', engines.schemaRegistryUrl);
  return () => engines.stop();
}
