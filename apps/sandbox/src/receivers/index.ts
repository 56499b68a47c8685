/** Every receiver by its kind; a new kind is one file and one line here. */
import type { ReceiverKind } from '../received-calls.ts';
import { meta } from './meta.ts';
import { partnerNetwork } from './partner-network.ts';
import type { Receiver } from './receiver.ts';
import { tiktok } from './tiktok.ts';

export const RECEIVERS: Readonly<Record<ReceiverKind, Receiver>> = { partner: partnerNetwork, meta, tiktok };
