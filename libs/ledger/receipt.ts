/** A Receipt: per agreement, input partition and transaction, what was read and what became of it. Written in the same transaction. */
import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { Result } from '../base/index.ts';
import { ok, unwrap } from '../base/index.ts';
import { parseSchema, singleObjectCodec } from '../avro/index.ts';
import { receiptSchemaText } from './record-schemas.ts';

export interface Receipt {
  readonly agreement: string;
  readonly dataset: string;
  readonly partition: number;
  readonly directiveRevision: bigint;
  /** Sorted, hex. */
  readonly programHashes: readonly string[];
  readonly inputFrom: bigint;
  readonly inputTo: bigint;
  readonly inputCount: bigint;
  readonly passCount: bigint;
  readonly reshapeCount: bigint;
  readonly withholdCount: bigint;
  readonly refuseCount: bigint;
  /** Error code -> count. */
  readonly refusals: Readonly<Record<string, bigint>>;
  /** Field path -> values that the rule's `else` replaced in governed records. */
  readonly otherwise: Readonly<Record<string, bigint>>;
  readonly inputTimestampMsMax: bigint;
  /** 32 bytes. */
  readonly governedDigest: Uint8Array;
  readonly issuedAtMs: bigint;
}

const codec = singleObjectCodec(unwrap(parseSchema(receiptSchemaText)));

export const encodeReceipt = (receipt: Receipt): Uint8Array =>
  unwrap(codec.encode({ ...receipt, governedDigest: Buffer.from(receipt.governedDigest) }));

export function decodeReceipt(bytes: Uint8Array): Result<Receipt> {
  const decoded = codec.decode(bytes);
  return decoded.ok ? ok(decoded.value as Receipt) : decoded;
}

/** The digest that a Receipt carries; any reader of the governed topic can compute it again. */
export class GovernedDigest {
  readonly #hash: Hash = createHash('sha256');
  readonly #length = Buffer.alloc(4);

  add(key: Uint8Array | null, value: Uint8Array | null): void {
    this.#part(key);
    this.#part(value);
  }

  finish(): Uint8Array {
    return this.#hash.digest();
  }

  #part(bytes: Uint8Array | null): void {
    this.#length.writeInt32BE(bytes === null ? -1 : bytes.length);
    this.#hash.update(this.#length);
    if (bytes !== null) this.#hash.update(bytes);
  }
}
