/** What is sealed of a refused record can be taken apart again; Receipts of before a kind was added are still read. */
import { describe, expect, test } from '@jest/globals';
import { codecOf, fingerprint, parseSchema } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import { decodeReceipt, encodeReceipt, joinOriginal, receiptSchemaText, splitOriginal } from './index.ts';

describe('an original', () => {
  test.each([
    [null, null],
    [Buffer.from('key'), Buffer.from('value')],
    [Buffer.alloc(0), null],
    [null, Buffer.alloc(70_000, 1)],
  ])('is taken apart into what it was joined from', (key, value) => {
    const original = unwrap(splitOriginal(joinOriginal({ key, value })));
    expect(original.key === null ? null : Buffer.from(original.key)).toEqual(key);
    expect(original.value === null ? null : Buffer.from(original.value)).toEqual(value);
  });

  test('of other bytes is none: cut off, with bytes too much, with an impossible length', () => {
    const whole = Buffer.from(joinOriginal({ key: Buffer.from('key'), value: Buffer.from('value') }));
    for (let length = 0; length < whole.length; length += 1) expect(splitOriginal(whole.subarray(0, length)).ok).toBe(false);
    expect(splitOriginal(Buffer.concat([whole, Buffer.alloc(1)])).ok).toBe(false);
    expect(splitOriginal(Buffer.from('fffffffeffffffff', 'hex')).ok).toBe(false);
    expect(splitOriginal(Buffer.from('7fffffffffffffff', 'hex')).ok).toBe(false);
  });
});

test('a Receipt of before there were replayed ones, or key epochs, is read, and one of a schema that never was is not', () => {
  const written = (symbols: string[], without = ['keyEpoch', 'suppressCount']): Uint8Array => {
    const schema = JSON.parse(receiptSchemaText) as { fields: { name: string; type: unknown }[] };
    schema.fields = schema.fields.filter(({ name }) => !without.includes(name));
    for (const field of schema.fields) if (field.name === 'kind') field.type = { ...(field.type as object), symbols };
    const parsed = unwrap(parseSchema(JSON.stringify(schema)));
    const body = unwrap(codecOf(parsed).encode(receipt));
    return Buffer.concat([Buffer.from([0xc3, 0x01]), fingerprint(parsed), body]);
  };
  expect(unwrap(decodeReceipt(written(['governed', 'gap'])))).toMatchObject({ kind: 'gap', agreement: 'study' });
  const beforeEpochs = unwrap(decodeReceipt(written(['governed', 'gap', 'replayed'])));
  expect(beforeEpochs).toMatchObject({ kind: 'gap', issuedAtMs: 0n, keyEpoch: 1, suppressCount: 0n });
  expect(decodeReceipt(written(['governed', 'gap', 'other'])).ok).toBe(false);
  expect(decodeReceipt(written(['governed', 'gap', 'replayed'], ['keyEpoch'])).ok).toBe(false);
  const replayed = unwrap(decodeReceipt(encodeReceipt({ ...receipt, kind: 'replayed' })));
  expect(replayed.kind).toBe('replayed');
});

const receipt = {
  agreement: 'study',
  dataset: 'visits',
  partition: 0,
  kind: 'gap' as const,
  apart: true,
  previous: Buffer.alloc(32),
  directiveRevision: 1n,
  programHashes: [],
  inputFrom: 0n,
  inputTo: 0n,
  inputCount: 0n,
  passCount: 0n,
  reshapeCount: 0n,
  withholdCount: 0n,
  refuseCount: 0n,
  refusals: {},
  otherwise: {},
  inputTimestampMsMax: 0n,
  governedDigest: Buffer.alloc(32),
  issuedAtMs: 0n,
  keyEpoch: 1,
  suppressCount: 0n,
};
