/** What goes out and what comes back, as plain values: the sender turns them into HTTP. */

/** A request, complete but unsent; header names are lower case. */
export interface OutwardRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Texts in the request that carry a secret in another shape, such as the base64 of a password; hidden in records. */
  readonly derivedSecrets?: readonly string[];
}

/** A response as the sender read it, 3xx included and never followed; header names are lower case. */
export interface OutwardResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
