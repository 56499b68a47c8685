/** Every receiver by its kind; a new kind is one file and one line here. */
import type { ReceiverKind } from '../received-calls.ts';
import { linkedin } from './linkedin.ts';
import { meta } from './meta.ts';
import { partnerNetwork } from './partner-network.ts';
import { pinterest } from './pinterest.ts';
import type { Receiver } from './receiver.ts';
import { reddit } from './reddit.ts';
import { snap } from './snap.ts';
import { tiktok } from './tiktok.ts';
import { webhook } from './webhook.ts';
import { x } from './x.ts';

export const RECEIVERS: Readonly<Record<ReceiverKind, Receiver>> = {
  partner: partnerNetwork,
  meta,
  pinterest,
  snap,
  tiktok,
  linkedin,
  reddit,
  x,
  webhook,
};
