/** Every key that is made of a data key, by its purpose: the one list of labels. A wrapped data key opens them all, and nothing else does. */
import { hkdfSync } from 'node:crypto';

const derivedKeyBytes = 32;

/** What a key is for, with all that it depends on besides the data key. Each text is of its own form, so that no two purposes share a key. */
const purposes = {
  /** Values of one field, or of the fields of one key domain, under one agreement; of its data key. */
  field: (dataset: string, label: string) => `sluice/1/${dataset}/${label}`,
  /** Ids of governed records under one agreement; of its data key. */
  recordId: (dataset: string) => `sluice/record-id/1/${dataset}`,
  /** Digests of erased subjects of one dataset; of the dataset's data key. */
  suppression: (dataset: string) => `sluice/suppression/1/${dataset}`,
} as const;

/** 32 bytes. Source: RFC 5869, HKDF with SHA-256, no salt. */
const derive = (dataKey: Uint8Array, info: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', dataKey, new Uint8Array(), info, derivedKeyBytes));

/** The key of one label of one agreement. */
export const deriveFieldKey = (dataKey: Uint8Array, dataset: string, label: string): Uint8Array =>
  derive(dataKey, purposes.field(dataset, label));

export const deriveRecordIdKey = (dataKey: Uint8Array, dataset: string): Uint8Array =>
  derive(dataKey, purposes.recordId(dataset));

export const deriveSuppressionKey = (dataKey: Uint8Array, dataset: string): Uint8Array =>
  derive(dataKey, purposes.suppression(dataset));
