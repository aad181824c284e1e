/** The quarantine topic's records: the reason in clear, the original only sealed to the publisher's public key. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { Result } from '../base/index.ts';
import { fail, ok, unwrap } from '../base/index.ts';
import { parseSchema, singleObjectCodec } from '../avro/index.ts';
import { quarantinedSchemaText } from './record-schemas.ts';

export interface Sealed {
  readonly encapsulatedKey: Uint8Array;
  readonly ciphertext: Uint8Array;
}

export interface Quarantined {
  readonly dataset: string;
  readonly agreement: string | null;
  readonly reason: string;
  readonly field: string | null;
  readonly programHash: string | null;
  readonly topic: string;
  readonly partition: number;
  readonly offsetFirst: bigint;
  readonly offsetLast: bigint;
  readonly timestampMs: bigint;
  readonly attempt: number;
  readonly sealed: Sealed | null;
}

/** Originals over this many bytes are not sealed into the quarantine; they stay in the raw topic while it retains them. */
export const sealedBytesMax = 2 * 1024 * 1024;

const codec = singleObjectCodec(unwrap(parseSchema(quarantinedSchemaText)));
const text = (value: string | null): unknown => (value === null ? null : { string: value });

export function encodeQuarantined(record: Quarantined): Uint8Array {
  const { agreement, field, programHash, sealed } = record;
  const bytes = (part: Uint8Array): Buffer => Buffer.from(part);
  return unwrap(
    codec.encode({
      ...record,
      agreement: text(agreement),
      field: text(field),
      programHash: text(programHash),
      sealed:
        sealed === null
          ? null
          : { 'sluice.v1.Sealed': { encapsulatedKey: bytes(sealed.encapsulatedKey), ciphertext: bytes(sealed.ciphertext) } },
    }),
  );
}

export function decodeQuarantined(bytes: Uint8Array): Result<Quarantined> {
  const decoded = codec.decode(bytes);
  if (!decoded.ok) return decoded;
  const record = decoded.value as Record<string, unknown>;
  const plain = (value: unknown): unknown => (value === null ? null : Object.values(value as object)[0]);
  const { agreement, field, programHash, sealed } = record;
  return ok({
    ...record,
    agreement: plain(agreement),
    field: plain(field),
    programHash: plain(programHash),
    sealed: plain(sealed),
  } as Quarantined);
}

/** Where a sealed original came from; bound to the ciphertext as associated data. */
export interface SealContext {
  readonly dataset: string;
  readonly partition: number;
  readonly offset: bigint;
}

const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const info = new TextEncoder().encode('sluice/dlq/1');
const associated = ({ dataset, partition, offset }: SealContext): ArrayBuffer =>
  ownBuffer(new TextEncoder().encode(`${dataset}/${partition}/${offset}`));

/** A publisher's X25519 public key, ready for use. */
export type SealKey = Awaited<ReturnType<typeof suite.kem.deserializePublicKey>>;

/** A publisher's public key from a directive: 32 bytes, base64url. Fails with `key-missing`: nothing is sealed to a malformed key. */
export async function importSealKey(base64url: string): Promise<Result<SealKey>> {
  const raw = Buffer.from(base64url, 'base64url');
  if (raw.length !== 32) return fail('key-missing', "importing the publisher's sealing key: it is not an X25519 public key");
  try {
    return ok(await suite.kem.deserializePublicKey(ownBuffer(raw)));
  } catch {
    return fail('key-missing', "importing the publisher's sealing key: it is not an X25519 public key");
  }
}

/** Seals an original to the publisher. Source: RFC 9180, section 6.1, base mode, single shot. */
export async function seal(publicKey: SealKey, original: Uint8Array, context: SealContext): Promise<Sealed> {
  const sealed = await suite.seal(
    { recipientPublicKey: publicKey, info: ownBuffer(info) },
    ownBuffer(original),
    associated(context),
  );
  return { encapsulatedKey: new Uint8Array(sealed.enc), ciphertext: new Uint8Array(sealed.ct) };
}

/** Opens a sealed original with the publisher's private key, 32 bytes. */
export async function openSealed(privateKey: Uint8Array, sealed: Sealed, context: SealContext): Promise<Result<Uint8Array>> {
  try {
    const recipientKey = await suite.kem.deserializePrivateKey(ownBuffer(privateKey));
    const opened = await suite.open(
      { recipientKey, enc: ownBuffer(sealed.encapsulatedKey), info: ownBuffer(info) },
      ownBuffer(sealed.ciphertext),
      associated(context),
    );
    return ok(new Uint8Array(opened));
  } catch {
    return fail('key-missing', 'opening a sealed original: the key or the coordinates do not fit');
  }
}

/** A refused record as it is sealed: its headers are not kept. */
export interface Original {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** What is sealed of a record: key and value, each behind its length in 4 bytes big endian, -1 for null. */
export function joinOriginal({ key, value }: Original): Uint8Array {
  const parts = [key, value].flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(part?.length ?? -1);
    return part === null ? [length] : [length, part];
  });
  return Buffer.concat(parts);
}

/** Takes an opened original apart, into views of it. Fails with `record-malformed` for other bytes, such as those of a whole batch. */
export function splitOriginal(original: Uint8Array): Result<Original> {
  const view = new DataView(original.buffer, original.byteOffset, original.byteLength);
  const parts: (Uint8Array | null)[] = [];
  let position = 0;
  while (parts.length < 2) {
    const length = position + 4 <= original.length ? view.getInt32(position) : -2;
    position += 4;
    if (length < -1 || position + Math.max(0, length) > original.length) break;
    parts.push(length < 0 ? null : original.subarray(position, position + length));
    position += Math.max(0, length);
  }
  const [key, value] = parts;
  if (key === undefined || value === undefined || position !== original.length)
    return fail('record-malformed', 'taking an original apart: it is not a key and a value');
  return ok({ key, value });
}

/** The bytes in an ArrayBuffer of their own, as WebCrypto takes them. */
function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
