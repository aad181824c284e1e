/** How an erased subject is known: by a digest that is computed here by hand, and by records that are exactly what they should be. */
import { createHmac, hkdfSync } from 'node:crypto';

import { expect, test } from '@jest/globals';

import { dataKeyContext, parseSuppression, subjectDigest, suppressionKey, suppressionRecord } from './index.ts';

const dataKey = Buffer.alloc(32, 7);

/** Source: RFC 5869; FIPS 198-1. */
function byHand(dataset: string, subject: string): string {
  const key = Buffer.from(hkdfSync('sha256', dataKey, '', `sluice/suppression/1/${dataset}`, 32));
  return createHmac('sha256', key).update(subject, 'utf8').digest().subarray(0, 16).toString('base64url');
}

test('a digest is the first half of an HMAC under a key of the dataset alone', () => {
  for (const [dataset, subject] of [
    ['visits', '330106199001011234'],
    ['visits', '张三'],
    ['orders', '330106199001011234'],
  ] as const)
    expect(subjectDigest(suppressionKey(dataKey, dataset), Buffer.from(subject))).toBe(byHand(dataset, subject));
  expect(byHand('visits', 'a')).not.toBe(byHand('orders', 'a'));
});

test('its record is read back, and any other is refused: another key, another form, nothing', () => {
  const suppression = { dataset: 'visits', digest: byHand('visits', 'a') };
  const { key, value } = suppressionRecord(suppression);
  expect(parseSuppression(key, value)).toEqual({ ok: true, value: suppression });
  const changed = (more: object): Buffer => Buffer.from(JSON.stringify({ ...(JSON.parse(value.toString()) as object), ...more }));
  for (const [otherKey, otherValue] of [
    [Buffer.from('orders/x'), value],
    [null, value],
    [key, null],
    [key, Buffer.from('{')],
    [key, changed({ version: 2 })],
    [key, changed({ digest: 'short' })],
    [key, changed({ more: 1 })],
  ] as const)
    expect(parseSuppression(otherKey, otherValue)).toMatchObject({ ok: false, failure: { code: 'suppressions-incomplete' } });
});

test('a key is bound to its owner and epoch: no two contexts are equal', () => {
  const contexts = [
    dataKeyContext({ kind: 'agreement', id: 'a' }, 1),
    dataKeyContext({ kind: 'agreement', id: 'a' }, 2),
    dataKeyContext({ kind: 'agreement', id: 'a' }, 22),
    dataKeyContext({ kind: 'agreement', id: 'a-2' }, 1),
    dataKeyContext({ kind: 'dataset', id: 'a' }, 1),
  ];
  expect(new Set(contexts).size).toBe(contexts.length);
  expect(contexts[0]).toBe('agreement/a');
});
