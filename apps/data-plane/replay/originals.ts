/** The original of each candidate: from the raw topic while it is there, else opened from the quarantine with the publisher's key, and audited. */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../../libs/base/index.ts';
import { decodeQuarantined, openSealed, splitOriginal } from '../../../libs/ledger/index.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { FoundRecord } from './partition-records.ts';
import { PartitionRecords } from './partition-records.ts';
import type { Candidate } from './selection.ts';

/** What a candidate was before it was refused; `headers` is null where it was opened from the quarantine, which keeps none. */
export interface SourceRecord {
  readonly candidate: Candidate;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Uint8Array | null;
}

/** Why there is no original. */
export type Missing =
  /** Not in the raw topic any more, and no key was given. */
  | 'needs-key'
  /** Not in the raw topic, and none was sealed: it was too large, or the quarantine does not have it any more. */
  | 'gone'
  /** Sealed to another key, or its coordinates do not fit. */
  | 'key-unfit';

export type SourceAnswer = SourceRecord | { readonly candidate: Candidate; readonly missing: Missing };

export interface OriginalsOptions {
  readonly cluster: Cluster;
  readonly dataset: string;
  readonly audit: AuditTrail;
  /** The publisher's private key, 32 bytes. */
  readonly privateKey?: Uint8Array;
}

export class Originals {
  readonly #options: OriginalsOptions;
  readonly #raw: PartitionRecords;
  readonly #quarantine: PartitionRecords;

  constructor(options: OriginalsOptions) {
    this.#options = options;
    this.#raw = new PartitionRecords(options.cluster, topicNames.raw(options.dataset));
    this.#quarantine = new PartitionRecords(options.cluster, topicNames.quarantine(options.dataset));
  }

  close(): void {
    this.#raw.close();
    this.#quarantine.close();
  }

  /** The originals of candidates of one partition, in their order. */
  async of(candidates: readonly Candidate[]): Promise<Result<SourceAnswer[]>> {
    const partition = candidates[0]?.partition;
    if (partition === undefined) return ok([]);
    const raw = await this.#raw.at(
      partition,
      candidates.map(({ offset }) => offset),
    );
    if (!raw.ok) return raw;
    const retained = (candidate: Candidate): FoundRecord | undefined => {
      const record = raw.value.get(candidate.offset);
      // Another time means another record: the topic was made anew since.
      return record?.timestampMs === candidate.timestampMs ? record : undefined;
    };
    const opened = await this.#open(
      partition,
      candidates.filter((candidate) => retained(candidate) === undefined),
    );
    if (!opened.ok) return opened;
    return ok(
      candidates.map((candidate): SourceAnswer => {
        const record = retained(candidate);
        if (record !== undefined) return { candidate, key: record.key, value: record.value, headers: record.headers };
        return opened.value.get(candidate) ?? { candidate, missing: 'gone' };
      }),
    );
  }

  async #open(partition: number, candidates: readonly Candidate[]): Promise<Result<Map<Candidate, SourceAnswer>>> {
    const { privateKey, audit } = this.#options;
    const answers = new Map<Candidate, SourceAnswer>();
    const sealed = candidates.filter(({ sealedAt }) => sealedAt !== undefined);
    if (privateKey === undefined) {
      for (const candidate of sealed) answers.set(candidate, { candidate, missing: 'needs-key' });
      return ok(answers);
    }
    const offsets = [...new Set(sealed.map(({ sealedAt }) => sealedAt as bigint))].sort((a, b) => Number(a - b));
    const records = await this.#quarantine.at(partition, offsets);
    if (!records.ok) return records;
    const audited = await audit.write(
      sealed.map(({ offset }) => ({ action: 'original-opened', partition, offset: String(offset) })),
    );
    if (!audited.ok) return audited;
    for (const candidate of sealed) {
      const original = await this.#openOne(candidate, records.value.get(candidate.sealedAt as bigint), privateKey);
      answers.set(candidate, original.ok ? original.value : { candidate, missing: 'key-unfit' });
    }
    return ok(answers);
  }

  async #openOne(candidate: Candidate, record: FoundRecord | undefined, privateKey: Uint8Array): Promise<Result<SourceAnswer>> {
    const quarantined = decodeQuarantined(record?.value ?? new Uint8Array());
    if (!quarantined.ok || quarantined.value.sealed === null) return ok({ candidate, missing: 'gone' });
    const { partition, offset } = candidate;
    const opened = await openSealed(privateKey, quarantined.value.sealed, { dataset: this.#options.dataset, partition, offset });
    if (!opened.ok) return opened;
    const original = splitOriginal(opened.value);
    if (!original.ok) return fail('key-missing', original.failure.message);
    return ok({ candidate, ...original.value, headers: null });
  }
}
