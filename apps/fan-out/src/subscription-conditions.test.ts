/** What a condition of a subscription lets through. */
import { aDecision } from '@tributary/testing';
import { expect, it } from 'vitest';
import { holds, type SubscriptionCondition } from './subscription-conditions.ts';

const decided = aDecision({
  productId: 'sku-9',
  planId: null,
  couponCode: '',
  isFirstOfCustomer: true,
  subIds: { sub1: 'mail' },
  clickSubIds: { sub1: 'banner' },
  extras: { tier: 'gold' },
});

it.each<[string, SubscriptionCondition, boolean]>([
  ['one of them', { field: 'productId', anyOf: ['sku-8', 'sku-9'] }, true],
  ['none of them', { field: 'productId', anyOf: ['sku-8'] }, false],
  ['missing where one is asked for', { field: 'planId', anyOf: ['gold'] }, false],
  ['one of those that it must not be', { field: 'productId', noneOf: ['sku-9'] }, false],
  ['another', { field: 'productId', noneOf: ['sku-8'] }, true],
  ['missing where some are not to be', { field: 'planId', noneOf: ['gold'] }, true],
  ['there', { field: 'productId', isPresent: true }, true],
  ['missing', { field: 'planId', isPresent: true }, false],
  ['empty is missing', { field: 'couponCode', isPresent: false }, true],
  ['two parts', { field: 'productId', isPresent: true, noneOf: ['sku-9'] }, false],
  ['a first purchase', { field: 'isFirstOfCustomer', anyOf: ['true'] }, true],
  ['no first purchase', { field: 'isFirstOfCustomer', anyOf: ['false'] }, false],
  ['a sub-id of the postback', { field: 'subIds.sub1', anyOf: ['mail'] }, true],
  ['a sub-id of the click', { field: 'clickSubIds.sub1', anyOf: ['mail'] }, false],
  ['an extra', { field: 'extras.tier', anyOf: ['gold'] }, true],
  ['an extra that nobody sent', { field: 'extras.constructor', isPresent: true }, false],
])('%s', (_name, condition, expected) => {
  expect(holds(condition, decided)).toBe(expected);
});
