/** What a receiver answers when it has taken an event: a status, and what its body looks like. */

/**
 * A pattern of a whole body: `*` stands for any run of characters, also none, and `\*` for a star. White space around
 * the body and around the pattern does not count; case does.
 */
export interface BodyPattern {
  readonly text: string;
  matches(body: string): boolean;
}

export interface ExpectedReply {
  /** The 2xx that mean yes; every one where it is empty. */
  readonly statuses: readonly number[];
  /** Null where any body will do. */
  readonly body: BodyPattern | null;
  /** A body by which the receiver refuses the event for good; it goes before all else. */
  readonly refusal: BodyPattern | null;
}

/** What speaks against a delivery in a reply that came with a 2xx. */
export const REPLY_REASONS = ['reply_refuses', 'expected_status_missing', 'expected_body_missing'] as const;
export type ReplyReason = (typeof REPLY_REASONS)[number];

/** Of each pattern, so that a template of stars cannot make every reply slow to judge. */
export const MAX_PATTERN_LENGTH = 500;

/** Judges a 2xx; null when it is as expected. */
export function replyProblem(
  expected: ExpectedReply,
  { status, body }: { readonly status: number; readonly body: string },
): ReplyReason | null {
  if (expected.refusal?.matches(body)) return 'reply_refuses';
  if (expected.statuses.length > 0 && !expected.statuses.includes(status)) return 'expected_status_missing';
  if (expected.body !== null && !expected.body.matches(body)) return 'expected_body_missing';
  return null;
}

/**
 * Compiles a pattern of a whole body. It is matched without stepping back: each fixed piece is looked for behind the one
 * before it, so the time grows with the body's length and never explodes, as it could with a regular expression.
 */
export function bodyPattern(text: string): BodyPattern {
  const pieces = piecesOf(text.trim());
  const head = pieces[0] ?? '';
  const tail = pieces.at(-1) ?? '';
  const between = pieces.slice(1, -1).filter((piece) => piece !== '');
  return {
    text,
    matches: (body) => {
      const trimmed = body.trim();
      if (pieces.length === 1) return trimmed === head;
      if (trimmed.length < head.length + tail.length) return false;
      if (!trimmed.startsWith(head) || !trimmed.endsWith(tail)) return false;
      const end = trimmed.length - tail.length;
      let at = head.length;
      for (const piece of between) {
        const found = trimmed.indexOf(piece, at);
        if (found === -1 || found + piece.length > end) return false;
        at = found + piece.length;
      }
      return true;
    },
  };
}

/** The pattern of a text that stands anywhere in the body. */
export function bodyHolding(text: string): BodyPattern {
  return { text, matches: (body) => body.includes(text) };
}

/** The fixed text between the stars; the first and the last may be empty. */
function piecesOf(text: string): readonly string[] {
  const pieces = [''];
  for (const [part] of text.matchAll(/\\\*|\*|[^*\\]+|\\/g)) {
    if (part === '*') pieces.push('');
    else pieces.push(`${pieces.pop() ?? ''}${part === '\\*' ? '*' : part}`);
  }
  return pieces;
}
