/** Receipts and quarantine records: what is written is read back, the original opens for the publisher alone, the formats are the published ones. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { unwrap } from '../base/index.ts';
import type { Receipt } from './index.ts';
import {
  decodeQuarantined,
  decodeReceipt,
  encodeQuarantined,
  encodeReceipt,
  GovernedDigest,
  importSealKey,
  openSealed,
  quarantinedSchemaText,
  receiptSchemaText,
  seal,
} from './index.ts';

const receipt: Receipt = {
  agreement: 'study',
  dataset: 'visits',
  partition: 3,
  kind: 'governed',
  apart: false,
  previous: Buffer.alloc(32, 9),
  directiveRevision: 2n,
  programHashes: ['a'.repeat(64)],
  inputFrom: 10n,
  inputTo: 9_007_199_254_740_993n,
  inputCount: 6n,
  passCount: 1n,
  reshapeCount: 2n,
  withholdCount: 1n,
  refuseCount: 2n,
  refusals: { 'value-unfit': 1n, 'frame-invalid': 1n },
  otherwise: { '/phone': 2n },
  inputTimestampMsMax: 1n,
  governedDigest: Buffer.alloc(32, 5),
  issuedAtMs: 7n,
  keyEpoch: 2,
  suppressCount: 0n,
};

const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

async function keyPair(): Promise<{ publicKey: string; privateKey: Uint8Array }> {
  const pair = await suite.kem.generateKeyPair();
  return {
    publicKey: Buffer.from(await suite.kem.serializePublicKey(pair.publicKey)).toString('base64url'),
    privateKey: new Uint8Array(await suite.kem.serializePrivateKey(pair.privateKey)),
  };
}

describe('the record formats', () => {
  test('are those of proto-schemas/avro', () => {
    for (const [name, text] of [
      ['receipt', receiptSchemaText],
      ['quarantined', quarantinedSchemaText],
    ] as const) {
      expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(`proto-schemas/avro/${name}.avsc`, 'utf8')));
    }
  });
});

describe('a receipt', () => {
  test('is read back, also with counts that no double holds', () => {
    const decoded = unwrap(decodeReceipt(encodeReceipt(receipt)));
    expect({
      ...decoded,
      refusals: { ...decoded.refusals },
      otherwise: { ...decoded.otherwise },
      previous: Buffer.from(decoded.previous),
      governedDigest: Buffer.from(decoded.governedDigest),
    }).toEqual(receipt);
  });

  test('of other or truncated bytes is refused', () => {
    const bytes = encodeReceipt(receipt);
    expect(decodeReceipt(bytes.subarray(0, bytes.length - 1)).ok).toBe(false);
    expect(decodeReceipt(Buffer.from('not a receipt')).ok).toBe(false);
  });

  test('has a digest that anyone can compute: each key and value behind its length, null as -1 (computed here independently)', () => {
    const digest = new GovernedDigest();
    digest.add(null, Buffer.from('ab'));
    digest.add(Buffer.from('k'), Buffer.alloc(0));
    const bytes = Buffer.from('ffffffff' + '00000002' + '6162' + '00000001' + '6b' + '00000000', 'hex');
    expect(Buffer.from(digest.finish())).toEqual(createHash('sha256').update(bytes).digest());
  });
});

describe('a quarantined record', () => {
  const context = { dataset: 'visits', partition: 1, offset: 77n };

  test('is read back with its sealed original, which only the publisher opens, at its coordinates', async () => {
    const { publicKey, privateKey } = await keyPair();
    const original = Buffer.from('the original bytes');
    const sealed = await seal(unwrap(await importSealKey(publicKey)), original, context);
    const encoded = encodeQuarantined({
      dataset: 'visits',
      agreement: null,
      reason: 'frame-invalid',
      field: null,
      programHash: null,
      topic: 'raw.visits',
      partition: 1,
      offsetFirst: 77n,
      offsetLast: 77n,
      timestampMs: 5n,
      attempt: 1,
      sealed,
    });
    expect(Buffer.from(encoded).includes(original)).toBe(false);
    const decoded = unwrap(decodeQuarantined(encoded));
    expect(decoded).toMatchObject({ agreement: null, reason: 'frame-invalid', offsetFirst: 77n });
    const box = decoded.sealed ?? sealed;
    expect(Buffer.from(unwrap(await openSealed(privateKey, box, context)))).toEqual(original);
    expect((await openSealed((await keyPair()).privateKey, box, context)).ok).toBe(false);
    expect((await openSealed(privateKey, box, { ...context, offset: 78n })).ok).toBe(false);
  });

  test('cannot be sealed to a key that is none', async () => {
    expect(await importSealKey('AAAA')).toMatchObject({ ok: false, failure: { code: 'key-missing' } });
  });
});
