/** Generated from schemas/*.avsc by `npm run generate`; not edited by hand. */

/** One order to attribution, which executes it in the lane, in log order, as a new revision; an order that no longer fits is void for every reader. Key: lane. */
export interface AttributionCommanded {
  /** Derived from the run and what it is about, or given by the caller: the same order twice is one order. */
  readonly commandId: string;
  /** reattribute, release, reject, approve or erase. The list may grow: a reader that does not know one sets the record aside. */
  readonly command: string;
  /** The lane that executes it. */
  readonly lane: string;
  /** Whose conversions it touches; anything else it names is void. */
  readonly advertiserId: string;
  /** The run of a person it belongs to: all orders of one plan that was applied. */
  readonly runId: string;
  /** The conversion it is about; null for erase. */
  readonly conversionId: null | string;
  /** The revision the plan was made from; another one at its place makes the order void. Null for erase. */
  readonly expectedRevision: null | number;
  /** For erase: the person, as keyed in lifecycle.signalled; for readers, as conversions are not found by it. */
  readonly customerKey: null | string;
  /** For erase: the normal forms of the person, SHA-256 by name (customerExternal: of a customer id); conversions that have one in common are its. Empty otherwise. */
  readonly subjectHashes: Readonly<Record<string, string>>;
  /** For reattribute: the model to decide by; null for the one in force. */
  readonly model: null | string;
  /** For reattribute: terms as JSON that replace those in force; null for none. */
  readonly rules: null | string;
  /** SHA-256 hex of the rules the plan was made from. */
  readonly rulesDigest: null | string;
  /** For reattribute: judge by the configuration as of this version; null for the one in force when the fact occurred. */
  readonly rulesVersion: null | number;
  /** For reattribute by hand: the click that is to win. */
  readonly clickId: null | string;
  /** Why; becomes a reason code of the revision. Closed list. */
  readonly reasonCode: string;
  /** When console wrote it. */
  readonly issuedAt: number;
  /** Not executed before; null for at once. */
  readonly effectiveFrom: null | number;
  /** Who ordered it: an API key id. */
  readonly actor: string;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** An order about test conversions: it touches no others. */
  readonly isTest: boolean;
}

export type ClickKind = 'redirect' | 'direct' | 'impression';

/** An ad platform's own click id. */
export interface AdPlatformId {
  /** Query parameter as the platform spells it, e.g. fbclid. */
  readonly name: string;
  /** Opaque and case-sensitive; never trimmed, lowered or hashed. */
  readonly value: string;
  /** When we first saw this id, UTC. */
  readonly firstSeenAt: number;
}

export type ConsentState = 'granted' | 'denied' | 'unknown';

/** One recorded ad click (or impression), immutable. Key: clickId. */
export interface ClickRecorded {
  /** UUIDv7 minted at the edge; its time order is the order of clicks. */
  readonly clickId: string;
  /** redirect: GET /c/{campaign}; direct: POST /v1/clicks; impression: a view, for view-through only. */
  readonly kind: ClickKind;
  /** Who pays, as configured for the campaign. */
  readonly advertiserId: string;
  /** What is promoted. */
  readonly offerId: string;
  /** The traffic grouping whose URL was clicked. */
  readonly campaignId: string;
  /** Who promotes; null for own traffic. */
  readonly partnerId: null | string;
  /** The partner's own id of the click. */
  readonly partnerClickId: null | string;
  /** When the click happened: the edge clock for a redirect, the sent time for a direct click. */
  readonly clickedAt: number;
  /** When our edge received it. */
  readonly receivedAt: number;
  /** sub1 to sub20 as sent. */
  readonly subIds: Readonly<Record<string, string>>;
  /** utm_* parameters as sent. */
  readonly utm: Readonly<Record<string, string>>;
  /** Every ad-platform click id that came with the click. */
  readonly adPlatformIds: readonly AdPlatformId[];
  /** The page the person was sent to, or was on, without personal query values. */
  readonly landingUrl: null | string;
  /** Referer header, capped. */
  readonly referrer: null | string;
  /** User-Agent header, capped. */
  readonly userAgent: null | string;
  /** ISO 3166-1 alpha-2, from a trusted header if one gives it. */
  readonly country: null | string;
  /** Keyed SHA-256 of the address, for velocity rules; null when none is known. */
  readonly ipHash: null | string;
  /** The address under a per-day key, for platforms that want it in clear. */
  readonly ipCiphertext: null | Buffer;
  /** SHA-256 of personal identifiers by named normal form, e.g. emailPlain. */
  readonly subjectHashes: Readonly<Record<string, string>>;
  /** The advertiser's id of the person, when the click already knows it. */
  readonly customerId: null | string;
  /** Whether the person allowed their data to be sent to ad platforms, as far as the sender told us. */
  readonly consentAdUserData: ConsentState;
  /** Whether the person allowed ad personalization. */
  readonly consentAdPersonalization: ConsentState;
  /** Cost of this click in micro-units. */
  readonly costMicros: null | bigint;
  /** ISO 4217. */
  readonly costCurrency: null | string;
  /** Why the request looks automated (bot, prefetch); null for a person. */
  readonly automation: null | string;
  /** Further parameters kept by the allow list. */
  readonly extras: Readonly<Record<string, string>>;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events. */
  readonly isTest: boolean;
}

export type EntityType = 'advertiser' | 'offer' | 'campaign' | 'partner' | 'source' | 'destination' | 'subscription' | 'exchange_rate' | 'api_key';

export type ConfigurationOperation = 'put' | 'remove';

/** One change of one configuration entity; the offset is the configuration version. Key: entityType:entityId. */
export interface ConfigurationChanged {
  /** Id of the change. */
  readonly changeId: string;
  /** What kind of entity. */
  readonly entityType: EntityType;
  /** Its id. */
  readonly entityId: string;
  /** put replaces the whole document. */
  readonly operation: ConfigurationOperation;
  /** The entity's version the writer saw, -1 for none; another one at its place in the log makes the change void for every reader. */
  readonly expectedVersion: number;
  /** The entity as JSON, without secrets. */
  readonly document: string;
  /** Secret fields by name: AES-256-GCM ciphertext. */
  readonly secrets: Readonly<Record<string, Buffer>>;
  /** Never before recordedAt. */
  readonly effectiveFrom: number;
  /** When console wrote it. */
  readonly recordedAt: number;
  /** Who changed it: an API key id. */
  readonly actor: string;
}

export type PostbackStatus = 'pending' | 'approved' | 'rejected';

export type Match = 'attributed' | 'unattributed' | 'parked';

export type State = 'pending' | 'held' | 'payable' | 'rejected' | 'reversed';

export type TriggerKind = 'postback' | 'late_click' | 'deadline' | 'release' | 'command';

/** One share of a conversion; the shares of a revision sum to one exactly. */
export interface Credit {
  /** The credited click. */
  readonly clickId: string;
  /** Its partner. */
  readonly partnerId: null | string;
  /** Share numerator. */
  readonly numerator: number;
  /** Share denominator. */
  readonly denominator: number;
}

/** A click that was considered. */
export interface Candidate {
  /** As considered; may be an id we never minted. */
  readonly clickId: string;
  /** Null when the click is unknown. */
  readonly campaignId: null | string;
  /** Null when the click is unknown. */
  readonly clickedAt: null | number;
  /** won, lost or missing. */
  readonly outcome: string;
  /** Why it lost; closed list. */
  readonly reasonCode: null | string;
}

/** What one partner is owed of a payout, for one click. */
export interface PayoutPart {
  /** The credited click. */
  readonly clickId: string;
  /** Its partner. */
  readonly partnerId: null | string;
  /** In payoutCurrency; negative for a refund or chargeback. */
  readonly micros: bigint;
}

/** A place under a cap, asked for once and never given back. */
export interface CapPlace {
  /** The cap. */
  readonly capId: string;
  /** The counter: the lane and, after U+0000, the cap, or the cap and a partner. With periodStart it names one count. */
  readonly key: string;
  /** First instant of the period, UTC; 1970 for a cap without periods. */
  readonly periodStart: number;
  /** Whether it fitted. */
  readonly isGranted: boolean;
  /** Payout counted on the cap; 0 where the cap counts conversions or the place was refused. */
  readonly payoutMicros: bigint;
}

/** The number of a conversion among those that a payout by tiers counts. */
export interface TierPlace {
  /** The counter: lane, offer, partner and event type, joined by U+0000. With periodStart it names one count. */
  readonly key: string;
  /** First instant of the month, UTC. */
  readonly periodStart: number;
  /** How many stood before it. */
  readonly position: number;
}

/** What people ordered about a conversion; of several orders the later stands. */
export interface Orders {
  /** released, rejected or approved. */
  readonly ruling: null | string;
  /** The click that is to win. */
  readonly clickId: null | string;
  /** The model to decide by. */
  readonly model: null | string;
  /** Terms in place of those in force, as JSON; {"$bigint":"1"}, {"$map":[[key,value]]} and {"$set":[value]} stand for what JSON cannot say. */
  readonly terms: null | string;
  /** Why it was ordered. */
  readonly reasonCodes: readonly string[];
  /** Why its person is to be forgotten: conversion.current has no value for it from then on. */
  readonly erasedFor: null | string;
}

/** A value that an updating report has put in place of an earlier one; of several the one the edge received last. */
export interface ValueUpdate {
  /** revenue, tax, shipping or status. */
  readonly field: string;
  /** The amount; null for the status. */
  readonly micros: null | bigint;
  /** ISO 4217 of a revenue. */
  readonly currency: null | string;
  /** Of the status: approved or rejected. */
  readonly status: null | PostbackStatus;
  /** When the edge received it. */
  readonly receivedAt: number;
  /** The receipt that brought it. */
  readonly receiptId: string;
}

/** What one receipt has added to the details of the conversion; the details themselves stand in the fields of the revision. */
export interface Contribution {
  /** Of that report: of two that say the same thing differently the earlier stands. */
  readonly occurredAt: number;
  /** The receipt; null for the first one, receiptId of the conversion. */
  readonly receiptId: null | string;
  /** Names of the single fields it gave, e.g. country. */
  readonly details: readonly string[];
  /** Names of the subIds it gave. */
  readonly subIds: readonly string[];
  /** Names of the extras it gave. */
  readonly extras: readonly string[];
  /** Names of the subjectHashes it gave; the rest are the click's. */
  readonly subjectHashes: readonly string[];
}

/** What only attribution needs to merge a further report into the conversion and to decide it again, without reading a postback twice. */
export interface Ledger {
  /** Partition of the report that is first in the log. */
  readonly firstPartition: null | number;
  /** Offset of the report that is first in the log; null only in revisions of before there was a ledger. */
  readonly firstOffset: null | number;
  /** Receipts after the first, which is receiptId, that changed its values or its status, in log order. */
  readonly furtherReceiptIds: readonly string[];
  /** Earliest receipt of a report with the click id. */
  readonly clickIdSince: null | number;
  /** Earliest receipt of a report with the customer id. */
  readonly customerIdSince: null | number;
  /** Earliest receipt of a report with a hash that names a person. */
  readonly subjectSince: null | number;
  /** Whether a report came without a click id. */
  readonly isReportedWithoutClick: boolean;
  /** Partition of the report that brought the customer id first. */
  readonly customerPartition: null | number;
  /** Offset of the report that brought the customer id first. */
  readonly customerOffset: null | number;
  /** Revenue that was sent first, as sent, by reports that do not update; of a reversal what it asks for. */
  readonly firstRevenueMicros: null | bigint;
  /** ISO 4217 of that revenue. */
  readonly firstCurrency: null | string;
  /** Tax that was sent first. */
  readonly firstTaxMicros: null | bigint;
  /** Shipping that was sent first. */
  readonly firstShippingMicros: null | bigint;
  /** First status but pending of the reports that do not update; pending when they have none. */
  readonly firstStatus: null | PostbackStatus;
  /** Values that updates have replaced; each field at most once. */
  readonly updates: readonly ValueUpdate[];
  /** Which receipt gave which detail, in the order in which they take precedence. */
  readonly contributions: readonly Contribution[];
  /** Whether the click that the reports name can win: other conversions of the customer go by it. */
  readonly isReportedClickEligible: boolean;
  /** Whether the winning click is test traffic; differs from isTest only when it was ordered. */
  readonly isTestClick: boolean;
  /** The answer once given: it stays, whatever comes later. */
  readonly isFirstOfCustomer: null | boolean;
  /** Every click that was in the log when it arrived has been visible. */
  readonly hasSeenClicks: boolean;
  /** The click id that was waited for in vain: it stays unknown. */
  readonly gaveUpClickId: null | string;
  /** The deadline until which any click or the original was waited for in vain. */
  readonly waitedUntil: null | number;
  /** The deadline until which a condition was waited for in vain. */
  readonly waitedForConditionUntil: null | number;
}

/** One revision of the decision on one conversion; revisions of a conversion are numbered from 1 without gaps. Key: conversionId. */
export interface ConversionDecided {
  /** Derived from the conversion's identity, so replays and retries coincide. */
  readonly conversionId: string;
  /** From 1. */
  readonly revision: number;
  /** The lane it was decided in. */
  readonly lane: string;
  /** Who pays. */
  readonly advertiserId: string;
  /** Offer of the winning click. */
  readonly offerId: null | string;
  /** Campaign of the winning click. */
  readonly campaignId: null | string;
  /** Partner of the winning click. */
  readonly partnerId: null | string;
  /** Who posted the fact first. */
  readonly sourceId: string;
  /** The receipt that created the conversion. */
  readonly receiptId: string;
  /** lead, sale, renewal, refund, … */
  readonly eventType: string;
  /** Identity uses the class: first_purchase and sale of one order are one purchase. */
  readonly eventClass: string;
  /** The advertiser's own id of the fact. */
  readonly transactionId: null | string;
  /** For refund and chargeback: the conversion that is reversed. */
  readonly originalConversionId: null | string;
  /** The advertiser's id of the person. */
  readonly customerId: null | string;
  /** What the source says of the fact. */
  readonly status: PostbackStatus;
  /** Whether a click was found. */
  readonly match: Match;
  /** Where the money stands. */
  readonly state: State;
  /** Every reason that shaped this revision; closed list. */
  readonly reasonCodes: readonly string[];
  /** At the source. */
  readonly occurredAt: number;
  /** At our edge. */
  readonly receivedAt: number;
  /** When this revision was decided. */
  readonly decidedAt: number;
  /** Deadline of a parked match. */
  readonly parkedUntil: null | number;
  /** Deadline of a held state. */
  readonly heldUntil: null | number;
  /** What caused this revision. */
  readonly triggerKind: TriggerKind;
  /** Partition of postback.received the lane belongs to. */
  readonly triggerPartition: number;
  /** Offset of the postback that caused it, or the position of the lane when a clock did. */
  readonly triggerOffset: number;
  /** The advertiser's value; negative for a refund or chargeback. */
  readonly revenueMicros: null | bigint;
  /** ISO 4217 of the revenue. */
  readonly currency: null | string;
  /** What we owe the partner; negative for a refund or chargeback. */
  readonly payoutMicros: null | bigint;
  /** ISO 4217 of the payout. */
  readonly payoutCurrency: null | string;
  /** The rule that gave the payout, e.g. sale:percent. */
  readonly payoutRule: null | string;
  /** Sum reversed so far. */
  readonly reversedRevenueMicros: null | bigint;
  /** Sum reversed so far. */
  readonly reversedPayoutMicros: null | bigint;
  /** As sent. */
  readonly taxMicros: null | bigint;
  /** As sent. */
  readonly shippingMicros: null | bigint;
  /** As sent. */
  readonly predictedLtvMicros: null | bigint;
  /** Configuration fact used to convert, frozen at occurredAt. */
  readonly exchangeRateId: null | string;
  /** Whether it is the customer's first of its class; null without a customer. */
  readonly isFirstOfCustomer: null | boolean;
  /** Attribution model, e.g. last_click. */
  readonly model: string;
  /** Exact shares. */
  readonly credits: readonly Credit[];
  /** Every click considered and why each lost. */
  readonly candidates: readonly Candidate[];
  /** The winning click. */
  readonly clickId: null | string;
  /** Of the winning click. */
  readonly clickedAt: null | number;
  /** Of the winning click. */
  readonly partnerClickId: null | string;
  /** Of the winning click. */
  readonly clickSubIds: Readonly<Record<string, string>>;
  /** Of the winning click. */
  readonly adPlatformIds: readonly AdPlatformId[];
  /** Of the winning click. */
  readonly landingUrl: null | string;
  /** Of the winning click. */
  readonly clickUserAgent: null | string;
  /** Of the winning click. */
  readonly clickCountry: null | string;
  /** Of the winning click. */
  readonly clickIpCiphertext: null | Buffer;
  /** Of the postback. */
  readonly subIds: Readonly<Record<string, string>>;
  /** Of the postback. */
  readonly extras: Readonly<Record<string, string>>;
  /** Of the postback. */
  readonly productId: null | string;
  /** Of the postback. */
  readonly planId: null | string;
  /** Of the postback. */
  readonly couponCode: null | string;
  /** Of postback and click together. */
  readonly subjectHashes: Readonly<Record<string, string>>;
  /** Of the postback. */
  readonly ipCiphertext: null | Buffer;
  /** Of the postback. */
  readonly userAgent: null | string;
  /** Of the postback. */
  readonly country: null | string;
  /** Whether the person allowed their data to be sent to ad platforms, as far as the sender told us. */
  readonly consentAdUserData: ConsentState;
  /** Whether the person allowed ad personalization. */
  readonly consentAdPersonalization: ConsentState;
  /** SHA-256 hex of the values that duplicates are compared by: status, revenue, currency. */
  readonly valueDigest: string;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events. */
  readonly isTest: boolean;
  /** No report sent a time: occurredAt is when the edge first received one. */
  readonly occurredAtIsAssumed: boolean;
  /** Every event type it was reported as, sorted; eventType is the one that says most. Empty in revisions of before they were kept. */
  readonly eventTypes: readonly string[];
  /** For refund and chargeback: the transaction it takes back. */
  readonly reversedTransactionId: null | string;
  /** The click id its reports name, when it can be one of ours; whether it won is in candidates. */
  readonly reportedClickId: null | string;
  /** What stood in place of a click id and can be none. */
  readonly malformedClickId: null | string;
  /** What led to the click: click_id, customer, hashed_identity, original (of a reversal) or command. */
  readonly matchedBy: null | string;
  /** Of the postback. */
  readonly quantity: null | number;
  /** Of the winning click: redirect, direct or impression. */
  readonly clickKind: null | string;
  /** When the edge received the winning click. */
  readonly clickReceivedAt: null | number;
  /** Of the winning click. */
  readonly clickCustomerId: null | string;
  /** Of the winning click. */
  readonly clickSubjectHashes: Readonly<Record<string, string>>;
  /** Of the winning click: why it looks as if no person had made it, e.g. bot. */
  readonly clickAutomation: null | string;
  /** The payout by credited click; sums to payoutMicros exactly. */
  readonly payoutParts: readonly PayoutPart[];
  /** For refund and chargeback: the positive amount its sender asks for; null for all that is left. What was granted is revenueMicros. */
  readonly askedMicros: null | bigint;
  /** Every report names a click of another advertiser, or mixes test and live: kept, and counted nowhere. */
  readonly isForeign: boolean;
  /** Places under caps this conversion was given or refused. */
  readonly capPlaces: readonly CapPlace[];
  /** Its numbers in payouts by tiers, once given and kept. */
  readonly tierPlaces: readonly TierPlace[];
  /** What people ordered about it. */
  readonly orders: Orders;
  /** What only attribution needs; see there. */
  readonly ledger: Ledger;
}

/** Credentials of one destination that were obtained anew from its platform (OAuth); the latest counts; compacted. Key: destinationId. */
export interface CredentialRefreshed {
  /** Id of this refresh. */
  readonly refreshId: string;
  /** The configured receiver. */
  readonly destinationId: string;
  /** Its platform or network, the key of the definition. */
  readonly definition: string;
  /** Configuration version of the destination whose credentials were refreshed; a newer version of the destination makes this record void, because a person has given new ones. */
  readonly destinationVersion: number;
  /** Credentials by setting name: AES-256-GCM ciphertext under a key of SECRETS_KEYS, bound to the destination and the name. Never in clear. */
  readonly credentials: Readonly<Record<string, Buffer>>;
  /** When the platform gave them. */
  readonly refreshedAt: number;
  /** When the platform stops taking them; null when it does not say. */
  readonly expiresAt: null | number;
  /** From when the next refresh is due, before they expire. */
  readonly refreshAfter: null | number;
  /** The instance of fan-out that asked. */
  readonly instanceId: string;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
}

export type DeadLetterKind = 'record' | 'delivery';

/** A record or a delivery set aside with its reason, replayable. Key: the original key. */
export interface DeadLettered {
  /** Derived from the coordinates or the delivery, so a repeat coincides. */
  readonly deadLetterId: string;
  /** record: bytes nobody could handle; delivery: a delivery whose ladder is exhausted or refused for good. */
  readonly kind: DeadLetterKind;
  /** Who gave up. */
  readonly service: string;
  /** Closed list. */
  readonly reasonCode: string;
  /** One line for people, without personal data. */
  readonly detail: null | string;
  /** Where the record was read. */
  readonly topic: string;
  /** Coordinates. */
  readonly partition: number;
  /** Coordinates. */
  readonly offset: number;
  /** Raw. */
  readonly key: null | Buffer;
  /** Raw bytes as read. */
  readonly value: null | Buffer;
  /** Latin-1. */
  readonly headers: Readonly<Record<string, string>>;
  /** For a delivery. */
  readonly conversionId: null | string;
  /** For a delivery. */
  readonly deliveryId: null | string;
  /** For a delivery. */
  readonly destinationId: null | string;
  /** For a delivery. */
  readonly attempts: null | number;
  /** When. */
  readonly deadLetteredAt: number;
}

export type AttemptPhase = 'intended' | 'ended';

export type Outcome = 'delivered' | 'retry' | 'refused' | 'dead' | 'superseded';

/** One delivery that this request carries. */
export interface AttemptedDelivery {
  /** The key sent outward: hash(conversionId, destinationId, outwardEvent), of a correction with the revision. */
  readonly deliveryId: string;
  /** The conversion. */
  readonly conversionId: string;
  /** The revision sent. */
  readonly revision: number;
  /** Event name at the destination. */
  readonly outwardEvent: string;
  /** From 1, counted over all deliveries about one holding. */
  readonly attempt: number;
  /** Null in intended. dead: the ladder is exhausted. */
  readonly outcome: null | Outcome;
  /** Why, for every outcome but delivered; of one delivered dropped_in_part, where the platform told later that it has dropped some of the request, and not which. */
  readonly reasonCode: null | string;
  /** SHA-256 hex of what was sent of this conversion. */
  readonly contentDigest: string;
  /** For retry: when the next one is due. */
  readonly nextAttemptAt: null | number;
}

/** What a destination holds of one conversion under one event, and how the latest delivery about it stands after this record. */
export interface Holding {
  /** hash(conversionId, destinationId, event): the key the event itself is sent under. */
  readonly holdingId: string;
  /** The conversion. */
  readonly conversionId: string;
  /** Name under which the receiver knows it; a correction may go by another. */
  readonly event: string;
  /** The latest delivery about it. */
  readonly deliveryId: string;
  /** What that delivery is: event, restate or retract. */
  readonly kind: string;
  /** The revision it tells. */
  readonly revision: number;
  /** Its latest attempt, counted over all deliveries about the holding. */
  readonly attempt: number;
  /** Tries of its own ladder used up, this one included. */
  readonly tries: number;
  /** As in deliveries. */
  readonly outcome: null | string;
  /** As in deliveries. */
  readonly reasonCode: null | string;
  /** As in deliveries. */
  readonly nextAttemptAt: null | number;
  /** Whether an attempt that ended without a delivery may have arrived all the same. */
  readonly mayHaveArrived: boolean;
  /** The revision for which it was told again because nobody knew whether it had arrived; 0 for none. */
  readonly repeatedFor: number;
  /** The revision the event itself was delivered by; null before. */
  readonly eventRevision: null | number;
  /** The request by which it came to hold what it held before the latest delivery; null before one was delivered. */
  readonly heldBy: null | string;
  /** What the receiver holds once the latest delivery is delivered. The state of the conversion; rejected and reversed: taken back. */
  readonly toldState: null | string;
  /** Net of reversals. */
  readonly toldRevenueMicros: null | bigint;
  /** ISO 4217. */
  readonly toldRevenueCurrency: null | string;
  /** Net of reversals. */
  readonly toldPayoutMicros: null | bigint;
  /** ISO 4217. */
  readonly toldPayoutCurrency: null | string;
  /** What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered. */
  readonly heldState: null | string;
  /** Net of reversals. */
  readonly heldRevenueMicros: null | bigint;
  /** ISO 4217. */
  readonly heldRevenueCurrency: null | string;
  /** Net of reversals. */
  readonly heldPayoutMicros: null | bigint;
  /** ISO 4217. */
  readonly heldPayoutCurrency: null | string;
}

/** One HTTP request to a destination, recorded twice: intended before the first byte leaves, ended with the outcome. A question what became of a request is recorded once, ended, and carries no delivery unless it is dropped_in_part. Key: conversionId. */
export interface DeliveryAttempted {
  /** Id of the HTTP request; the same in both records. */
  readonly requestId: string;
  /** intended is acknowledged by Kafka before the first byte leaves; intended without ended is ambiguous. */
  readonly phase: AttemptPhase;
  /** The configured receiver. */
  readonly destinationId: string;
  /** Key of the code that built the request, e.g. meta. */
  readonly definition: string;
  /** API or template version used. */
  readonly definitionVersion: string;
  /** Whose conversions. */
  readonly advertiserId: string;
  /** Per-event outcomes. */
  readonly deliveries: readonly AttemptedDelivery[];
  /** HTTP method. */
  readonly method: string;
  /** Secrets replaced by [redacted]. */
  readonly url: string;
  /** Secrets replaced. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** Capped, secrets replaced. */
  readonly requestBody: null | string;
  /** Null when no response came. */
  readonly responseStatus: null | number;
  /** Capped. */
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** Capped. */
  readonly responseBody: null | string;
  /** Network error, closed list. */
  readonly errorCode: null | string;
  /** Before the first byte left. */
  readonly startedAt: number;
  /** Null in intended. */
  readonly endedAt: null | number;
  /** Null in intended. */
  readonly durationMs: null | number;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events. */
  readonly isTest: boolean;
  /** One for each of deliveries, in their order; empty in records of before they were kept. */
  readonly holdings: readonly Holding[];
}

/** One order about one delivery to fan-out, which executes it by what the destination holds when it comes; an order that no longer fits is void. Key: conversionId. */
export interface DeliveryCommanded {
  /** Derived from the run and the dead letter: the same order twice is one order. */
  readonly commandId: string;
  /** replay. The list may grow: a reader passes over what it does not know. */
  readonly command: string;
  /** The run of a person it belongs to, see replay.recorded; an order for one dead letter is a run too. */
  readonly runId: string;
  /** The dead letter it is about. */
  readonly deadLetterId: string;
  /** Whose delivery it is. */
  readonly conversionId: string;
  /** The delivery that is to be attempted again, under the same key. */
  readonly deliveryId: string;
  /** The configured receiver. */
  readonly destinationId: string;
  /** The attempt by which the delivery ended; once a later one has been made the order is void. */
  readonly expectedAttempt: number;
  /** Risks that the person has named and takes, see the replay classes in docs/errors.md. Empty: only what is safe is sent. */
  readonly accepts: readonly string[];
  /** When console wrote it; an order of which nothing was begun within ten minutes is void, and console writes it again. */
  readonly issuedAt: number;
  /** Who ordered it: an API key id. */
  readonly actor: string;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** The conversion is a test. */
  readonly isTest: boolean;
}

/** A delivery of that request that was judged delivered. */
export interface QuestionedDelivery {
  /** The delivery. */
  readonly deliveryId: string;
  /** What it is about: hash(conversionId, destinationId, event). */
  readonly holdingId: string;
  /** The conversion. */
  readonly conversionId: string;
  /** The revision sent. */
  readonly revision: number;
  /** Event name at the destination. */
  readonly outwardEvent: string;
  /** The attempt that was judged delivered. */
  readonly attempt: number;
  /** Whether an earlier attempt may have arrived, whatever became of this one. */
  readonly mayHaveArrived: boolean;
  /** The request by which the receiver had come to hold what it held before; null before one was delivered. */
  readonly heldBy: null | string;
  /** What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered. */
  readonly heldState: null | string;
  /** Net of reversals. */
  readonly heldRevenueMicros: null | bigint;
  /** ISO 4217. */
  readonly heldRevenueCurrency: null | string;
  /** Net of reversals. */
  readonly heldPayoutMicros: null | bigint;
  /** ISO 4217. */
  readonly heldPayoutCurrency: null | string;
}

/** What to ask a platform that tells of a request only later what became of its deliveries. */
export interface DueQuestion {
  /** Key of the code that built the request; another one would not know what to ask. */
  readonly definition: string;
  /** Index of the destination's override that it went by; null for its own settings. */
  readonly override: null | number;
  /** The platform's id of the request. */
  readonly platformRequestId: string;
  /** When it was accepted. */
  readonly acceptedAt: number;
  /** Whether it carried adjustments rather than events. */
  readonly isAdjustment: boolean;
  /** Whose conversions. */
  readonly advertiserId: string;
  /** Test traffic. */
  readonly isTest: boolean;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** In the order of the request. */
  readonly deliveries: readonly QuestionedDelivery[];
}

/** What became of a delivery that was judged delivered. Why stands in lastReasonCode. */
export interface DroppedDelivery {
  /** What it is about: hash(conversionId, destinationId, event). */
  readonly holdingId: string;
  /** The request that carried it. */
  readonly requestId: string;
  /** retry or refused. */
  readonly outcome: string;
  /** Of a retry: until when the platform wants to be spared. */
  readonly notBefore: null | number;
  /** Whether an earlier attempt may have arrived all the same. */
  readonly mayHaveArrived: boolean;
  /** The request by which the receiver had come to hold what it held before; null before one was delivered. */
  readonly heldBy: null | string;
  /** What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered. */
  readonly heldState: null | string;
  /** Net of reversals. */
  readonly heldRevenueMicros: null | bigint;
  /** ISO 4217. */
  readonly heldRevenueCurrency: null | string;
  /** Net of reversals. */
  readonly heldPayoutMicros: null | bigint;
  /** ISO 4217. */
  readonly heldPayoutCurrency: null | string;
}

/** A delivery that waits in the timer wheel. Key: conversionId. One schema for every level. */
export interface DeliveryDue {
  /** The delivery; of a step the id of the holding, of a question that of the request it is about. */
  readonly deliveryId: string;
  /** The configured receiver. */
  readonly destinationId: string;
  /** Event name at the destination; of a question that of the first delivery. */
  readonly outwardEvent: string;
  /** The attempt that is due, from 1; of a replay the one by which the delivery had ended, of what was dropped the one that was judged delivered. Of a question how often it was asked before. */
  readonly attempt: number;
  /** Not before. */
  readonly dueAt: number;
  /** When this record was written, the start of its level delay. */
  readonly enqueuedAt: number;
  /** The conversion.decided record in wire format, so that a retry looks nothing up; empty for a replay, which is judged anew, and for a question and what was dropped, which look it up where it is needed. */
  readonly decision: Buffer;
  /** Why the last attempt did not deliver. */
  readonly lastReasonCode: null | string;
  /** retry: the named attempt; step: the decision has its step taken again, for it found no room or had to wait for an open delivery; replay: a delivery that had ended is attempted again on order; question: the platform is asked what became of a request that it had accepted; dropped: it has not taken a delivery after all. */
  readonly kind: string;
  /** Of a correction: the conversion.decided record, in wire format, by which the event was delivered. */
  readonly delivered: null | Buffer;
  /** Of a replay: the risks that were named, see delivery.commanded. */
  readonly accepts: readonly string[];
  /** Of a question: what is asked. */
  readonly question: null | DueQuestion;
  /** Of what was dropped: how. */
  readonly dropped: null | DroppedDelivery;
  /** Of a replay: when console wrote the order, see delivery.commanded; ten minutes later it is void. */
  readonly issuedAt: null | number;
}

export type BreakerState = 'closed' | 'open' | 'half_open';

/** How one destination stands: its breaker, and whether it was switched off for its failures. The latest counts; compacted. Key: destinationId. */
export interface DestinationState {
  /** The configured receiver. */
  readonly destinationId: string;
  /** Its platform or network, the key of the definition. */
  readonly definition: string;
  /** Whose destination it is; null for one that all share. */
  readonly advertiserId: null | string;
  /** closed: deliveries flow; open: they are parked and burn no attempts; half_open: one probe at a time. */
  readonly breaker: BreakerState;
  /** Since when the breaker is in this state. */
  readonly breakerChangedAt: number;
  /** When open: the next probe is not made before. */
  readonly probeAt: null | number;
  /** Probes that failed since the breaker opened; the wait before the next one grows with it. */
  readonly probes: number;
  /** Failed requests in a row; 0 after a success. */
  readonly consecutiveFailures: number;
  /** The first failure of the row; null after a success. */
  readonly failingSince: null | number;
  /** When the last request failed. */
  readonly lastFailureAt: null | number;
  /** Why it failed: a reason code of docs/errors.md, never a text of the receiver. */
  readonly lastFailureCode: null | string;
  /** When the last request was delivered. */
  readonly lastSuccessAt: null | number;
  /** The request in delivery.attempted that led to this state. */
  readonly lastRequestId: null | string;
  /** True when fan-out has switched it off for nothing but failures; a newer configuration of the destination or a probe switches it on. */
  readonly isDisabled: boolean;
  /** Since when it is switched off. */
  readonly disabledAt: null | number;
  /** Why it is switched off; closed list. */
  readonly disabledReasonCode: null | string;
  /** Deliveries that waited for the breaker at that moment, as this instance saw them. */
  readonly parkedDeliveries: null | number;
  /** The instance of fan-out that wrote it: each keeps a breaker of its own and the latest record counts. */
  readonly instanceId: string;
  /** When it was written. */
  readonly changedAt: number;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
}

export type SignalPhase = 'raised' | 'withdrawn';

/** One thing a CRM or lifecycle tool should act on for one customer, or its withdrawal. Signals of a customer are in log order. Key: customerKey. */
export interface LifecycleSignalled {
  /** Derived from customerKey, signal and the conversion it is about, of onboarding and suppression from the first two alone; so repeats coincide, and a withdrawal carries the id of what it withdraws. */
  readonly signalId: string;
  /** raised: act on it; withdrawn: it no longer holds, e.g. a suppression after a refund. The later in the log counts. */
  readonly phase: SignalPhase;
  /** onboarding, activation, activation_missed, renewal_due, renewal_missed, win_back or suppression. The list may grow: pass over what you do not know. */
  readonly signal: string;
  /** Key of the record: a UUID derived from the advertiser, the lane and the customer id or, without one, a hashed identity; it says nothing by itself. */
  readonly customerKey: string;
  /** The advertiser's id of the person, when the facts gave one. */
  readonly customerId: null | string;
  /** The lane the customer belongs to. */
  readonly lane: string;
  /** Whose customer it is. */
  readonly advertiserId: string;
  /** The conversion it is about, also when a clock raised or withdrew it. */
  readonly conversionId: null | string;
  /** Its revision at that moment. */
  readonly revision: null | number;
  /** Its event type: lead, subscription_started, renewal, … */
  readonly eventType: null | string;
  /** Offer that brought the customer. */
  readonly offerId: null | string;
  /** Campaign that brought the customer. */
  readonly campaignId: null | string;
  /** Partner that brought the customer. */
  readonly partnerId: null | string;
  /** Product it is about, as the source names it. */
  readonly productId: null | string;
  /** Subscription plan it is about, as the source names it. */
  readonly planId: null | string;
  /** Which of its kind it is for this customer and plan, from 1: the second renewal_due is 2. */
  readonly ordinal: number;
  /** Why it was raised or withdrawn; closed list. */
  readonly reasonCodes: readonly string[];
  /** When the fact behind it occurred at the source, or the deadline that passed. */
  readonly occurredAt: number;
  /** When attribution wrote it. */
  readonly signalledAt: number;
  /** When the thing it speaks of is due, e.g. the renewal. */
  readonly dueAt: null | number;
  /** From when acting on it is pointless; null for never. */
  readonly expiresAt: null | number;
  /** What caused it. */
  readonly triggerKind: TriggerKind;
  /** Partition of postback.received the lane belongs to. */
  readonly triggerPartition: number;
  /** Offset of the postback that caused it, or the position of the lane when a clock did. */
  readonly triggerOffset: number;
  /** Value of the conversion behind it in micro-units; negative for a refund or chargeback. */
  readonly revenueMicros: null | bigint;
  /** ISO 4217 of all amounts in this record. */
  readonly currency: null | string;
  /** Predicted lifetime value as last sent. */
  readonly predictedLtvMicros: null | bigint;
  /** SHA-256 of personal identifiers by named normal form, to find the person in another system. */
  readonly subjectHashes: Readonly<Record<string, string>>;
  /** The customer's country, ISO 3166-1 alpha-2. */
  readonly country: null | string;
  /** Whether the person allowed their data to be sent to ad platforms, as last told; audiences for suppression need it. */
  readonly consentAdUserData: ConsentState;
  /** Whether the person allowed ad personalization, as last told. */
  readonly consentAdPersonalization: ConsentState;
  /** Further facts of the signal by name; never personal. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events. */
  readonly isTest: boolean;
}

export type Verdict = 'counted' | 'duplicate_of' | 'conflict' | 'rejected' | 'parked';

/** What attribution made of one receipt; exactly one per receipt. Key: receiptId. */
export interface PostbackJudged {
  /** The receipt judged. */
  readonly receiptId: string;
  /** Who posted. */
  readonly sourceId: string;
  /** The lane it was decided in. */
  readonly lane: string;
  /** Whose conversion it is. */
  readonly advertiserId: string;
  /** What became of the receipt. */
  readonly verdict: Verdict;
  /** Why, for every verdict but counted; closed list. */
  readonly reasonCode: null | string;
  /** The conversion it created, repeated or conflicts with. */
  readonly conversionId: null | string;
  /** The revision it led to. */
  readonly revision: null | number;
  /** When the receipt was accepted. */
  readonly receivedAt: number;
  /** When attribution judged it. */
  readonly judgedAt: number;
  /** Partition of postback.received. */
  readonly triggerPartition: number;
  /** Offset of the receipt in that partition. */
  readonly triggerOffset: number;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events. */
  readonly isTest: boolean;
}

/** One accepted postback, parsed by its source profile and immutable. Key: lane. */
export interface PostbackReceived {
  /** The acknowledgement the sender got; deterministic where the sender gave an Idempotency-Key or a nonce. */
  readonly receiptId: string;
  /** Who posted. */
  readonly sourceId: string;
  /** The sources whose postbacks one writer decides in order; a configuration fact of the source. */
  readonly lane: string;
  /** Whose conversion it is. */
  readonly advertiserId: string;
  /** When our edge received it. */
  readonly receivedAt: number;
  /** When it happened at the source. */
  readonly occurredAt: number;
  /** True when the sender gave no time and receivedAt stands in. */
  readonly occurredAtIsAssumed: boolean;
  /** lead, sale, renewal, refund, …: after the mapping of the profile. */
  readonly eventType: string;
  /** The value as sent. */
  readonly eventTypeSent: null | string;
  /** What the source says of the fact, after the mapping of the profile. */
  readonly status: PostbackStatus;
  /** The value as sent. */
  readonly statusSent: null | string;
  /** The click id as sent, not yet checked to be one of ours. */
  readonly clickId: null | string;
  /** The advertiser's own id of the fact. */
  readonly transactionId: null | string;
  /** For refund and chargeback: the transaction that is reversed. */
  readonly originalTransactionId: null | string;
  /** For refund and chargeback: the id of this reversal. */
  readonly reversalId: null | string;
  /** The advertiser's id of the person. */
  readonly customerId: null | string;
  /** The advertiser's value in micro-units; positive, also for a refund. */
  readonly revenueMicros: null | bigint;
  /** ISO 4217 of all amounts in this record. */
  readonly currency: null | string;
  /** Tax contained in the revenue. */
  readonly taxMicros: null | bigint;
  /** Shipping contained in the revenue. */
  readonly shippingMicros: null | bigint;
  /** Predicted lifetime value. */
  readonly predictedLtvMicros: null | bigint;
  /** Product, as the source names it. */
  readonly productId: null | string;
  /** Subscription plan, as the source names it. */
  readonly planId: null | string;
  /** Coupon used. */
  readonly couponCode: null | string;
  /** Number of items. */
  readonly quantity: null | number;
  /** Sub-ids as sent. */
  readonly subIds: Readonly<Record<string, string>>;
  /** Further parameters kept by the allow list of the source. */
  readonly extras: Readonly<Record<string, string>>;
  /** SHA-256 of personal identifiers by named normal form. */
  readonly subjectHashes: Readonly<Record<string, string>>;
  /** The customer's address under a per-day key. */
  readonly ipCiphertext: null | Buffer;
  /** The customer's user agent. */
  readonly userAgent: null | string;
  /** The customer's country, ISO 3166-1 alpha-2. */
  readonly country: null | string;
  /** Whether the person allowed their data to be sent to ad platforms, as far as the sender told us. */
  readonly consentAdUserData: ConsentState;
  /** Whether the person allowed ad personalization. */
  readonly consentAdPersonalization: ConsentState;
  /** Which proofs the call passed: token, hmac, ip_allow_list. */
  readonly authenticatedBy: readonly string[];
  /** SHA-256 of the nonce of a signed call. */
  readonly nonceHash: null | string;
  /** SHA-256 of the Idempotency-Key. */
  readonly idempotencyKeyHash: null | string;
  /** SHA-256 hex of the canonical parameters: tells another content under the same receipt id. */
  readonly contentDigest: string;
  /** The call as it came, capped, credentials and personal values removed. */
  readonly rawCall: string;
  /** Codes of what was odd but accepted, e.g. unreplaced_macro:click_id. */
  readonly warnings: readonly string[];
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events. */
  readonly isTest: boolean;
}

/** One refused postback with its reason. Key: sourceId. */
export interface PostbackRefused {
  /** Id of this refusal, given in the answer. */
  readonly refusalId: string;
  /** The source as named in the call; it may not exist. */
  readonly sourceId: string;
  /** Known when the source exists. */
  readonly advertiserId: null | string;
  /** When our edge received it. */
  readonly receivedAt: number;
  /** Closed list, see docs/errors.md. */
  readonly reasonCode: string;
  /** The parameter the reason is about. */
  readonly field: null | string;
  /** What was expected instead. */
  readonly expected: null | string;
  /** SHA-256 hex of the call. */
  readonly contentDigest: string;
  /** The call as it came, capped, credentials and personal values removed. */
  readonly rawCall: string;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
  /** Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events. */
  readonly isTest: boolean;
}

/** How many dead letters of the plan are of a class. */
export interface ReplayCount {
  /** See the replay classes in docs/errors.md. */
  readonly class: string;
  /** Dead letters of it. */
  readonly count: number;
}

/** One step of a replay of dead letters: ordered by a person, progressed, stopped, or completed. Key: runId. */
export interface ReplayRecorded {
  /** The run: everything that one person ordered at once. */
  readonly runId: string;
  /** Numbers the steps of a run from 0. */
  readonly sequence: number;
  /** ordered, progressed, stopped or completed. A run that was stopped once stays so. */
  readonly step: string;
  /** Which dead letters it is about, as JSON. */
  readonly filter: string;
  /** Only dead letters from before: when the plan was made. */
  readonly until: number;
  /** Risks that the person has named and takes; empty: only what is safe. */
  readonly accepts: readonly string[];
  /** SHA-256 hex of the plan the person saw: which dead letters could be replayed, and at which risk. */
  readonly planDigest: string;
  /** The plan by class. */
  readonly planned: readonly ReplayCount[];
  /** Most orders a second. */
  readonly ratePerSecond: number;
  /** Dead letters up to here, in the order of their ids, were ordered or passed over; null for none. */
  readonly afterId: null | string;
  /** Dead letters ordered so far; one that was ordered again, because nobody began with it in time, counts once. */
  readonly ordered: number;
  /** Dead letters of the filter that were not ordered so far. */
  readonly passedOver: number;
  /** When console wrote it. */
  readonly recordedAt: number;
  /** Who ordered the run, or stopped it: an API key id. */
  readonly actor: string;
  /** The process of console that gives the orders. */
  readonly instanceId: string;
  /** Offset of configuration.changed up to which the writer had read; a reader catches up to it first. */
  readonly configurationVersion: number;
}

/** Event type by schema name. */
export interface EventBySchema {
  'attribution.commanded.v1': AttributionCommanded;
  'click.recorded.v1': ClickRecorded;
  'configuration.changed.v1': ConfigurationChanged;
  'conversion.decided.v1': ConversionDecided;
  'credential.refreshed.v1': CredentialRefreshed;
  'dead-letter.v1': DeadLettered;
  'delivery.attempted.v1': DeliveryAttempted;
  'delivery.commanded.v1': DeliveryCommanded;
  'delivery.due.v1': DeliveryDue;
  'destination.state.v1': DestinationState;
  'lifecycle.signalled.v1': LifecycleSignalled;
  'postback.judged.v1': PostbackJudged;
  'postback.received.v1': PostbackReceived;
  'postback.refused.v1': PostbackRefused;
  'replay.recorded.v1': ReplayRecorded;
}

/** Every version of every schema with its id, as locked in schemas/schema-ids.lock.json. */
export const LOCKED_SCHEMAS: Readonly<Record<string, readonly { version: number; id: number; schema: object }[]>> = {"click.recorded.v1":[{"version":1,"id":1,"schema":{"type":"record","name":"ClickRecorded","namespace":"io.tributary.v1","doc":"One recorded ad click (or impression), immutable. Key: clickId.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"UUIDv7 minted at the edge; its time order is the order of clicks."},{"name":"kind","type":{"type":"enum","name":"ClickKind","symbols":["redirect","direct","impression"]},"doc":"redirect: GET /c/{campaign}; direct: POST /v1/clicks; impression: a view, for view-through only."},{"name":"advertiserId","type":"string","doc":"Who pays, as configured for the campaign."},{"name":"offerId","type":"string","doc":"What is promoted."},{"name":"campaignId","type":"string","doc":"The traffic grouping whose URL was clicked."},{"name":"partnerId","type":["null","string"],"doc":"Who promotes; null for own traffic.","default":null},{"name":"partnerClickId","type":["null","string"],"doc":"The partner's own id of the click.","default":null},{"name":"clickedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When the click happened: the edge clock for a redirect, the sent time for a direct click."},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When our edge received it."},{"name":"subIds","type":{"type":"map","values":"string"},"doc":"sub1 to sub20 as sent."},{"name":"utm","type":{"type":"map","values":"string"},"doc":"utm_* parameters as sent."},{"name":"adPlatformIds","type":{"type":"array","items":{"type":"record","name":"AdPlatformId","doc":"An ad platform's own click id.","fields":[{"name":"name","type":"string","doc":"Query parameter as the platform spells it, e.g. fbclid."},{"name":"value","type":"string","doc":"Opaque and case-sensitive; never trimmed, lowered or hashed."},{"name":"firstSeenAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When we first saw this id, UTC."}]}},"doc":"Every ad-platform click id that came with the click."},{"name":"landingUrl","type":["null","string"],"doc":"The page the person was sent to, or was on, without personal query values.","default":null},{"name":"referrer","type":["null","string"],"doc":"Referer header, capped.","default":null},{"name":"userAgent","type":["null","string"],"doc":"User-Agent header, capped.","default":null},{"name":"country","type":["null","string"],"doc":"ISO 3166-1 alpha-2, from a trusted header if one gives it.","default":null},{"name":"ipHash","type":["null","string"],"doc":"Keyed SHA-256 of the address, for velocity rules; null when none is known.","default":null},{"name":"ipCiphertext","type":["null","bytes"],"doc":"The address under a per-day key, for platforms that want it in clear.","default":null},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"SHA-256 of personal identifiers by named normal form, e.g. emailPlain."},{"name":"customerId","type":["null","string"],"doc":"The advertiser's id of the person, when the click already knows it.","default":null},{"name":"consentAdUserData","type":{"type":"enum","name":"ConsentState","symbols":["granted","denied","unknown"]},"doc":"Whether the person allowed their data to be sent to ad platforms, as far as the sender told us."},{"name":"consentAdPersonalization","type":"ConsentState","doc":"Whether the person allowed ad personalization."},{"name":"costMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Cost of this click in micro-units.","default":null},{"name":"costCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"automation","type":["null","string"],"doc":"Why the request looks automated (bot, prefetch); null for a person.","default":null},{"name":"extras","type":{"type":"map","values":"string"},"doc":"Further parameters kept by the allow list."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."}]}}],"configuration.changed.v1":[{"version":1,"id":2,"schema":{"type":"record","name":"ConfigurationChanged","namespace":"io.tributary.v1","doc":"One change of one configuration entity; the offset is the configuration version. Key: entityType:entityId.","fields":[{"name":"changeId","type":{"type":"string","logicalType":"uuid"},"doc":"Id of the change."},{"name":"entityType","type":{"type":"enum","name":"EntityType","symbols":["advertiser","offer","campaign","partner","source","destination","subscription","exchange_rate","api_key"]},"doc":"What kind of entity."},{"name":"entityId","type":"string","doc":"Its id."},{"name":"operation","type":{"type":"enum","name":"ConfigurationOperation","symbols":["put","remove"]},"doc":"put replaces the whole document."},{"name":"expectedVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"The entity's version the writer saw, -1 for none; another one at its place in the log makes the change void for every reader."},{"name":"document","type":"string","doc":"The entity as JSON, without secrets."},{"name":"secrets","type":{"type":"map","values":"bytes"},"doc":"Secret fields by name: AES-256-GCM ciphertext."},{"name":"effectiveFrom","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Never before recordedAt."},{"name":"recordedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When console wrote it."},{"name":"actor","type":"string","doc":"Who changed it: an API key id."}]}}],"conversion.decided.v1":[{"version":1,"id":3,"schema":{"type":"record","name":"ConversionDecided","namespace":"io.tributary.v1","doc":"One revision of the decision on one conversion; revisions of a conversion are numbered from 1 without gaps. Key: conversionId.","fields":[{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from the conversion's identity, so replays and retries coincide."},{"name":"revision","type":"int","doc":"From 1."},{"name":"lane","type":"string","doc":"The lane it was decided in."},{"name":"advertiserId","type":"string","doc":"Who pays."},{"name":"offerId","type":["null","string"],"doc":"Offer of the winning click.","default":null},{"name":"campaignId","type":["null","string"],"doc":"Campaign of the winning click.","default":null},{"name":"partnerId","type":["null","string"],"doc":"Partner of the winning click.","default":null},{"name":"sourceId","type":"string","doc":"Who posted the fact first."},{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt that created the conversion."},{"name":"eventType","type":"string","doc":"lead, sale, renewal, refund, …"},{"name":"eventClass","type":"string","doc":"Identity uses the class: first_purchase and sale of one order are one purchase."},{"name":"transactionId","type":["null","string"],"doc":"The advertiser's own id of the fact.","default":null},{"name":"originalConversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"For refund and chargeback: the conversion that is reversed.","default":null},{"name":"customerId","type":["null","string"],"doc":"The advertiser's id of the person.","default":null},{"name":"status","type":{"type":"enum","name":"PostbackStatus","symbols":["pending","approved","rejected"]},"doc":"What the source says of the fact."},{"name":"match","type":{"type":"enum","name":"Match","symbols":["attributed","unattributed","parked"]},"doc":"Whether a click was found."},{"name":"state","type":{"type":"enum","name":"State","symbols":["pending","held","payable","rejected","reversed"]},"doc":"Where the money stands."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Every reason that shaped this revision; closed list."},{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At the source."},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At our edge."},{"name":"decidedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this revision was decided."},{"name":"parkedUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a parked match.","default":null},{"name":"heldUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a held state.","default":null},{"name":"triggerKind","type":{"type":"enum","name":"TriggerKind","symbols":["postback","late_click","deadline","release","command"]},"doc":"What caused this revision."},{"name":"triggerPartition","type":"int","doc":"Partition of postback.received the lane belongs to."},{"name":"triggerOffset","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of the postback that caused it, or the position of the lane when a clock did."},{"name":"revenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The advertiser's value; negative for a refund or chargeback.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of the revenue.","default":null},{"name":"payoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"What we owe the partner; negative for a refund or chargeback.","default":null},{"name":"payoutCurrency","type":["null","string"],"doc":"ISO 4217 of the payout.","default":null},{"name":"payoutRule","type":["null","string"],"doc":"The rule that gave the payout, e.g. sale:percent.","default":null},{"name":"reversedRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"reversedPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"taxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"shippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"predictedLtvMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"exchangeRateId","type":["null","string"],"doc":"Configuration fact used to convert, frozen at occurredAt.","default":null},{"name":"isFirstOfCustomer","type":["null","boolean"],"doc":"Whether it is the customer's first of its class; null without a customer.","default":null},{"name":"model","type":"string","doc":"Attribution model, e.g. last_click."},{"name":"credits","type":{"type":"array","items":{"type":"record","name":"Credit","doc":"One share of a conversion; the shares of a revision sum to one exactly.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"The credited click."},{"name":"partnerId","type":["null","string"],"doc":"Its partner.","default":null},{"name":"numerator","type":"int","doc":"Share numerator."},{"name":"denominator","type":"int","doc":"Share denominator."}]}},"doc":"Exact shares."},{"name":"candidates","type":{"type":"array","items":{"type":"record","name":"Candidate","doc":"A click that was considered.","fields":[{"name":"clickId","type":"string","doc":"As considered; may be an id we never minted."},{"name":"campaignId","type":["null","string"],"doc":"Null when the click is unknown.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Null when the click is unknown.","default":null},{"name":"outcome","type":"string","doc":"won, lost or missing."},{"name":"reasonCode","type":["null","string"],"doc":"Why it lost; closed list.","default":null}]}},"doc":"Every click considered and why each lost."},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The winning click.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Of the winning click.","default":null},{"name":"partnerClickId","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickSubIds","type":{"type":"map","values":"string"},"doc":"Of the winning click."},{"name":"adPlatformIds","type":{"type":"array","items":{"type":"record","name":"AdPlatformId","doc":"An ad platform's own click id.","fields":[{"name":"name","type":"string","doc":"Query parameter as the platform spells it, e.g. fbclid."},{"name":"value","type":"string","doc":"Opaque and case-sensitive; never trimmed, lowered or hashed."},{"name":"firstSeenAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When we first saw this id, UTC."}]}},"doc":"Of the winning click."},{"name":"landingUrl","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickUserAgent","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickCountry","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickIpCiphertext","type":["null","bytes"],"doc":"Of the winning click.","default":null},{"name":"subIds","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"extras","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"productId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"planId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"couponCode","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"Of postback and click together."},{"name":"ipCiphertext","type":["null","bytes"],"doc":"Of the postback.","default":null},{"name":"userAgent","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"country","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"consentAdUserData","type":{"type":"enum","name":"ConsentState","symbols":["granted","denied","unknown"]},"doc":"Whether the person allowed their data to be sent to ad platforms, as far as the sender told us."},{"name":"consentAdPersonalization","type":"ConsentState","doc":"Whether the person allowed ad personalization."},{"name":"valueDigest","type":"string","doc":"SHA-256 hex of the values that duplicates are compared by: status, revenue, currency."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."}]}},{"version":2,"id":14,"schema":{"type":"record","name":"ConversionDecided","namespace":"io.tributary.v1","doc":"One revision of the decision on one conversion; revisions of a conversion are numbered from 1 without gaps. Key: conversionId.","fields":[{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from the conversion's identity, so replays and retries coincide."},{"name":"revision","type":"int","doc":"From 1."},{"name":"lane","type":"string","doc":"The lane it was decided in."},{"name":"advertiserId","type":"string","doc":"Who pays."},{"name":"offerId","type":["null","string"],"doc":"Offer of the winning click.","default":null},{"name":"campaignId","type":["null","string"],"doc":"Campaign of the winning click.","default":null},{"name":"partnerId","type":["null","string"],"doc":"Partner of the winning click.","default":null},{"name":"sourceId","type":"string","doc":"Who posted the fact first."},{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt that created the conversion."},{"name":"eventType","type":"string","doc":"lead, sale, renewal, refund, …"},{"name":"eventClass","type":"string","doc":"Identity uses the class: first_purchase and sale of one order are one purchase."},{"name":"transactionId","type":["null","string"],"doc":"The advertiser's own id of the fact.","default":null},{"name":"originalConversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"For refund and chargeback: the conversion that is reversed.","default":null},{"name":"customerId","type":["null","string"],"doc":"The advertiser's id of the person.","default":null},{"name":"status","type":{"type":"enum","name":"PostbackStatus","symbols":["pending","approved","rejected"]},"doc":"What the source says of the fact."},{"name":"match","type":{"type":"enum","name":"Match","symbols":["attributed","unattributed","parked"]},"doc":"Whether a click was found."},{"name":"state","type":{"type":"enum","name":"State","symbols":["pending","held","payable","rejected","reversed"]},"doc":"Where the money stands."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Every reason that shaped this revision; closed list."},{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At the source."},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At our edge."},{"name":"decidedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this revision was decided."},{"name":"parkedUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a parked match.","default":null},{"name":"heldUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a held state.","default":null},{"name":"triggerKind","type":{"type":"enum","name":"TriggerKind","symbols":["postback","late_click","deadline","release","command"]},"doc":"What caused this revision."},{"name":"triggerPartition","type":"int","doc":"Partition of postback.received the lane belongs to."},{"name":"triggerOffset","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of the postback that caused it, or the position of the lane when a clock did."},{"name":"revenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The advertiser's value; negative for a refund or chargeback.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of the revenue.","default":null},{"name":"payoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"What we owe the partner; negative for a refund or chargeback.","default":null},{"name":"payoutCurrency","type":["null","string"],"doc":"ISO 4217 of the payout.","default":null},{"name":"payoutRule","type":["null","string"],"doc":"The rule that gave the payout, e.g. sale:percent.","default":null},{"name":"reversedRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"reversedPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"taxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"shippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"predictedLtvMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"exchangeRateId","type":["null","string"],"doc":"Configuration fact used to convert, frozen at occurredAt.","default":null},{"name":"isFirstOfCustomer","type":["null","boolean"],"doc":"Whether it is the customer's first of its class; null without a customer.","default":null},{"name":"model","type":"string","doc":"Attribution model, e.g. last_click."},{"name":"credits","type":{"type":"array","items":{"type":"record","name":"Credit","doc":"One share of a conversion; the shares of a revision sum to one exactly.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"The credited click."},{"name":"partnerId","type":["null","string"],"doc":"Its partner.","default":null},{"name":"numerator","type":"int","doc":"Share numerator."},{"name":"denominator","type":"int","doc":"Share denominator."}]}},"doc":"Exact shares."},{"name":"candidates","type":{"type":"array","items":{"type":"record","name":"Candidate","doc":"A click that was considered.","fields":[{"name":"clickId","type":"string","doc":"As considered; may be an id we never minted."},{"name":"campaignId","type":["null","string"],"doc":"Null when the click is unknown.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Null when the click is unknown.","default":null},{"name":"outcome","type":"string","doc":"won, lost or missing."},{"name":"reasonCode","type":["null","string"],"doc":"Why it lost; closed list.","default":null}]}},"doc":"Every click considered and why each lost."},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The winning click.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Of the winning click.","default":null},{"name":"partnerClickId","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickSubIds","type":{"type":"map","values":"string"},"doc":"Of the winning click."},{"name":"adPlatformIds","type":{"type":"array","items":{"type":"record","name":"AdPlatformId","doc":"An ad platform's own click id.","fields":[{"name":"name","type":"string","doc":"Query parameter as the platform spells it, e.g. fbclid."},{"name":"value","type":"string","doc":"Opaque and case-sensitive; never trimmed, lowered or hashed."},{"name":"firstSeenAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When we first saw this id, UTC."}]}},"doc":"Of the winning click."},{"name":"landingUrl","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickUserAgent","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickCountry","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickIpCiphertext","type":["null","bytes"],"doc":"Of the winning click.","default":null},{"name":"subIds","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"extras","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"productId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"planId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"couponCode","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"Of postback and click together."},{"name":"ipCiphertext","type":["null","bytes"],"doc":"Of the postback.","default":null},{"name":"userAgent","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"country","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"consentAdUserData","type":{"type":"enum","name":"ConsentState","symbols":["granted","denied","unknown"]},"doc":"Whether the person allowed their data to be sent to ad platforms, as far as the sender told us."},{"name":"consentAdPersonalization","type":"ConsentState","doc":"Whether the person allowed ad personalization."},{"name":"valueDigest","type":"string","doc":"SHA-256 hex of the values that duplicates are compared by: status, revenue, currency."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."},{"name":"occurredAtIsAssumed","type":"boolean","doc":"No report sent a time: occurredAt is when the edge first received one.","default":false},{"name":"eventTypes","type":{"type":"array","items":"string"},"doc":"Every event type it was reported as, sorted; eventType is the one that says most. Empty in revisions of before they were kept.","default":[]},{"name":"reversedTransactionId","type":["null","string"],"doc":"For refund and chargeback: the transaction it takes back.","default":null},{"name":"reportedClickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click id its reports name, when it can be one of ours; whether it won is in candidates.","default":null},{"name":"malformedClickId","type":["null","string"],"doc":"What stood in place of a click id and can be none.","default":null},{"name":"matchedBy","type":["null","string"],"doc":"What led to the click: click_id, customer, hashed_identity, original (of a reversal) or command.","default":null},{"name":"quantity","type":["null","int"],"doc":"Of the postback.","default":null},{"name":"clickKind","type":["null","string"],"doc":"Of the winning click: redirect, direct or impression.","default":null},{"name":"clickReceivedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When the edge received the winning click.","default":null},{"name":"clickCustomerId","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickSubjectHashes","type":{"type":"map","values":"string"},"doc":"Of the winning click.","default":{}},{"name":"clickAutomation","type":["null","string"],"doc":"Of the winning click: why it looks as if no person had made it, e.g. bot.","default":null},{"name":"payoutParts","type":{"type":"array","items":{"type":"record","name":"PayoutPart","doc":"What one partner is owed of a payout, for one click.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"The credited click."},{"name":"partnerId","type":["null","string"],"doc":"Its partner.","default":null},{"name":"micros","type":{"type":"long","logicalType":"money-micros"},"doc":"In payoutCurrency; negative for a refund or chargeback."}]}},"doc":"The payout by credited click; sums to payoutMicros exactly.","default":[]},{"name":"askedMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"For refund and chargeback: the positive amount its sender asks for; null for all that is left. What was granted is revenueMicros.","default":null},{"name":"isForeign","type":"boolean","doc":"Every report names a click of another advertiser, or mixes test and live: kept, and counted nowhere.","default":false},{"name":"capPlaces","type":{"type":"array","items":{"type":"record","name":"CapPlace","doc":"A place under a cap, asked for once and never given back.","fields":[{"name":"capId","type":"string","doc":"The cap."},{"name":"key","type":"string","doc":"The counter: the lane and, after U+0000, the cap, or the cap and a partner. With periodStart it names one count."},{"name":"periodStart","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"First instant of the period, UTC; 1970 for a cap without periods."},{"name":"isGranted","type":"boolean","doc":"Whether it fitted."},{"name":"payoutMicros","type":{"type":"long","logicalType":"money-micros"},"doc":"Payout counted on the cap; 0 where the cap counts conversions or the place was refused."}]}},"doc":"Places under caps this conversion was given or refused.","default":[]},{"name":"tierPlaces","type":{"type":"array","items":{"type":"record","name":"TierPlace","doc":"The number of a conversion among those that a payout by tiers counts.","fields":[{"name":"key","type":"string","doc":"The counter: lane, offer, partner and event type, joined by U+0000. With periodStart it names one count."},{"name":"periodStart","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"First instant of the month, UTC."},{"name":"position","type":"int","doc":"How many stood before it."}]}},"doc":"Its numbers in payouts by tiers, once given and kept.","default":[]},{"name":"orders","type":{"type":"record","name":"Orders","doc":"What people ordered about a conversion; of several orders the later stands.","fields":[{"name":"ruling","type":["null","string"],"doc":"released, rejected or approved."},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click that is to win."},{"name":"model","type":["null","string"],"doc":"The model to decide by."},{"name":"terms","type":["null","string"],"doc":"Terms in place of those in force, as JSON; {\"$bigint\":\"1\"}, {\"$map\":[[key,value]]} and {\"$set\":[value]} stand for what JSON cannot say."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Why it was ordered."}]},"doc":"What people ordered about it.","default":{"ruling":null,"clickId":null,"model":null,"terms":null,"reasonCodes":[]}},{"name":"ledger","type":{"type":"record","name":"Ledger","doc":"What only attribution needs to merge a further report into the conversion and to decide it again, without reading a postback twice.","fields":[{"name":"firstPartition","type":["null","int"],"doc":"Partition of the report that is first in the log."},{"name":"firstOffset","type":["null",{"type":"long","logicalType":"kafka-offset"}],"doc":"Offset of the report that is first in the log; null only in revisions of before there was a ledger."},{"name":"furtherReceiptIds","type":{"type":"array","items":{"type":"string","logicalType":"uuid"}},"doc":"Receipts after the first, which is receiptId, that changed its values or its status, in log order."},{"name":"clickIdSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with the click id."},{"name":"customerIdSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with the customer id."},{"name":"subjectSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with a hash that names a person."},{"name":"isReportedWithoutClick","type":"boolean","doc":"Whether a report came without a click id."},{"name":"customerPartition","type":["null","int"],"doc":"Partition of the report that brought the customer id first."},{"name":"customerOffset","type":["null",{"type":"long","logicalType":"kafka-offset"}],"doc":"Offset of the report that brought the customer id first."},{"name":"firstRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Revenue that was sent first, as sent, by reports that do not update; of a reversal what it asks for."},{"name":"firstCurrency","type":["null","string"],"doc":"ISO 4217 of that revenue."},{"name":"firstTaxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Tax that was sent first."},{"name":"firstShippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Shipping that was sent first."},{"name":"firstStatus","type":["null","PostbackStatus"],"doc":"First status but pending of the reports that do not update; pending when they have none."},{"name":"updates","type":{"type":"array","items":{"type":"record","name":"ValueUpdate","doc":"A value that an updating report has put in place of an earlier one; of several the one the edge received last.","fields":[{"name":"field","type":"string","doc":"revenue, tax, shipping or status."},{"name":"micros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The amount; null for the status.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of a revenue.","default":null},{"name":"status","type":["null","PostbackStatus"],"doc":"Of the status: approved or rejected.","default":null},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When the edge received it."},{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt that brought it."}]}},"doc":"Values that updates have replaced; each field at most once."},{"name":"contributions","type":{"type":"array","items":{"type":"record","name":"Contribution","doc":"What one receipt has added to the details of the conversion; the details themselves stand in the fields of the revision.","fields":[{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Of that report: of two that say the same thing differently the earlier stands."},{"name":"receiptId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The receipt; null for the first one, receiptId of the conversion.","default":null},{"name":"details","type":{"type":"array","items":"string"},"doc":"Names of the single fields it gave, e.g. country."},{"name":"subIds","type":{"type":"array","items":"string"},"doc":"Names of the subIds it gave."},{"name":"extras","type":{"type":"array","items":"string"},"doc":"Names of the extras it gave."},{"name":"subjectHashes","type":{"type":"array","items":"string"},"doc":"Names of the subjectHashes it gave; the rest are the click's."}]}},"doc":"Which receipt gave which detail, in the order in which they take precedence."},{"name":"isReportedClickEligible","type":"boolean","doc":"Whether the click that the reports name can win: other conversions of the customer go by it."},{"name":"isTestClick","type":"boolean","doc":"Whether the winning click is test traffic; differs from isTest only when it was ordered."},{"name":"isFirstOfCustomer","type":["null","boolean"],"doc":"The answer once given: it stays, whatever comes later."},{"name":"hasSeenClicks","type":"boolean","doc":"Every click that was in the log when it arrived has been visible."},{"name":"gaveUpClickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click id that was waited for in vain: it stays unknown."},{"name":"waitedUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"The deadline until which any click or the original was waited for in vain."},{"name":"waitedForConditionUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"The deadline until which a condition was waited for in vain."}]},"doc":"What only attribution needs; see there.","default":{"firstPartition":null,"firstOffset":null,"furtherReceiptIds":[],"clickIdSince":null,"customerIdSince":null,"subjectSince":null,"isReportedWithoutClick":false,"customerPartition":null,"customerOffset":null,"firstRevenueMicros":null,"firstCurrency":null,"firstTaxMicros":null,"firstShippingMicros":null,"firstStatus":null,"updates":[],"contributions":[],"isReportedClickEligible":false,"isTestClick":false,"isFirstOfCustomer":null,"hasSeenClicks":false,"gaveUpClickId":null,"waitedUntil":null,"waitedForConditionUntil":null}}]}},{"version":3,"id":15,"schema":{"type":"record","name":"ConversionDecided","namespace":"io.tributary.v1","doc":"One revision of the decision on one conversion; revisions of a conversion are numbered from 1 without gaps. Key: conversionId.","fields":[{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from the conversion's identity, so replays and retries coincide."},{"name":"revision","type":"int","doc":"From 1."},{"name":"lane","type":"string","doc":"The lane it was decided in."},{"name":"advertiserId","type":"string","doc":"Who pays."},{"name":"offerId","type":["null","string"],"doc":"Offer of the winning click.","default":null},{"name":"campaignId","type":["null","string"],"doc":"Campaign of the winning click.","default":null},{"name":"partnerId","type":["null","string"],"doc":"Partner of the winning click.","default":null},{"name":"sourceId","type":"string","doc":"Who posted the fact first."},{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt that created the conversion."},{"name":"eventType","type":"string","doc":"lead, sale, renewal, refund, …"},{"name":"eventClass","type":"string","doc":"Identity uses the class: first_purchase and sale of one order are one purchase."},{"name":"transactionId","type":["null","string"],"doc":"The advertiser's own id of the fact.","default":null},{"name":"originalConversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"For refund and chargeback: the conversion that is reversed.","default":null},{"name":"customerId","type":["null","string"],"doc":"The advertiser's id of the person.","default":null},{"name":"status","type":{"type":"enum","name":"PostbackStatus","symbols":["pending","approved","rejected"]},"doc":"What the source says of the fact."},{"name":"match","type":{"type":"enum","name":"Match","symbols":["attributed","unattributed","parked"]},"doc":"Whether a click was found."},{"name":"state","type":{"type":"enum","name":"State","symbols":["pending","held","payable","rejected","reversed"]},"doc":"Where the money stands."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Every reason that shaped this revision; closed list."},{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At the source."},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At our edge."},{"name":"decidedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this revision was decided."},{"name":"parkedUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a parked match.","default":null},{"name":"heldUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a held state.","default":null},{"name":"triggerKind","type":{"type":"enum","name":"TriggerKind","symbols":["postback","late_click","deadline","release","command"]},"doc":"What caused this revision."},{"name":"triggerPartition","type":"int","doc":"Partition of postback.received the lane belongs to."},{"name":"triggerOffset","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of the postback that caused it, or the position of the lane when a clock did."},{"name":"revenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The advertiser's value; negative for a refund or chargeback.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of the revenue.","default":null},{"name":"payoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"What we owe the partner; negative for a refund or chargeback.","default":null},{"name":"payoutCurrency","type":["null","string"],"doc":"ISO 4217 of the payout.","default":null},{"name":"payoutRule","type":["null","string"],"doc":"The rule that gave the payout, e.g. sale:percent.","default":null},{"name":"reversedRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"reversedPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"taxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"shippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"predictedLtvMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"exchangeRateId","type":["null","string"],"doc":"Configuration fact used to convert, frozen at occurredAt.","default":null},{"name":"isFirstOfCustomer","type":["null","boolean"],"doc":"Whether it is the customer's first of its class; null without a customer.","default":null},{"name":"model","type":"string","doc":"Attribution model, e.g. last_click."},{"name":"credits","type":{"type":"array","items":{"type":"record","name":"Credit","doc":"One share of a conversion; the shares of a revision sum to one exactly.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"The credited click."},{"name":"partnerId","type":["null","string"],"doc":"Its partner.","default":null},{"name":"numerator","type":"int","doc":"Share numerator."},{"name":"denominator","type":"int","doc":"Share denominator."}]}},"doc":"Exact shares."},{"name":"candidates","type":{"type":"array","items":{"type":"record","name":"Candidate","doc":"A click that was considered.","fields":[{"name":"clickId","type":"string","doc":"As considered; may be an id we never minted."},{"name":"campaignId","type":["null","string"],"doc":"Null when the click is unknown.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Null when the click is unknown.","default":null},{"name":"outcome","type":"string","doc":"won, lost or missing."},{"name":"reasonCode","type":["null","string"],"doc":"Why it lost; closed list.","default":null}]}},"doc":"Every click considered and why each lost."},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The winning click.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Of the winning click.","default":null},{"name":"partnerClickId","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickSubIds","type":{"type":"map","values":"string"},"doc":"Of the winning click."},{"name":"adPlatformIds","type":{"type":"array","items":{"type":"record","name":"AdPlatformId","doc":"An ad platform's own click id.","fields":[{"name":"name","type":"string","doc":"Query parameter as the platform spells it, e.g. fbclid."},{"name":"value","type":"string","doc":"Opaque and case-sensitive; never trimmed, lowered or hashed."},{"name":"firstSeenAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When we first saw this id, UTC."}]}},"doc":"Of the winning click."},{"name":"landingUrl","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickUserAgent","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickCountry","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickIpCiphertext","type":["null","bytes"],"doc":"Of the winning click.","default":null},{"name":"subIds","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"extras","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"productId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"planId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"couponCode","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"Of postback and click together."},{"name":"ipCiphertext","type":["null","bytes"],"doc":"Of the postback.","default":null},{"name":"userAgent","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"country","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"consentAdUserData","type":{"type":"enum","name":"ConsentState","symbols":["granted","denied","unknown"]},"doc":"Whether the person allowed their data to be sent to ad platforms, as far as the sender told us."},{"name":"consentAdPersonalization","type":"ConsentState","doc":"Whether the person allowed ad personalization."},{"name":"valueDigest","type":"string","doc":"SHA-256 hex of the values that duplicates are compared by: status, revenue, currency."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."},{"name":"occurredAtIsAssumed","type":"boolean","doc":"No report sent a time: occurredAt is when the edge first received one.","default":false},{"name":"eventTypes","type":{"type":"array","items":"string"},"doc":"Every event type it was reported as, sorted; eventType is the one that says most. Empty in revisions of before they were kept.","default":[]},{"name":"reversedTransactionId","type":["null","string"],"doc":"For refund and chargeback: the transaction it takes back.","default":null},{"name":"reportedClickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click id its reports name, when it can be one of ours; whether it won is in candidates.","default":null},{"name":"malformedClickId","type":["null","string"],"doc":"What stood in place of a click id and can be none.","default":null},{"name":"matchedBy","type":["null","string"],"doc":"What led to the click: click_id, customer, hashed_identity, original (of a reversal) or command.","default":null},{"name":"quantity","type":["null","int"],"doc":"Of the postback.","default":null},{"name":"clickKind","type":["null","string"],"doc":"Of the winning click: redirect, direct or impression.","default":null},{"name":"clickReceivedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When the edge received the winning click.","default":null},{"name":"clickCustomerId","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickSubjectHashes","type":{"type":"map","values":"string"},"doc":"Of the winning click.","default":{}},{"name":"clickAutomation","type":["null","string"],"doc":"Of the winning click: why it looks as if no person had made it, e.g. bot.","default":null},{"name":"payoutParts","type":{"type":"array","items":{"type":"record","name":"PayoutPart","doc":"What one partner is owed of a payout, for one click.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"The credited click."},{"name":"partnerId","type":["null","string"],"doc":"Its partner.","default":null},{"name":"micros","type":{"type":"long","logicalType":"money-micros"},"doc":"In payoutCurrency; negative for a refund or chargeback."}]}},"doc":"The payout by credited click; sums to payoutMicros exactly.","default":[]},{"name":"askedMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"For refund and chargeback: the positive amount its sender asks for; null for all that is left. What was granted is revenueMicros.","default":null},{"name":"isForeign","type":"boolean","doc":"Every report names a click of another advertiser, or mixes test and live: kept, and counted nowhere.","default":false},{"name":"capPlaces","type":{"type":"array","items":{"type":"record","name":"CapPlace","doc":"A place under a cap, asked for once and never given back.","fields":[{"name":"capId","type":"string","doc":"The cap."},{"name":"key","type":"string","doc":"The counter: the lane and, after U+0000, the cap, or the cap and a partner. With periodStart it names one count."},{"name":"periodStart","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"First instant of the period, UTC; 1970 for a cap without periods."},{"name":"isGranted","type":"boolean","doc":"Whether it fitted."},{"name":"payoutMicros","type":{"type":"long","logicalType":"money-micros"},"doc":"Payout counted on the cap; 0 where the cap counts conversions or the place was refused."}]}},"doc":"Places under caps this conversion was given or refused.","default":[]},{"name":"tierPlaces","type":{"type":"array","items":{"type":"record","name":"TierPlace","doc":"The number of a conversion among those that a payout by tiers counts.","fields":[{"name":"key","type":"string","doc":"The counter: lane, offer, partner and event type, joined by U+0000. With periodStart it names one count."},{"name":"periodStart","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"First instant of the month, UTC."},{"name":"position","type":"int","doc":"How many stood before it."}]}},"doc":"Its numbers in payouts by tiers, once given and kept.","default":[]},{"name":"orders","type":{"type":"record","name":"Orders","doc":"What people ordered about a conversion; of several orders the later stands.","fields":[{"name":"ruling","type":["null","string"],"doc":"released, rejected or approved."},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click that is to win."},{"name":"model","type":["null","string"],"doc":"The model to decide by."},{"name":"terms","type":["null","string"],"doc":"Terms in place of those in force, as JSON; {\"$bigint\":\"1\"}, {\"$map\":[[key,value]]} and {\"$set\":[value]} stand for what JSON cannot say."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Why it was ordered."},{"name":"isErased","type":"boolean","doc":"Its person asked to be forgotten: conversion.current has no value for it any more.","default":false}]},"doc":"What people ordered about it.","default":{"ruling":null,"clickId":null,"model":null,"terms":null,"reasonCodes":[],"isErased":false}},{"name":"ledger","type":{"type":"record","name":"Ledger","doc":"What only attribution needs to merge a further report into the conversion and to decide it again, without reading a postback twice.","fields":[{"name":"firstPartition","type":["null","int"],"doc":"Partition of the report that is first in the log."},{"name":"firstOffset","type":["null",{"type":"long","logicalType":"kafka-offset"}],"doc":"Offset of the report that is first in the log; null only in revisions of before there was a ledger."},{"name":"furtherReceiptIds","type":{"type":"array","items":{"type":"string","logicalType":"uuid"}},"doc":"Receipts after the first, which is receiptId, that changed its values or its status, in log order."},{"name":"clickIdSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with the click id."},{"name":"customerIdSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with the customer id."},{"name":"subjectSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with a hash that names a person."},{"name":"isReportedWithoutClick","type":"boolean","doc":"Whether a report came without a click id."},{"name":"customerPartition","type":["null","int"],"doc":"Partition of the report that brought the customer id first."},{"name":"customerOffset","type":["null",{"type":"long","logicalType":"kafka-offset"}],"doc":"Offset of the report that brought the customer id first."},{"name":"firstRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Revenue that was sent first, as sent, by reports that do not update; of a reversal what it asks for."},{"name":"firstCurrency","type":["null","string"],"doc":"ISO 4217 of that revenue."},{"name":"firstTaxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Tax that was sent first."},{"name":"firstShippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Shipping that was sent first."},{"name":"firstStatus","type":["null","PostbackStatus"],"doc":"First status but pending of the reports that do not update; pending when they have none."},{"name":"updates","type":{"type":"array","items":{"type":"record","name":"ValueUpdate","doc":"A value that an updating report has put in place of an earlier one; of several the one the edge received last.","fields":[{"name":"field","type":"string","doc":"revenue, tax, shipping or status."},{"name":"micros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The amount; null for the status.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of a revenue.","default":null},{"name":"status","type":["null","PostbackStatus"],"doc":"Of the status: approved or rejected.","default":null},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When the edge received it."},{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt that brought it."}]}},"doc":"Values that updates have replaced; each field at most once."},{"name":"contributions","type":{"type":"array","items":{"type":"record","name":"Contribution","doc":"What one receipt has added to the details of the conversion; the details themselves stand in the fields of the revision.","fields":[{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Of that report: of two that say the same thing differently the earlier stands."},{"name":"receiptId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The receipt; null for the first one, receiptId of the conversion.","default":null},{"name":"details","type":{"type":"array","items":"string"},"doc":"Names of the single fields it gave, e.g. country."},{"name":"subIds","type":{"type":"array","items":"string"},"doc":"Names of the subIds it gave."},{"name":"extras","type":{"type":"array","items":"string"},"doc":"Names of the extras it gave."},{"name":"subjectHashes","type":{"type":"array","items":"string"},"doc":"Names of the subjectHashes it gave; the rest are the click's."}]}},"doc":"Which receipt gave which detail, in the order in which they take precedence."},{"name":"isReportedClickEligible","type":"boolean","doc":"Whether the click that the reports name can win: other conversions of the customer go by it."},{"name":"isTestClick","type":"boolean","doc":"Whether the winning click is test traffic; differs from isTest only when it was ordered."},{"name":"isFirstOfCustomer","type":["null","boolean"],"doc":"The answer once given: it stays, whatever comes later."},{"name":"hasSeenClicks","type":"boolean","doc":"Every click that was in the log when it arrived has been visible."},{"name":"gaveUpClickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click id that was waited for in vain: it stays unknown."},{"name":"waitedUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"The deadline until which any click or the original was waited for in vain."},{"name":"waitedForConditionUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"The deadline until which a condition was waited for in vain."}]},"doc":"What only attribution needs; see there.","default":{"firstPartition":null,"firstOffset":null,"furtherReceiptIds":[],"clickIdSince":null,"customerIdSince":null,"subjectSince":null,"isReportedWithoutClick":false,"customerPartition":null,"customerOffset":null,"firstRevenueMicros":null,"firstCurrency":null,"firstTaxMicros":null,"firstShippingMicros":null,"firstStatus":null,"updates":[],"contributions":[],"isReportedClickEligible":false,"isTestClick":false,"isFirstOfCustomer":null,"hasSeenClicks":false,"gaveUpClickId":null,"waitedUntil":null,"waitedForConditionUntil":null}}]}},{"version":4,"id":16,"schema":{"type":"record","name":"ConversionDecided","namespace":"io.tributary.v1","doc":"One revision of the decision on one conversion; revisions of a conversion are numbered from 1 without gaps. Key: conversionId.","fields":[{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from the conversion's identity, so replays and retries coincide."},{"name":"revision","type":"int","doc":"From 1."},{"name":"lane","type":"string","doc":"The lane it was decided in."},{"name":"advertiserId","type":"string","doc":"Who pays."},{"name":"offerId","type":["null","string"],"doc":"Offer of the winning click.","default":null},{"name":"campaignId","type":["null","string"],"doc":"Campaign of the winning click.","default":null},{"name":"partnerId","type":["null","string"],"doc":"Partner of the winning click.","default":null},{"name":"sourceId","type":"string","doc":"Who posted the fact first."},{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt that created the conversion."},{"name":"eventType","type":"string","doc":"lead, sale, renewal, refund, …"},{"name":"eventClass","type":"string","doc":"Identity uses the class: first_purchase and sale of one order are one purchase."},{"name":"transactionId","type":["null","string"],"doc":"The advertiser's own id of the fact.","default":null},{"name":"originalConversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"For refund and chargeback: the conversion that is reversed.","default":null},{"name":"customerId","type":["null","string"],"doc":"The advertiser's id of the person.","default":null},{"name":"status","type":{"type":"enum","name":"PostbackStatus","symbols":["pending","approved","rejected"]},"doc":"What the source says of the fact."},{"name":"match","type":{"type":"enum","name":"Match","symbols":["attributed","unattributed","parked"]},"doc":"Whether a click was found."},{"name":"state","type":{"type":"enum","name":"State","symbols":["pending","held","payable","rejected","reversed"]},"doc":"Where the money stands."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Every reason that shaped this revision; closed list."},{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At the source."},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"At our edge."},{"name":"decidedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this revision was decided."},{"name":"parkedUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a parked match.","default":null},{"name":"heldUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Deadline of a held state.","default":null},{"name":"triggerKind","type":{"type":"enum","name":"TriggerKind","symbols":["postback","late_click","deadline","release","command"]},"doc":"What caused this revision."},{"name":"triggerPartition","type":"int","doc":"Partition of postback.received the lane belongs to."},{"name":"triggerOffset","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of the postback that caused it, or the position of the lane when a clock did."},{"name":"revenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The advertiser's value; negative for a refund or chargeback.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of the revenue.","default":null},{"name":"payoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"What we owe the partner; negative for a refund or chargeback.","default":null},{"name":"payoutCurrency","type":["null","string"],"doc":"ISO 4217 of the payout.","default":null},{"name":"payoutRule","type":["null","string"],"doc":"The rule that gave the payout, e.g. sale:percent.","default":null},{"name":"reversedRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"reversedPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Sum reversed so far.","default":null},{"name":"taxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"shippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"predictedLtvMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"As sent.","default":null},{"name":"exchangeRateId","type":["null","string"],"doc":"Configuration fact used to convert, frozen at occurredAt.","default":null},{"name":"isFirstOfCustomer","type":["null","boolean"],"doc":"Whether it is the customer's first of its class; null without a customer.","default":null},{"name":"model","type":"string","doc":"Attribution model, e.g. last_click."},{"name":"credits","type":{"type":"array","items":{"type":"record","name":"Credit","doc":"One share of a conversion; the shares of a revision sum to one exactly.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"The credited click."},{"name":"partnerId","type":["null","string"],"doc":"Its partner.","default":null},{"name":"numerator","type":"int","doc":"Share numerator."},{"name":"denominator","type":"int","doc":"Share denominator."}]}},"doc":"Exact shares."},{"name":"candidates","type":{"type":"array","items":{"type":"record","name":"Candidate","doc":"A click that was considered.","fields":[{"name":"clickId","type":"string","doc":"As considered; may be an id we never minted."},{"name":"campaignId","type":["null","string"],"doc":"Null when the click is unknown.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Null when the click is unknown.","default":null},{"name":"outcome","type":"string","doc":"won, lost or missing."},{"name":"reasonCode","type":["null","string"],"doc":"Why it lost; closed list.","default":null}]}},"doc":"Every click considered and why each lost."},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The winning click.","default":null},{"name":"clickedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Of the winning click.","default":null},{"name":"partnerClickId","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickSubIds","type":{"type":"map","values":"string"},"doc":"Of the winning click."},{"name":"adPlatformIds","type":{"type":"array","items":{"type":"record","name":"AdPlatformId","doc":"An ad platform's own click id.","fields":[{"name":"name","type":"string","doc":"Query parameter as the platform spells it, e.g. fbclid."},{"name":"value","type":"string","doc":"Opaque and case-sensitive; never trimmed, lowered or hashed."},{"name":"firstSeenAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When we first saw this id, UTC."}]}},"doc":"Of the winning click."},{"name":"landingUrl","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickUserAgent","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickCountry","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickIpCiphertext","type":["null","bytes"],"doc":"Of the winning click.","default":null},{"name":"subIds","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"extras","type":{"type":"map","values":"string"},"doc":"Of the postback."},{"name":"productId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"planId","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"couponCode","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"Of postback and click together."},{"name":"ipCiphertext","type":["null","bytes"],"doc":"Of the postback.","default":null},{"name":"userAgent","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"country","type":["null","string"],"doc":"Of the postback.","default":null},{"name":"consentAdUserData","type":{"type":"enum","name":"ConsentState","symbols":["granted","denied","unknown"]},"doc":"Whether the person allowed their data to be sent to ad platforms, as far as the sender told us."},{"name":"consentAdPersonalization","type":"ConsentState","doc":"Whether the person allowed ad personalization."},{"name":"valueDigest","type":"string","doc":"SHA-256 hex of the values that duplicates are compared by: status, revenue, currency."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."},{"name":"occurredAtIsAssumed","type":"boolean","doc":"No report sent a time: occurredAt is when the edge first received one.","default":false},{"name":"eventTypes","type":{"type":"array","items":"string"},"doc":"Every event type it was reported as, sorted; eventType is the one that says most. Empty in revisions of before they were kept.","default":[]},{"name":"reversedTransactionId","type":["null","string"],"doc":"For refund and chargeback: the transaction it takes back.","default":null},{"name":"reportedClickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click id its reports name, when it can be one of ours; whether it won is in candidates.","default":null},{"name":"malformedClickId","type":["null","string"],"doc":"What stood in place of a click id and can be none.","default":null},{"name":"matchedBy","type":["null","string"],"doc":"What led to the click: click_id, customer, hashed_identity, original (of a reversal) or command.","default":null},{"name":"quantity","type":["null","int"],"doc":"Of the postback.","default":null},{"name":"clickKind","type":["null","string"],"doc":"Of the winning click: redirect, direct or impression.","default":null},{"name":"clickReceivedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When the edge received the winning click.","default":null},{"name":"clickCustomerId","type":["null","string"],"doc":"Of the winning click.","default":null},{"name":"clickSubjectHashes","type":{"type":"map","values":"string"},"doc":"Of the winning click.","default":{}},{"name":"clickAutomation","type":["null","string"],"doc":"Of the winning click: why it looks as if no person had made it, e.g. bot.","default":null},{"name":"payoutParts","type":{"type":"array","items":{"type":"record","name":"PayoutPart","doc":"What one partner is owed of a payout, for one click.","fields":[{"name":"clickId","type":{"type":"string","logicalType":"uuid"},"doc":"The credited click."},{"name":"partnerId","type":["null","string"],"doc":"Its partner.","default":null},{"name":"micros","type":{"type":"long","logicalType":"money-micros"},"doc":"In payoutCurrency; negative for a refund or chargeback."}]}},"doc":"The payout by credited click; sums to payoutMicros exactly.","default":[]},{"name":"askedMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"For refund and chargeback: the positive amount its sender asks for; null for all that is left. What was granted is revenueMicros.","default":null},{"name":"isForeign","type":"boolean","doc":"Every report names a click of another advertiser, or mixes test and live: kept, and counted nowhere.","default":false},{"name":"capPlaces","type":{"type":"array","items":{"type":"record","name":"CapPlace","doc":"A place under a cap, asked for once and never given back.","fields":[{"name":"capId","type":"string","doc":"The cap."},{"name":"key","type":"string","doc":"The counter: the lane and, after U+0000, the cap, or the cap and a partner. With periodStart it names one count."},{"name":"periodStart","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"First instant of the period, UTC; 1970 for a cap without periods."},{"name":"isGranted","type":"boolean","doc":"Whether it fitted."},{"name":"payoutMicros","type":{"type":"long","logicalType":"money-micros"},"doc":"Payout counted on the cap; 0 where the cap counts conversions or the place was refused."}]}},"doc":"Places under caps this conversion was given or refused.","default":[]},{"name":"tierPlaces","type":{"type":"array","items":{"type":"record","name":"TierPlace","doc":"The number of a conversion among those that a payout by tiers counts.","fields":[{"name":"key","type":"string","doc":"The counter: lane, offer, partner and event type, joined by U+0000. With periodStart it names one count."},{"name":"periodStart","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"First instant of the month, UTC."},{"name":"position","type":"int","doc":"How many stood before it."}]}},"doc":"Its numbers in payouts by tiers, once given and kept.","default":[]},{"name":"orders","type":{"type":"record","name":"Orders","doc":"What people ordered about a conversion; of several orders the later stands.","fields":[{"name":"ruling","type":["null","string"],"doc":"released, rejected or approved."},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click that is to win."},{"name":"model","type":["null","string"],"doc":"The model to decide by."},{"name":"terms","type":["null","string"],"doc":"Terms in place of those in force, as JSON; {\"$bigint\":\"1\"}, {\"$map\":[[key,value]]} and {\"$set\":[value]} stand for what JSON cannot say."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Why it was ordered."},{"name":"erasedFor","type":["null","string"],"doc":"Why its person is to be forgotten: conversion.current has no value for it from then on.","default":null}]},"doc":"What people ordered about it.","default":{"ruling":null,"clickId":null,"model":null,"terms":null,"reasonCodes":[],"erasedFor":null}},{"name":"ledger","type":{"type":"record","name":"Ledger","doc":"What only attribution needs to merge a further report into the conversion and to decide it again, without reading a postback twice.","fields":[{"name":"firstPartition","type":["null","int"],"doc":"Partition of the report that is first in the log."},{"name":"firstOffset","type":["null",{"type":"long","logicalType":"kafka-offset"}],"doc":"Offset of the report that is first in the log; null only in revisions of before there was a ledger."},{"name":"furtherReceiptIds","type":{"type":"array","items":{"type":"string","logicalType":"uuid"}},"doc":"Receipts after the first, which is receiptId, that changed its values or its status, in log order."},{"name":"clickIdSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with the click id."},{"name":"customerIdSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with the customer id."},{"name":"subjectSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Earliest receipt of a report with a hash that names a person."},{"name":"isReportedWithoutClick","type":"boolean","doc":"Whether a report came without a click id."},{"name":"customerPartition","type":["null","int"],"doc":"Partition of the report that brought the customer id first."},{"name":"customerOffset","type":["null",{"type":"long","logicalType":"kafka-offset"}],"doc":"Offset of the report that brought the customer id first."},{"name":"firstRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Revenue that was sent first, as sent, by reports that do not update; of a reversal what it asks for."},{"name":"firstCurrency","type":["null","string"],"doc":"ISO 4217 of that revenue."},{"name":"firstTaxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Tax that was sent first."},{"name":"firstShippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Shipping that was sent first."},{"name":"firstStatus","type":["null","PostbackStatus"],"doc":"First status but pending of the reports that do not update; pending when they have none."},{"name":"updates","type":{"type":"array","items":{"type":"record","name":"ValueUpdate","doc":"A value that an updating report has put in place of an earlier one; of several the one the edge received last.","fields":[{"name":"field","type":"string","doc":"revenue, tax, shipping or status."},{"name":"micros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The amount; null for the status.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of a revenue.","default":null},{"name":"status","type":["null","PostbackStatus"],"doc":"Of the status: approved or rejected.","default":null},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When the edge received it."},{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt that brought it."}]}},"doc":"Values that updates have replaced; each field at most once."},{"name":"contributions","type":{"type":"array","items":{"type":"record","name":"Contribution","doc":"What one receipt has added to the details of the conversion; the details themselves stand in the fields of the revision.","fields":[{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Of that report: of two that say the same thing differently the earlier stands."},{"name":"receiptId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The receipt; null for the first one, receiptId of the conversion.","default":null},{"name":"details","type":{"type":"array","items":"string"},"doc":"Names of the single fields it gave, e.g. country."},{"name":"subIds","type":{"type":"array","items":"string"},"doc":"Names of the subIds it gave."},{"name":"extras","type":{"type":"array","items":"string"},"doc":"Names of the extras it gave."},{"name":"subjectHashes","type":{"type":"array","items":"string"},"doc":"Names of the subjectHashes it gave; the rest are the click's."}]}},"doc":"Which receipt gave which detail, in the order in which they take precedence."},{"name":"isReportedClickEligible","type":"boolean","doc":"Whether the click that the reports name can win: other conversions of the customer go by it."},{"name":"isTestClick","type":"boolean","doc":"Whether the winning click is test traffic; differs from isTest only when it was ordered."},{"name":"isFirstOfCustomer","type":["null","boolean"],"doc":"The answer once given: it stays, whatever comes later."},{"name":"hasSeenClicks","type":"boolean","doc":"Every click that was in the log when it arrived has been visible."},{"name":"gaveUpClickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The click id that was waited for in vain: it stays unknown."},{"name":"waitedUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"The deadline until which any click or the original was waited for in vain."},{"name":"waitedForConditionUntil","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"The deadline until which a condition was waited for in vain."}]},"doc":"What only attribution needs; see there.","default":{"firstPartition":null,"firstOffset":null,"furtherReceiptIds":[],"clickIdSince":null,"customerIdSince":null,"subjectSince":null,"isReportedWithoutClick":false,"customerPartition":null,"customerOffset":null,"firstRevenueMicros":null,"firstCurrency":null,"firstTaxMicros":null,"firstShippingMicros":null,"firstStatus":null,"updates":[],"contributions":[],"isReportedClickEligible":false,"isTestClick":false,"isFirstOfCustomer":null,"hasSeenClicks":false,"gaveUpClickId":null,"waitedUntil":null,"waitedForConditionUntil":null}}]}}],"dead-letter.v1":[{"version":1,"id":4,"schema":{"type":"record","name":"DeadLettered","namespace":"io.tributary.v1","doc":"A record or a delivery set aside with its reason, replayable. Key: the original key.","fields":[{"name":"deadLetterId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from the coordinates or the delivery, so a repeat coincides."},{"name":"kind","type":{"type":"enum","name":"DeadLetterKind","symbols":["record","delivery"]},"doc":"record: bytes nobody could handle; delivery: a delivery whose ladder is exhausted or refused for good."},{"name":"service","type":"string","doc":"Who gave up."},{"name":"reasonCode","type":"string","doc":"Closed list."},{"name":"detail","type":["null","string"],"doc":"One line for people, without personal data.","default":null},{"name":"topic","type":"string","doc":"Where the record was read."},{"name":"partition","type":"int","doc":"Coordinates."},{"name":"offset","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Coordinates."},{"name":"key","type":["null","bytes"],"doc":"Raw.","default":null},{"name":"value","type":["null","bytes"],"doc":"Raw bytes as read.","default":null},{"name":"headers","type":{"type":"map","values":"string"},"doc":"Latin-1."},{"name":"conversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"For a delivery.","default":null},{"name":"deliveryId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"For a delivery.","default":null},{"name":"destinationId","type":["null","string"],"doc":"For a delivery.","default":null},{"name":"attempts","type":["null","int"],"doc":"For a delivery.","default":null},{"name":"deadLetteredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When."}]}}],"delivery.attempted.v1":[{"version":1,"id":5,"schema":{"type":"record","name":"DeliveryAttempted","namespace":"io.tributary.v1","doc":"One HTTP request to a destination, recorded twice: intended before the first byte leaves, ended with the outcome. Key: conversionId.","fields":[{"name":"requestId","type":{"type":"string","logicalType":"uuid"},"doc":"Id of the HTTP request; the same in both records."},{"name":"phase","type":{"type":"enum","name":"AttemptPhase","symbols":["intended","ended"]},"doc":"intended is acknowledged by Kafka before the first byte leaves; intended without ended is ambiguous."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"definition","type":"string","doc":"Key of the code that built the request, e.g. meta."},{"name":"definitionVersion","type":"string","doc":"API or template version used."},{"name":"advertiserId","type":"string","doc":"Whose conversions."},{"name":"deliveries","type":{"type":"array","items":{"type":"record","name":"AttemptedDelivery","doc":"One delivery that this request carries.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"hash(conversionId, destinationId, outwardEvent), the key sent outward."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"The conversion."},{"name":"revision","type":"int","doc":"The revision sent."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"From 1."},{"name":"outcome","type":["null",{"type":"enum","name":"Outcome","symbols":["delivered","retry","refused","dead","superseded"]}],"doc":"Null in intended. dead: the ladder is exhausted.","default":null},{"name":"reasonCode","type":["null","string"],"doc":"Why, for every outcome but delivered.","default":null},{"name":"contentDigest","type":"string","doc":"SHA-256 hex of what was sent of this conversion."},{"name":"nextAttemptAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"For retry: when the next one is due.","default":null}]}},"doc":"Per-event outcomes."},{"name":"method","type":"string","doc":"HTTP method."},{"name":"url","type":"string","doc":"Secrets replaced by [redacted]."},{"name":"requestHeaders","type":{"type":"map","values":"string"},"doc":"Secrets replaced."},{"name":"requestBody","type":["null","string"],"doc":"Capped, secrets replaced.","default":null},{"name":"responseStatus","type":["null","int"],"doc":"Null when no response came.","default":null},{"name":"responseHeaders","type":{"type":"map","values":"string"},"doc":"Capped."},{"name":"responseBody","type":["null","string"],"doc":"Capped.","default":null},{"name":"errorCode","type":["null","string"],"doc":"Network error, closed list.","default":null},{"name":"startedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Before the first byte left."},{"name":"endedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Null in intended.","default":null},{"name":"durationMs","type":["null","int"],"doc":"Null in intended.","default":null},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."}]}},{"version":2,"id":17,"schema":{"type":"record","name":"DeliveryAttempted","namespace":"io.tributary.v1","doc":"One HTTP request to a destination, recorded twice: intended before the first byte leaves, ended with the outcome. Key: conversionId.","fields":[{"name":"requestId","type":{"type":"string","logicalType":"uuid"},"doc":"Id of the HTTP request; the same in both records."},{"name":"phase","type":{"type":"enum","name":"AttemptPhase","symbols":["intended","ended"]},"doc":"intended is acknowledged by Kafka before the first byte leaves; intended without ended is ambiguous."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"definition","type":"string","doc":"Key of the code that built the request, e.g. meta."},{"name":"definitionVersion","type":"string","doc":"API or template version used."},{"name":"advertiserId","type":"string","doc":"Whose conversions."},{"name":"deliveries","type":{"type":"array","items":{"type":"record","name":"AttemptedDelivery","doc":"One delivery that this request carries.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The key sent outward: hash(conversionId, destinationId, outwardEvent), of a correction with the revision."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"The conversion."},{"name":"revision","type":"int","doc":"The revision sent."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"From 1, counted over all deliveries about one holding."},{"name":"outcome","type":["null",{"type":"enum","name":"Outcome","symbols":["delivered","retry","refused","dead","superseded"]}],"doc":"Null in intended. dead: the ladder is exhausted.","default":null},{"name":"reasonCode","type":["null","string"],"doc":"Why, for every outcome but delivered.","default":null},{"name":"contentDigest","type":"string","doc":"SHA-256 hex of what was sent of this conversion."},{"name":"nextAttemptAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"For retry: when the next one is due.","default":null}]}},"doc":"Per-event outcomes."},{"name":"method","type":"string","doc":"HTTP method."},{"name":"url","type":"string","doc":"Secrets replaced by [redacted]."},{"name":"requestHeaders","type":{"type":"map","values":"string"},"doc":"Secrets replaced."},{"name":"requestBody","type":["null","string"],"doc":"Capped, secrets replaced.","default":null},{"name":"responseStatus","type":["null","int"],"doc":"Null when no response came.","default":null},{"name":"responseHeaders","type":{"type":"map","values":"string"},"doc":"Capped."},{"name":"responseBody","type":["null","string"],"doc":"Capped.","default":null},{"name":"errorCode","type":["null","string"],"doc":"Network error, closed list.","default":null},{"name":"startedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Before the first byte left."},{"name":"endedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Null in intended.","default":null},{"name":"durationMs","type":["null","int"],"doc":"Null in intended.","default":null},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."},{"name":"holdings","type":{"type":"array","items":{"type":"record","name":"Holding","doc":"What a destination holds of one conversion under one event, and how the latest delivery about it stands after this record.","fields":[{"name":"holdingId","type":{"type":"string","logicalType":"uuid"},"doc":"hash(conversionId, destinationId, event): the key the event itself is sent under."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"The conversion."},{"name":"event","type":"string","doc":"Name under which the receiver knows it; a correction may go by another."},{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The latest delivery about it."},{"name":"kind","type":"string","doc":"What that delivery is: event, restate or retract."},{"name":"revision","type":"int","doc":"The revision it tells."},{"name":"attempt","type":"int","doc":"Its latest attempt, counted over all deliveries about the holding."},{"name":"tries","type":"int","doc":"Tries of its own ladder used up, this one included."},{"name":"outcome","type":["null","string"],"doc":"As in deliveries.","default":null},{"name":"reasonCode","type":["null","string"],"doc":"As in deliveries.","default":null},{"name":"nextAttemptAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"As in deliveries.","default":null},{"name":"mayHaveArrived","type":"boolean","doc":"Whether an attempt that ended without a delivery may have arrived all the same."},{"name":"repeatedFor","type":"int","doc":"The revision for which it was told again because nobody knew whether it had arrived; 0 for none."},{"name":"eventRevision","type":["null","int"],"doc":"The revision the event itself was delivered by; null before.","default":null},{"name":"toldState","type":["null","string"],"doc":"What the receiver holds once the latest delivery is delivered. The state of the conversion; rejected and reversed: taken back.","default":null},{"name":"toldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"toldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"toldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"toldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldState","type":["null","string"],"doc":"What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered.","default":null},{"name":"heldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null}]}},"doc":"One for each of deliveries, in their order; empty in records of before they were kept.","default":[]}]}},{"version":3,"id":22,"schema":{"type":"record","name":"DeliveryAttempted","namespace":"io.tributary.v1","doc":"One HTTP request to a destination, recorded twice: intended before the first byte leaves, ended with the outcome. A question what became of a request is recorded once, ended, and carries no delivery unless it is dropped_in_part. Key: conversionId.","fields":[{"name":"requestId","type":{"type":"string","logicalType":"uuid"},"doc":"Id of the HTTP request; the same in both records."},{"name":"phase","type":{"type":"enum","name":"AttemptPhase","symbols":["intended","ended"]},"doc":"intended is acknowledged by Kafka before the first byte leaves; intended without ended is ambiguous."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"definition","type":"string","doc":"Key of the code that built the request, e.g. meta."},{"name":"definitionVersion","type":"string","doc":"API or template version used."},{"name":"advertiserId","type":"string","doc":"Whose conversions."},{"name":"deliveries","type":{"type":"array","items":{"type":"record","name":"AttemptedDelivery","doc":"One delivery that this request carries.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The key sent outward: hash(conversionId, destinationId, outwardEvent), of a correction with the revision."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"The conversion."},{"name":"revision","type":"int","doc":"The revision sent."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"From 1, counted over all deliveries about one holding."},{"name":"outcome","type":["null",{"type":"enum","name":"Outcome","symbols":["delivered","retry","refused","dead","superseded"]}],"doc":"Null in intended. dead: the ladder is exhausted.","default":null},{"name":"reasonCode","type":["null","string"],"doc":"Why, for every outcome but delivered; of one delivered dropped_in_part, where the platform told later that it has dropped some of the request, and not which.","default":null},{"name":"contentDigest","type":"string","doc":"SHA-256 hex of what was sent of this conversion."},{"name":"nextAttemptAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"For retry: when the next one is due.","default":null}]}},"doc":"Per-event outcomes."},{"name":"method","type":"string","doc":"HTTP method."},{"name":"url","type":"string","doc":"Secrets replaced by [redacted]."},{"name":"requestHeaders","type":{"type":"map","values":"string"},"doc":"Secrets replaced."},{"name":"requestBody","type":["null","string"],"doc":"Capped, secrets replaced.","default":null},{"name":"responseStatus","type":["null","int"],"doc":"Null when no response came.","default":null},{"name":"responseHeaders","type":{"type":"map","values":"string"},"doc":"Capped."},{"name":"responseBody","type":["null","string"],"doc":"Capped.","default":null},{"name":"errorCode","type":["null","string"],"doc":"Network error, closed list.","default":null},{"name":"startedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Before the first byte left."},{"name":"endedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Null in intended.","default":null},{"name":"durationMs","type":["null","int"],"doc":"Null in intended.","default":null},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."},{"name":"holdings","type":{"type":"array","items":{"type":"record","name":"Holding","doc":"What a destination holds of one conversion under one event, and how the latest delivery about it stands after this record.","fields":[{"name":"holdingId","type":{"type":"string","logicalType":"uuid"},"doc":"hash(conversionId, destinationId, event): the key the event itself is sent under."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"The conversion."},{"name":"event","type":"string","doc":"Name under which the receiver knows it; a correction may go by another."},{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The latest delivery about it."},{"name":"kind","type":"string","doc":"What that delivery is: event, restate or retract."},{"name":"revision","type":"int","doc":"The revision it tells."},{"name":"attempt","type":"int","doc":"Its latest attempt, counted over all deliveries about the holding."},{"name":"tries","type":"int","doc":"Tries of its own ladder used up, this one included."},{"name":"outcome","type":["null","string"],"doc":"As in deliveries.","default":null},{"name":"reasonCode","type":["null","string"],"doc":"As in deliveries.","default":null},{"name":"nextAttemptAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"As in deliveries.","default":null},{"name":"mayHaveArrived","type":"boolean","doc":"Whether an attempt that ended without a delivery may have arrived all the same."},{"name":"repeatedFor","type":"int","doc":"The revision for which it was told again because nobody knew whether it had arrived; 0 for none."},{"name":"eventRevision","type":["null","int"],"doc":"The revision the event itself was delivered by; null before.","default":null},{"name":"heldBy","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The request by which it came to hold what it held before the latest delivery; null before one was delivered.","default":null},{"name":"toldState","type":["null","string"],"doc":"What the receiver holds once the latest delivery is delivered. The state of the conversion; rejected and reversed: taken back.","default":null},{"name":"toldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"toldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"toldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"toldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldState","type":["null","string"],"doc":"What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered.","default":null},{"name":"heldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null}]}},"doc":"One for each of deliveries, in their order; empty in records of before they were kept.","default":[]}]}}],"delivery.due.v1":[{"version":1,"id":6,"schema":{"type":"record","name":"DeliveryDue","namespace":"io.tributary.v1","doc":"A delivery that waits in the timer wheel. Key: conversionId. One schema for every level.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"The attempt that is due, from 1."},{"name":"dueAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Not before."},{"name":"enqueuedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this record was written, the start of its level delay."},{"name":"decision","type":"bytes","doc":"The conversion.decided record in wire format, so that a retry looks nothing up."},{"name":"lastReasonCode","type":["null","string"],"doc":"Why the last attempt did not deliver.","default":null}]}},{"version":2,"id":18,"schema":{"type":"record","name":"DeliveryDue","namespace":"io.tributary.v1","doc":"A delivery that waits in the timer wheel. Key: conversionId. One schema for every level.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery; of a step the id of the holding."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"The attempt that is due, from 1."},{"name":"dueAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Not before."},{"name":"enqueuedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this record was written, the start of its level delay."},{"name":"decision","type":"bytes","doc":"The conversion.decided record in wire format, so that a retry looks nothing up."},{"name":"lastReasonCode","type":["null","string"],"doc":"Why the last attempt did not deliver.","default":null},{"name":"kind","type":"string","doc":"retry: the named attempt; step: the decision has its step taken again, for it found no room or had to wait for an open delivery.","default":"retry"},{"name":"delivered","type":["null","bytes"],"doc":"Of a correction: the conversion.decided record, in wire format, by which the event was delivered.","default":null}]}},{"version":3,"id":20,"schema":{"type":"record","name":"DeliveryDue","namespace":"io.tributary.v1","doc":"A delivery that waits in the timer wheel. Key: conversionId. One schema for every level.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery; of a step the id of the holding."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"The attempt that is due, from 1; of a replay the one by which the delivery had ended."},{"name":"dueAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Not before."},{"name":"enqueuedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this record was written, the start of its level delay."},{"name":"decision","type":"bytes","doc":"The conversion.decided record in wire format, so that a retry looks nothing up; empty for a replay, which is judged anew."},{"name":"lastReasonCode","type":["null","string"],"doc":"Why the last attempt did not deliver.","default":null},{"name":"kind","type":"string","doc":"retry: the named attempt; step: the decision has its step taken again, for it found no room or had to wait for an open delivery; replay: a delivery that had ended is attempted again on order.","default":"retry"},{"name":"delivered","type":["null","bytes"],"doc":"Of a correction: the conversion.decided record, in wire format, by which the event was delivered.","default":null},{"name":"accepts","type":{"type":"array","items":"string"},"doc":"Of a replay: the risks that were named, see delivery.commanded.","default":[]}]}},{"version":4,"id":23,"schema":{"type":"record","name":"DeliveryDue","namespace":"io.tributary.v1","doc":"A delivery that waits in the timer wheel. Key: conversionId. One schema for every level.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery; of a step the id of the holding, of a question that of the request it is about."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination; of a question that of the first delivery."},{"name":"attempt","type":"int","doc":"The attempt that is due, from 1; of a replay the one by which the delivery had ended, of what was dropped the one that was judged delivered. Of a question how often it was asked before."},{"name":"dueAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Not before."},{"name":"enqueuedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this record was written, the start of its level delay."},{"name":"decision","type":"bytes","doc":"The conversion.decided record in wire format, so that a retry looks nothing up; empty for a replay, which is judged anew, and for a question and what was dropped, which look it up where it is needed."},{"name":"lastReasonCode","type":["null","string"],"doc":"Why the last attempt did not deliver.","default":null},{"name":"kind","type":"string","doc":"retry: the named attempt; step: the decision has its step taken again, for it found no room or had to wait for an open delivery; replay: a delivery that had ended is attempted again on order; question: the platform is asked what became of a request that it had accepted; dropped: it has not taken a delivery after all.","default":"retry"},{"name":"delivered","type":["null","bytes"],"doc":"Of a correction: the conversion.decided record, in wire format, by which the event was delivered.","default":null},{"name":"accepts","type":{"type":"array","items":"string"},"doc":"Of a replay: the risks that were named, see delivery.commanded.","default":[]},{"name":"question","type":["null",{"type":"record","name":"DueQuestion","doc":"What to ask a platform that tells of a request only later what became of its deliveries.","fields":[{"name":"definition","type":"string","doc":"Key of the code that built the request; another one would not know what to ask."},{"name":"override","type":["null","int"],"doc":"Index of the destination's override that it went by; null for its own settings.","default":null},{"name":"platformRequestId","type":"string","doc":"The platform's id of the request."},{"name":"acceptedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When it was accepted."},{"name":"isAdjustment","type":"boolean","doc":"Whether it carried adjustments rather than events."},{"name":"advertiserId","type":"string","doc":"Whose conversions."},{"name":"isTest","type":"boolean","doc":"Test traffic."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"deliveries","type":{"type":"array","items":{"type":"record","name":"QuestionedDelivery","doc":"A delivery of that request that was judged delivered.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery."},{"name":"holdingId","type":{"type":"string","logicalType":"uuid"},"doc":"What it is about: hash(conversionId, destinationId, event)."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"The conversion."},{"name":"revision","type":"int","doc":"The revision sent."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"The attempt that was judged delivered."},{"name":"mayHaveArrived","type":"boolean","doc":"Whether an earlier attempt may have arrived, whatever became of this one."},{"name":"heldBy","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The request by which the receiver had come to hold what it held before; null before one was delivered.","default":null},{"name":"heldState","type":["null","string"],"doc":"What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered.","default":null},{"name":"heldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null}]}},"doc":"In the order of the request."}]}],"doc":"Of a question: what is asked.","default":null},{"name":"dropped","type":["null",{"type":"record","name":"DroppedDelivery","doc":"What became of a delivery that was judged delivered. Why stands in lastReasonCode.","fields":[{"name":"holdingId","type":{"type":"string","logicalType":"uuid"},"doc":"What it is about: hash(conversionId, destinationId, event)."},{"name":"requestId","type":{"type":"string","logicalType":"uuid"},"doc":"The request that carried it."},{"name":"outcome","type":"string","doc":"retry or refused."},{"name":"notBefore","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Of a retry: until when the platform wants to be spared.","default":null},{"name":"mayHaveArrived","type":"boolean","doc":"Whether an earlier attempt may have arrived all the same."},{"name":"heldBy","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The request by which the receiver had come to hold what it held before; null before one was delivered.","default":null},{"name":"heldState","type":["null","string"],"doc":"What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered.","default":null},{"name":"heldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null}]}],"doc":"Of what was dropped: how.","default":null}]}},{"version":5,"id":24,"schema":{"type":"record","name":"DeliveryDue","namespace":"io.tributary.v1","doc":"A delivery that waits in the timer wheel. Key: conversionId. One schema for every level.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery; of a step the id of the holding, of a question that of the request it is about."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination; of a question that of the first delivery."},{"name":"attempt","type":"int","doc":"The attempt that is due, from 1; of a replay the one by which the delivery had ended, of what was dropped the one that was judged delivered. Of a question how often it was asked before."},{"name":"dueAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Not before."},{"name":"enqueuedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When this record was written, the start of its level delay."},{"name":"decision","type":"bytes","doc":"The conversion.decided record in wire format, so that a retry looks nothing up; empty for a replay, which is judged anew, and for a question and what was dropped, which look it up where it is needed."},{"name":"lastReasonCode","type":["null","string"],"doc":"Why the last attempt did not deliver.","default":null},{"name":"kind","type":"string","doc":"retry: the named attempt; step: the decision has its step taken again, for it found no room or had to wait for an open delivery; replay: a delivery that had ended is attempted again on order; question: the platform is asked what became of a request that it had accepted; dropped: it has not taken a delivery after all.","default":"retry"},{"name":"delivered","type":["null","bytes"],"doc":"Of a correction: the conversion.decided record, in wire format, by which the event was delivered.","default":null},{"name":"accepts","type":{"type":"array","items":"string"},"doc":"Of a replay: the risks that were named, see delivery.commanded.","default":[]},{"name":"question","type":["null",{"type":"record","name":"DueQuestion","doc":"What to ask a platform that tells of a request only later what became of its deliveries.","fields":[{"name":"definition","type":"string","doc":"Key of the code that built the request; another one would not know what to ask."},{"name":"override","type":["null","int"],"doc":"Index of the destination's override that it went by; null for its own settings.","default":null},{"name":"platformRequestId","type":"string","doc":"The platform's id of the request."},{"name":"acceptedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When it was accepted."},{"name":"isAdjustment","type":"boolean","doc":"Whether it carried adjustments rather than events."},{"name":"advertiserId","type":"string","doc":"Whose conversions."},{"name":"isTest","type":"boolean","doc":"Test traffic."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"deliveries","type":{"type":"array","items":{"type":"record","name":"QuestionedDelivery","doc":"A delivery of that request that was judged delivered.","fields":[{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery."},{"name":"holdingId","type":{"type":"string","logicalType":"uuid"},"doc":"What it is about: hash(conversionId, destinationId, event)."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"The conversion."},{"name":"revision","type":"int","doc":"The revision sent."},{"name":"outwardEvent","type":"string","doc":"Event name at the destination."},{"name":"attempt","type":"int","doc":"The attempt that was judged delivered."},{"name":"mayHaveArrived","type":"boolean","doc":"Whether an earlier attempt may have arrived, whatever became of this one."},{"name":"heldBy","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The request by which the receiver had come to hold what it held before; null before one was delivered.","default":null},{"name":"heldState","type":["null","string"],"doc":"What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered.","default":null},{"name":"heldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null}]}},"doc":"In the order of the request."}]}],"doc":"Of a question: what is asked.","default":null},{"name":"dropped","type":["null",{"type":"record","name":"DroppedDelivery","doc":"What became of a delivery that was judged delivered. Why stands in lastReasonCode.","fields":[{"name":"holdingId","type":{"type":"string","logicalType":"uuid"},"doc":"What it is about: hash(conversionId, destinationId, event)."},{"name":"requestId","type":{"type":"string","logicalType":"uuid"},"doc":"The request that carried it."},{"name":"outcome","type":"string","doc":"retry or refused."},{"name":"notBefore","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Of a retry: until when the platform wants to be spared.","default":null},{"name":"mayHaveArrived","type":"boolean","doc":"Whether an earlier attempt may have arrived all the same."},{"name":"heldBy","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The request by which the receiver had come to hold what it held before; null before one was delivered.","default":null},{"name":"heldState","type":["null","string"],"doc":"What it held before. The state of the conversion; rejected and reversed: taken back. Null: nothing was ever delivered.","default":null},{"name":"heldRevenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldRevenueCurrency","type":["null","string"],"doc":"ISO 4217.","default":null},{"name":"heldPayoutMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Net of reversals.","default":null},{"name":"heldPayoutCurrency","type":["null","string"],"doc":"ISO 4217.","default":null}]}],"doc":"Of what was dropped: how.","default":null},{"name":"issuedAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Of a replay: when console wrote the order, see delivery.commanded; ten minutes later it is void.","default":null}]}}],"postback.judged.v1":[{"version":1,"id":7,"schema":{"type":"record","name":"PostbackJudged","namespace":"io.tributary.v1","doc":"What attribution made of one receipt; exactly one per receipt. Key: receiptId.","fields":[{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The receipt judged."},{"name":"sourceId","type":"string","doc":"Who posted."},{"name":"lane","type":"string","doc":"The lane it was decided in."},{"name":"advertiserId","type":"string","doc":"Whose conversion it is."},{"name":"verdict","type":{"type":"enum","name":"Verdict","symbols":["counted","duplicate_of","conflict","rejected","parked"]},"doc":"What became of the receipt."},{"name":"reasonCode","type":["null","string"],"doc":"Why, for every verdict but counted; closed list.","default":null},{"name":"conversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The conversion it created, repeated or conflicts with.","default":null},{"name":"revision","type":["null","int"],"doc":"The revision it led to.","default":null},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When the receipt was accepted."},{"name":"judgedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When attribution judged it."},{"name":"triggerPartition","type":"int","doc":"Partition of postback.received."},{"name":"triggerOffset","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of the receipt in that partition."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."}]}}],"postback.received.v1":[{"version":1,"id":8,"schema":{"type":"record","name":"PostbackReceived","namespace":"io.tributary.v1","doc":"One accepted postback, parsed by its source profile and immutable. Key: lane.","fields":[{"name":"receiptId","type":{"type":"string","logicalType":"uuid"},"doc":"The acknowledgement the sender got; deterministic where the sender gave an Idempotency-Key or a nonce."},{"name":"sourceId","type":"string","doc":"Who posted."},{"name":"lane","type":"string","doc":"The sources whose postbacks one writer decides in order; a configuration fact of the source."},{"name":"advertiserId","type":"string","doc":"Whose conversion it is."},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When our edge received it."},{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When it happened at the source."},{"name":"occurredAtIsAssumed","type":"boolean","doc":"True when the sender gave no time and receivedAt stands in."},{"name":"eventType","type":"string","doc":"lead, sale, renewal, refund, …: after the mapping of the profile."},{"name":"eventTypeSent","type":["null","string"],"doc":"The value as sent.","default":null},{"name":"status","type":{"type":"enum","name":"PostbackStatus","symbols":["pending","approved","rejected"]},"doc":"What the source says of the fact, after the mapping of the profile."},{"name":"statusSent","type":["null","string"],"doc":"The value as sent.","default":null},{"name":"clickId","type":["null","string"],"doc":"The click id as sent, not yet checked to be one of ours.","default":null},{"name":"transactionId","type":["null","string"],"doc":"The advertiser's own id of the fact.","default":null},{"name":"originalTransactionId","type":["null","string"],"doc":"For refund and chargeback: the transaction that is reversed.","default":null},{"name":"reversalId","type":["null","string"],"doc":"For refund and chargeback: the id of this reversal.","default":null},{"name":"customerId","type":["null","string"],"doc":"The advertiser's id of the person.","default":null},{"name":"revenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"The advertiser's value in micro-units; positive, also for a refund.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of all amounts in this record.","default":null},{"name":"taxMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Tax contained in the revenue.","default":null},{"name":"shippingMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Shipping contained in the revenue.","default":null},{"name":"predictedLtvMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Predicted lifetime value.","default":null},{"name":"productId","type":["null","string"],"doc":"Product, as the source names it.","default":null},{"name":"planId","type":["null","string"],"doc":"Subscription plan, as the source names it.","default":null},{"name":"couponCode","type":["null","string"],"doc":"Coupon used.","default":null},{"name":"quantity","type":["null","int"],"doc":"Number of items.","default":null},{"name":"subIds","type":{"type":"map","values":"string"},"doc":"Sub-ids as sent."},{"name":"extras","type":{"type":"map","values":"string"},"doc":"Further parameters kept by the allow list of the source."},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"SHA-256 of personal identifiers by named normal form."},{"name":"ipCiphertext","type":["null","bytes"],"doc":"The customer's address under a per-day key.","default":null},{"name":"userAgent","type":["null","string"],"doc":"The customer's user agent.","default":null},{"name":"country","type":["null","string"],"doc":"The customer's country, ISO 3166-1 alpha-2.","default":null},{"name":"consentAdUserData","type":{"type":"enum","name":"ConsentState","symbols":["granted","denied","unknown"]},"doc":"Whether the person allowed their data to be sent to ad platforms, as far as the sender told us."},{"name":"consentAdPersonalization","type":"ConsentState","doc":"Whether the person allowed ad personalization."},{"name":"authenticatedBy","type":{"type":"array","items":"string"},"doc":"Which proofs the call passed: token, hmac, ip_allow_list."},{"name":"nonceHash","type":["null","string"],"doc":"SHA-256 of the nonce of a signed call.","default":null},{"name":"idempotencyKeyHash","type":["null","string"],"doc":"SHA-256 of the Idempotency-Key.","default":null},{"name":"contentDigest","type":"string","doc":"SHA-256 hex of the canonical parameters: tells another content under the same receipt id."},{"name":"rawCall","type":"string","doc":"The call as it came, capped, credentials and personal values removed."},{"name":"warnings","type":{"type":"array","items":"string"},"doc":"Codes of what was odd but accepted, e.g. unreplaced_macro:click_id."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."}]}}],"postback.refused.v1":[{"version":1,"id":9,"schema":{"type":"record","name":"PostbackRefused","namespace":"io.tributary.v1","doc":"One refused postback with its reason. Key: sourceId.","fields":[{"name":"refusalId","type":{"type":"string","logicalType":"uuid"},"doc":"Id of this refusal, given in the answer."},{"name":"sourceId","type":"string","doc":"The source as named in the call; it may not exist."},{"name":"advertiserId","type":["null","string"],"doc":"Known when the source exists.","default":null},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When our edge received it."},{"name":"reasonCode","type":"string","doc":"Closed list, see docs/errors.md."},{"name":"field","type":["null","string"],"doc":"The parameter the reason is about.","default":null},{"name":"expected","type":["null","string"],"doc":"What was expected instead.","default":null},{"name":"contentDigest","type":"string","doc":"SHA-256 hex of the call."},{"name":"rawCall","type":"string","doc":"The call as it came, capped, credentials and personal values removed."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."}]}}],"attribution.commanded.v1":[{"version":1,"id":10,"schema":{"type":"record","name":"AttributionCommanded","namespace":"io.tributary.v1","doc":"One order to attribution, which executes it in the lane, in log order, as a new revision; an order that no longer fits is void for every reader. Key: lane.","fields":[{"name":"commandId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from the run and what it is about, or given by the caller: the same order twice is one order."},{"name":"command","type":"string","doc":"reattribute, release, reject, approve or erase. The list may grow: a reader that does not know one sets the record aside."},{"name":"lane","type":"string","doc":"The lane that executes it."},{"name":"advertiserId","type":"string","doc":"Whose conversions it touches; anything else it names is void."},{"name":"runId","type":{"type":"string","logicalType":"uuid"},"doc":"The run of a person it belongs to: all orders of one plan that was applied."},{"name":"conversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The conversion it is about; null for erase.","default":null},{"name":"expectedRevision","type":["null","int"],"doc":"The revision the plan was made from; another one at its place makes the order void. Null for erase.","default":null},{"name":"customerKey","type":["null","string"],"doc":"For erase: the person, as keyed in lifecycle.signalled; for readers, as conversions are not found by it.","default":null},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"For erase: the normal forms of the person, SHA-256 by name (customerExternal: of a customer id); conversions that have one in common are its. Empty otherwise."},{"name":"model","type":["null","string"],"doc":"For reattribute: the model to decide by; null for the one in force.","default":null},{"name":"rules","type":["null","string"],"doc":"For reattribute: terms as JSON that replace those in force; null for none.","default":null},{"name":"rulesDigest","type":["null","string"],"doc":"SHA-256 hex of the rules the plan was made from.","default":null},{"name":"rulesVersion","type":["null",{"type":"long","logicalType":"kafka-offset"}],"doc":"For reattribute: judge by the configuration as of this version; null for the one in force when the fact occurred.","default":null},{"name":"clickId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"For reattribute by hand: the click that is to win.","default":null},{"name":"reasonCode","type":"string","doc":"Why; becomes a reason code of the revision. Closed list."},{"name":"issuedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When console wrote it."},{"name":"effectiveFrom","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Not executed before; null for at once.","default":null},{"name":"actor","type":"string","doc":"Who ordered it: an API key id."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"An order about test conversions: it touches no others."}]}}],"credential.refreshed.v1":[{"version":1,"id":11,"schema":{"type":"record","name":"CredentialRefreshed","namespace":"io.tributary.v1","doc":"Credentials of one destination that were obtained anew from its platform (OAuth); the latest counts; compacted. Key: destinationId.","fields":[{"name":"refreshId","type":{"type":"string","logicalType":"uuid"},"doc":"Id of this refresh."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"definition","type":"string","doc":"Its platform or network, the key of the definition."},{"name":"destinationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Configuration version of the destination whose credentials were refreshed; a newer version of the destination makes this record void, because a person has given new ones."},{"name":"credentials","type":{"type":"map","values":"bytes"},"doc":"Credentials by setting name: AES-256-GCM ciphertext under a key of SECRETS_KEYS, bound to the destination and the name. Never in clear."},{"name":"refreshedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When the platform gave them."},{"name":"expiresAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When the platform stops taking them; null when it does not say.","default":null},{"name":"refreshAfter","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"From when the next refresh is due, before they expire.","default":null},{"name":"instanceId","type":"string","doc":"The instance of fan-out that asked."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."}]}}],"destination.state.v1":[{"version":1,"id":12,"schema":{"type":"record","name":"DestinationState","namespace":"io.tributary.v1","doc":"How one destination stands: its breaker, and whether it was switched off for its failures. The latest counts; compacted. Key: destinationId.","fields":[{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"definition","type":"string","doc":"Its platform or network, the key of the definition."},{"name":"advertiserId","type":["null","string"],"doc":"Whose destination it is; null for one that all share.","default":null},{"name":"breaker","type":{"type":"enum","name":"BreakerState","symbols":["closed","open","half_open"]},"doc":"closed: deliveries flow; open: they are parked and burn no attempts; half_open: one probe at a time."},{"name":"breakerChangedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Since when the breaker is in this state."},{"name":"probeAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When open: the next probe is not made before.","default":null},{"name":"probes","type":"int","doc":"Probes that failed since the breaker opened; the wait before the next one grows with it."},{"name":"consecutiveFailures","type":"int","doc":"Failed requests in a row; 0 after a success."},{"name":"failingSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"The first failure of the row; null after a success.","default":null},{"name":"lastFailureAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When the last request failed.","default":null},{"name":"lastFailureCode","type":["null","string"],"doc":"Why it failed: a reason code of docs/errors.md, never a text of the receiver.","default":null},{"name":"lastSuccessAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When the last request was delivered.","default":null},{"name":"lastRequestId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The request in delivery.attempted that led to this state.","default":null},{"name":"isDisabled","type":"boolean","doc":"True when fan-out has switched it off for nothing but failures; a newer configuration of the destination or a probe switches it on."},{"name":"disabledAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"Since when it is switched off.","default":null},{"name":"disabledReasonCode","type":["null","string"],"doc":"Why it is switched off; closed list.","default":null},{"name":"parkedDeliveries","type":["null","int"],"doc":"Deliveries that waited for the breaker at that moment, as this instance saw them.","default":null},{"name":"instanceId","type":"string","doc":"The instance of fan-out that wrote it: each keeps a breaker of its own and the latest record counts."},{"name":"changedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When it was written."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."}]}}],"lifecycle.signalled.v1":[{"version":1,"id":13,"schema":{"type":"record","name":"LifecycleSignalled","namespace":"io.tributary.v1","doc":"One thing a CRM or lifecycle tool should act on for one customer, or its withdrawal. Signals of a customer are in log order. Key: customerKey.","fields":[{"name":"signalId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from customerKey, signal and the conversion it is about, of onboarding and suppression from the first two alone; so repeats coincide, and a withdrawal carries the id of what it withdraws."},{"name":"phase","type":{"type":"enum","name":"SignalPhase","symbols":["raised","withdrawn"]},"doc":"raised: act on it; withdrawn: it no longer holds, e.g. a suppression after a refund. The later in the log counts."},{"name":"signal","type":"string","doc":"onboarding, activation, activation_missed, renewal_due, renewal_missed, win_back or suppression. The list may grow: pass over what you do not know."},{"name":"customerKey","type":"string","doc":"Key of the record: a UUID derived from the advertiser, the lane and the customer id or, without one, a hashed identity; it says nothing by itself."},{"name":"customerId","type":["null","string"],"doc":"The advertiser's id of the person, when the facts gave one.","default":null},{"name":"lane","type":"string","doc":"The lane the customer belongs to."},{"name":"advertiserId","type":"string","doc":"Whose customer it is."},{"name":"conversionId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"The conversion it is about, also when a clock raised or withdrew it.","default":null},{"name":"revision","type":["null","int"],"doc":"Its revision at that moment.","default":null},{"name":"eventType","type":["null","string"],"doc":"Its event type: lead, subscription_started, renewal, …","default":null},{"name":"offerId","type":["null","string"],"doc":"Offer that brought the customer.","default":null},{"name":"campaignId","type":["null","string"],"doc":"Campaign that brought the customer.","default":null},{"name":"partnerId","type":["null","string"],"doc":"Partner that brought the customer.","default":null},{"name":"productId","type":["null","string"],"doc":"Product it is about, as the source names it.","default":null},{"name":"planId","type":["null","string"],"doc":"Subscription plan it is about, as the source names it.","default":null},{"name":"ordinal","type":"int","doc":"Which of its kind it is for this customer and plan, from 1: the second renewal_due is 2."},{"name":"reasonCodes","type":{"type":"array","items":"string"},"doc":"Why it was raised or withdrawn; closed list."},{"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When the fact behind it occurred at the source, or the deadline that passed."},{"name":"signalledAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When attribution wrote it."},{"name":"dueAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"When the thing it speaks of is due, e.g. the renewal.","default":null},{"name":"expiresAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"doc":"From when acting on it is pointless; null for never.","default":null},{"name":"triggerKind","type":{"type":"enum","name":"TriggerKind","symbols":["postback","late_click","deadline","release","command"]},"doc":"What caused it."},{"name":"triggerPartition","type":"int","doc":"Partition of postback.received the lane belongs to."},{"name":"triggerOffset","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of the postback that caused it, or the position of the lane when a clock did."},{"name":"revenueMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Value of the conversion behind it in micro-units; negative for a refund or chargeback.","default":null},{"name":"currency","type":["null","string"],"doc":"ISO 4217 of all amounts in this record.","default":null},{"name":"predictedLtvMicros","type":["null",{"type":"long","logicalType":"money-micros"}],"doc":"Predicted lifetime value as last sent.","default":null},{"name":"subjectHashes","type":{"type":"map","values":"string"},"doc":"SHA-256 of personal identifiers by named normal form, to find the person in another system."},{"name":"country","type":["null","string"],"doc":"The customer's country, ISO 3166-1 alpha-2.","default":null},{"name":"consentAdUserData","type":{"type":"enum","name":"ConsentState","symbols":["granted","denied","unknown"]},"doc":"Whether the person allowed their data to be sent to ad platforms, as last told; audiences for suppression need it."},{"name":"consentAdPersonalization","type":"ConsentState","doc":"Whether the person allowed ad personalization, as last told."},{"name":"attributes","type":{"type":"map","values":"string"},"doc":"Further facts of the signal by name; never personal."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"Test traffic: passes the whole pipeline, is never billed and reaches destinations only as their test events."}]}}],"delivery.commanded.v1":[{"version":1,"id":19,"schema":{"type":"record","name":"DeliveryCommanded","namespace":"io.tributary.v1","doc":"One order about one delivery to fan-out, which executes it by what the destination holds when it comes; an order that no longer fits is void. Key: conversionId.","fields":[{"name":"commandId","type":{"type":"string","logicalType":"uuid"},"doc":"Derived from the run and the dead letter: the same order twice is one order."},{"name":"command","type":"string","doc":"replay. The list may grow: a reader passes over what it does not know."},{"name":"runId","type":{"type":"string","logicalType":"uuid"},"doc":"The run of a person it belongs to, see replay.recorded; an order for one dead letter is a run too."},{"name":"deadLetterId","type":{"type":"string","logicalType":"uuid"},"doc":"The dead letter it is about."},{"name":"conversionId","type":{"type":"string","logicalType":"uuid"},"doc":"Whose delivery it is."},{"name":"deliveryId","type":{"type":"string","logicalType":"uuid"},"doc":"The delivery that is to be attempted again, under the same key."},{"name":"destinationId","type":"string","doc":"The configured receiver."},{"name":"expectedAttempt","type":"int","doc":"The attempt by which the delivery ended; once a later one has been made the order is void."},{"name":"accepts","type":{"type":"array","items":"string"},"doc":"Risks that the person has named and takes, see the replay classes in docs/errors.md. Empty: only what is safe is sent."},{"name":"issuedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When console wrote it; an order of which nothing was begun within ten minutes is void, and console writes it again."},{"name":"actor","type":"string","doc":"Who ordered it: an API key id."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."},{"name":"isTest","type":"boolean","doc":"The conversion is a test."}]}}],"replay.recorded.v1":[{"version":1,"id":21,"schema":{"type":"record","name":"ReplayRecorded","namespace":"io.tributary.v1","doc":"One step of a replay of dead letters: ordered by a person, progressed, stopped, or completed. Key: runId.","fields":[{"name":"runId","type":{"type":"string","logicalType":"uuid"},"doc":"The run: everything that one person ordered at once."},{"name":"sequence","type":"int","doc":"Numbers the steps of a run from 0."},{"name":"step","type":"string","doc":"ordered, progressed, stopped or completed. A run that was stopped once stays so."},{"name":"filter","type":"string","doc":"Which dead letters it is about, as JSON."},{"name":"until","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"Only dead letters from before: when the plan was made."},{"name":"accepts","type":{"type":"array","items":"string"},"doc":"Risks that the person has named and takes; empty: only what is safe."},{"name":"planDigest","type":"string","doc":"SHA-256 hex of the plan the person saw: which dead letters could be replayed, and at which risk."},{"name":"planned","type":{"type":"array","items":{"type":"record","name":"ReplayCount","doc":"How many dead letters of the plan are of a class.","fields":[{"name":"class","type":"string","doc":"See the replay classes in docs/errors.md."},{"name":"count","type":"int","doc":"Dead letters of it."}]}},"doc":"The plan by class."},{"name":"ratePerSecond","type":"int","doc":"Most orders a second."},{"name":"afterId","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"Dead letters up to here, in the order of their ids, were ordered or passed over; null for none.","default":null},{"name":"ordered","type":"int","doc":"Dead letters ordered so far; one that was ordered again, because nobody began with it in time, counts once."},{"name":"passedOver","type":"int","doc":"Dead letters of the filter that were not ordered so far."},{"name":"recordedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When console wrote it."},{"name":"actor","type":"string","doc":"Who ordered the run, or stopped it: an API key id."},{"name":"instanceId","type":"string","doc":"The process of console that gives the orders."},{"name":"configurationVersion","type":{"type":"long","logicalType":"kafka-offset"},"doc":"Offset of configuration.changed up to which the writer had read; a reader catches up to it first."}]}}]};

