/** What Segment's published destinations send for an input: their request is caught before it leaves. */
import { createRequire } from 'node:module';

/** The parts of a destination of `@segment/action-destinations` that make a request; it ships no types that compile here. */
interface SegmentDestination {
  readonly actions: Readonly<
    Record<string, { perform(request: unknown, data: SegmentInput): Promise<unknown> | undefined }>
  >;
  extendRequest(data: SegmentInput): { readonly headers?: Readonly<Record<string, string>> };
}

export interface SegmentInput {
  readonly payload: object;
  readonly settings: Readonly<Record<string, string>>;
  readonly auth?: { readonly accessToken: string };
  /** What a user of Segment has set up at the platform, where an action needs it. */
  readonly hookOutputs?: object;
}

export interface SegmentRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As the wire would carry it. */
  readonly body: unknown;
}

const load = createRequire(import.meta.url);

/** @param folder the destination's folder in the package, e.g. `tiktok-conversions`. */
export async function segmentRequest(
  folder: string,
  action: string,
  input: SegmentInput,
): Promise<SegmentRequest> {
  const path = `@segment/action-destinations/dist/destinations/${folder}/index.js`;
  const { default: destination } = load(path) as { readonly default: SegmentDestination };
  let caught: { readonly url: string; readonly json: unknown } | null = null;
  const request = (url: string, { json }: { readonly json: unknown }) => {
    caught = { url, json };
    return Promise.resolve({ status: 200, data: {} });
  };
  await destination.actions[action]?.perform(request, input);
  if (caught === null) throw new Error(`${folder} made no request`);
  const { url, json } = caught as { readonly url: string; readonly json: unknown };
  const { headers = {} } = destination.extendRequest(input);
  return { url, headers, body: JSON.parse(JSON.stringify(json)) };
}
