/**
 * A directive is the full state of one TransferProcess, as the control plane tells the data plane and link over the compacted
 * topic `sluice.directives`. Keyed by agreement id; a lower revision than one seen is ignored; stop is a state, never a tombstone.
 */

/** A Program that was approved for one writer schema. */
export interface ApprovedProgram {
  readonly writerSchemaId: number;
  readonly writerSchema: string;
  readonly governedSchemaId: number;
  readonly governedSchema: string;
  /** Canonical manifest: everything that decides the output, without ids and keys. */
  readonly manifest: string;
  /** The module's bytes, base64; their SHA-256 stands in the manifest. */
  readonly module: string;
  /** SHA-256 of the manifest, hex. */
  readonly programHash: string;
  /** Of the control plane, made when it was approved for this agreement: a detached JWS over `programPayload`. */
  readonly signature: string;
}

/** A data key wrapped by the KMS. */
export interface WrappedKey {
  /** Which master key wrapped it. */
  readonly keyId: string;
  /** Of the data key, from 1. */
  readonly epoch: number;
  /** As the vault writes it. */
  readonly wrapped: string;
}

/** How the governed stream leaves: read by the subscriber, mirrored into its broker, or sent as signed HTTP batches. */
export type Delivery =
  | { readonly kind: 'kafka' }
  | {
      readonly kind: 'mirror';
      readonly brokers: readonly string[];
      readonly topic: string;
      readonly username: string;
      /** The target account's password, wrapped for the context `delivery/<agreement>`. */
      readonly password: WrappedKey;
    }
  | {
      readonly kind: 'webhook';
      readonly url: string;
      /** Standard Webhooks secret bytes, wrapped for the context `delivery/<agreement>`. */
      readonly secret: WrappedKey;
      readonly batchRecordsMax: number;
    };

/** Where an agreement begins on a partition that it has not been on. */
export type TransferStart =
  /** With the other agreements of the dataset; from the first record that the topic still has where there are none. */
  | 'current'
  | 'earliest'
  | 'latest'
  /** With the first record of this time or later, milliseconds since the epoch. */
  | { readonly timestampMs: number };

/** What the data plane needs to know erased subjects by. Nothing of the dataset is governed before their list is known so far. */
export interface DirectedSuppression {
  /** The dataset's data key. */
  readonly key: WrappedKey;
  /** Path of the field whose text is the subject: `/residentId`. */
  readonly field: string;
  /** At least so many digests are in `sluice.suppressions`. */
  readonly count: number;
}

export type TransferState = 'started' | 'suspended' | 'completed' | 'terminated';

export interface Directive {
  readonly version: 1;
  readonly agreement: string;
  readonly dataset: string;
  readonly assigner: string;
  readonly assignee: string;
  /** Monotonic per agreement. */
  readonly revision: number;
  readonly state: TransferState;
  /** One per writer schema that the feed may use. */
  readonly programs: readonly ApprovedProgram[];
  /**
   * The agreement's data key of the current epoch, wrapped for the context that `dataKeyContext` gives; field keys are derived from it. Null once it was
   * shredded: then nothing is governed any more.
   */
  readonly dataKey: WrappedKey | null;
  /** Absent while no subject of the dataset was erased. */
  readonly suppression?: DirectedSuppression;
  /** X25519 public key of the publisher, base64url: refused originals are sealed to it. */
  readonly sealTo: string;
  readonly delivery: Delivery;
  /** `current` when absent. */
  readonly start?: TransferStart;
  /** Nothing is governed before this moment, whatever the state: milliseconds since the epoch. Until then it has no place on a partition either. */
  readonly startsAtMs?: number;
  /** Nothing is governed from this moment on, whatever else is known: milliseconds since the epoch. */
  readonly expiresAtMs?: number;
  /** How governed batches are compressed; not at all when absent. */
  readonly compression?: 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** The agreement is held when a larger part of its records is refused, 0 to 1; no limit when absent. */
  readonly refuseRateMax?: number;
  /** Whether each governed record gets the header `sluice-record-id`: 16 bytes by which one that was delivered twice is known. */
  readonly recordIds?: boolean;
}
