/** Every receiver by its kind; a new kind is one file and one line here. */
import type { ReceiverKind } from '../received-calls.ts';
import { ga4 } from './ga4.ts';
import { googleDataManager } from './google-data-manager.ts';
import { linkedin } from './linkedin.ts';
import { meta } from './meta.ts';
import { microsoftUet } from './microsoft-uet.ts';
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
  ga4,
  'google-data-manager': googleDataManager,
  meta,
  pinterest,
  snap,
  'microsoft-uet': microsoftUet,
  tiktok,
  linkedin,
  reddit,
  x,
  webhook,
};
