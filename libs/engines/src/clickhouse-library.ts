/** Finds the shared library that holds the ClickHouse server; it comes as an optional npm package. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const PACKAGE = '@chdb/lib-linux-x64-gnu';

/** Path of libchdb.so; undefined when npm did not install it, as on any platform but Linux x64 with glibc. */
export function findClickhouseLibrary(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
    const library = join(dirname(manifest), 'libchdb.so');
    return existsSync(library) ? library : undefined;
  } catch {
    // The one thing that resolving throws: the package is not there.
    return undefined;
  }
}
