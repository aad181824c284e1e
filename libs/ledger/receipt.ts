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
  /**
   * A gap says that raw records were lost before they could be read. A replayed one counts records again that earlier Receipts count as
   * refused: some of those between `inputFrom` and `inputTo`.
   */
  readonly kind: 'governed' | 'gap' | 'replayed';
  /** Whether the agreement was served by a reader of its own, which has a chain of its own; so has what was replayed. */
  readonly apart: boolean;
  /** SHA-256 of the Receipt before it in its chain, 32 bytes; zeros for the first. */
  readonly previous: Uint8Array;
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
  /** 32 bytes. Over the governed records; on a compacted feed the deletes are among them, those of withheld rows too. */
  readonly governedDigest: Uint8Array;
  readonly issuedAtMs: bigint;
  /** Of the agreement's data key, from 1. */
  readonly keyEpoch: number;
  /** Of the withheld records, those of erased subjects. */
  readonly suppressCount: bigint;
}

/** What is so of every Receipt that does not say it. */
const earlierFields = { keyEpoch: 1, suppressCount: 0n };

const codec = singleObjectCodec(unwrap(parseSchema(receiptSchemaText)));
/** Receipts are kept for ever: those of before there were key epochs, and of before there was a kind `replayed`, have other fingerprints. */
const earlierSchemas = [withoutFields(receiptSchemaText), withoutKind(withoutFields(receiptSchemaText), 'replayed')];
const earlierCodecs = earlierSchemas.map((text) => singleObjectCodec(unwrap(parseSchema(text))));

export const encodeReceipt = (receipt: Receipt): Uint8Array =>
  unwrap(
    codec.encode({
      ...receipt,
      previous: Buffer.from(receipt.previous),
      governedDigest: Buffer.from(receipt.governedDigest),
    }),
  );

/** The head of a chain that has no Receipt yet. */
export const chainStart: Uint8Array = new Uint8Array(32);

/** What the next Receipt of the chain carries as `previous`. */
export const chainHead = (encoded: Uint8Array): Uint8Array => createHash('sha256').update(encoded).digest();

export function decodeReceipt(bytes: Uint8Array): Result<Receipt> {
  const newest = codec.decode(bytes);
  if (newest.ok) return ok(newest.value as Receipt);
  for (const earlier of earlierCodecs) {
    const decoded = earlier.decode(bytes);
    if (decoded.ok) return ok({ ...(decoded.value as Receipt), ...earlierFields });
  }
  return newest;
}

/** The text of the schema as it was before these fields were added at its end. */
function withoutFields(text: string): string {
  const schema = JSON.parse(text) as { fields: { name: string }[] };
  return JSON.stringify({ ...schema, fields: schema.fields.filter(({ name }) => !Object.hasOwn(earlierFields, name)) });
}

/** The text of the schema as it was before a kind was added at the end of the enum. */
function withoutKind(text: string, kind: string): string {
  const schema = JSON.parse(text) as { fields: { name: string; type: { symbols?: string[] } }[] };
  for (const { name, type } of schema.fields)
    if (name === 'kind') type.symbols = type.symbols?.filter((symbol) => symbol !== kind) ?? [];
  return JSON.stringify(schema);
}

/** The digest that a Receipt carries; any reader of the governed topic can compute it again. */
export class GovernedDigest {
  readonly #hash: Hash = createHash('sha256');
  readonly #length = Buffer.alloc(4);

  add(key: Uint8Array | null, value: Uint8Array | null): void {
    this.#part(key);
    this.#part(value);
  }

  /** Many keys and values at once, each behind its length already. */
  addLaidOut(bytes: Uint8Array): void {
    this.#hash.update(bytes);
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
