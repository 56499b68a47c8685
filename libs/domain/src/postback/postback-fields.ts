/** What a postback can say, under which names by default, and which of it is personal. */

/** A source's profile puts its own names in front. */
export const POSTBACK_PARAMETERS = {
  clickId: ['click_id', 'clickid', 'cid'],
  transactionId: ['transaction_id', 'txid', 'order_id'],
  originalTransactionId: ['original_transaction_id'],
  reversalId: ['reversal_id', 'refund_id'],
  eventType: ['event_type', 'event', 'et'],
  status: ['status'],
  revenue: ['revenue', 'amount', 'payout', 'sum'],
  currency: ['currency'],
  tax: ['tax'],
  shipping: ['shipping'],
  predictedLtv: ['predicted_ltv'],
  occurredAt: ['occurred_at', 'time', 'timestamp'],
  customerId: ['customer_id'],
  productId: ['product_id', 'product'],
  planId: ['plan_id', 'plan'],
  couponCode: ['coupon_code', 'coupon'],
  quantity: ['quantity'],
  email: ['email'],
  phone: ['phone'],
  ipAddress: ['ip'],
  userAgent: ['user_agent', 'ua'],
  country: ['country'],
  idempotencyKey: ['idempotency_key'],
  isTest: ['test'],
} as const satisfies Record<string, readonly string[]>;
export type PostbackField = keyof typeof POSTBACK_PARAMETERS;

/** Fields whose values never appear in a record of the raw call. */
export const PERSONAL_FIELDS: readonly PostbackField[] = ['email', 'phone', 'ipAddress', 'userAgent'];

export const POSTBACK_STATUSES = ['pending', 'approved', 'rejected'] as const;
export type PostbackStatus = (typeof POSTBACK_STATUSES)[number];
