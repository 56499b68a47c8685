/** The one call we make of fs-native-extensions, which ships no types. */
declare module 'fs-native-extensions' {
  /** Takes an exclusive lock of the open file, which ends with the process; false when another holds it. */
  export function tryLock(fd: number): boolean;
}
