/** Whether a call brought the access token a receiver wants. */
import type { Credentials } from './receiver.ts';

const BEARER = /^Bearer +(\S+)$/i;

/** The token of an `Authorization: Bearer` header. */
export function bearerToken({ header }: Credentials): string | undefined {
  return BEARER.exec(header('authorization') ?? '')?.[1];
}

/** Any token that is not empty, or the one that was set. */
export function isRightToken(token: string | undefined, { requiredToken }: Credentials): boolean {
  return token !== undefined && token !== '' && (requiredToken === null || token === requiredToken);
}
