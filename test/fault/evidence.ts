/** What readers saw in a run, made ready for the checkers. */
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Quarantined, Receipt } from '../../libs/ledger/index.ts';
import { decodeQuarantined, decodeReceipt } from '../../libs/ledger/index.ts';
import type { AgreementName, Fate, GovernedVisit, Visit } from './feed.ts';
import { agreementNames, fateOf, readGoverned, readVisit } from './feed.ts';
import type { SeenRecord } from './java-clients.ts';

/** A record that the raw topic holds, with what must become of it. */
export interface InputRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  /** Undefined for bytes that are no record of the feed. */
  readonly visit: Visit | undefined;
  readonly fates: Readonly<Record<AgreementName, Fate>>;
}

export interface GovernedRecord extends SeenRecord {
  /** Undefined when the value is none of this feed's. */
  readonly visit: GovernedVisit | undefined;
}

export interface ReceiptRecord extends Receipt {
  /** The record's value as it was read. */
  readonly bytes: Buffer;
}

export interface Evidence {
  /** By partition and offset. */
  readonly input: readonly InputRecord[];
  /** By partition and offset, as the final reader had them. */
  readonly governed: Readonly<Record<AgreementName, readonly GovernedRecord[]>>;
  /** In the order in which they were written. */
  readonly receipts: readonly ReceiptRecord[];
  readonly quarantined: readonly Quarantined[];
  /** What the reader had that ran all the while. */
  readonly early: readonly SeenRecord[];
  /** What the final reader had of the same topics. */
  readonly final: readonly SeenRecord[];
  /** What the processes wrote to their output. */
  readonly logs: readonly string[];
}

/** Where a run's records are. */
export interface FeedNames {
  readonly dataset: string;
  readonly agreements: Readonly<Record<AgreementName, string>>;
}

export const topicsOf = ({ dataset, agreements }: FeedNames): string[] => [
  ...agreementNames.map((name) => topicNames.governed(dataset, agreements[name])),
  topicNames.quarantine(dataset),
  topicNames.receipts,
];

/** `raw` is the raw topic as a committed reader had it; what it did not show, aborted records, was never published. */
export function evidenceOf(
  names: FeedNames,
  raw: readonly SeenRecord[],
  early: readonly SeenRecord[],
  final: readonly SeenRecord[],
  logs: readonly string[],
): Evidence {
  const { dataset, agreements } = names;
  const of = (topic: string): SeenRecord[] =>
    final.filter((record) => record.topic === topic).sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  const governed = (name: AgreementName): GovernedRecord[] =>
    of(topicNames.governed(dataset, agreements[name])).map((record) => ({ ...record, visit: readGoverned(name, record.value) }));
  return {
    input: inputOf(raw),
    governed: { open: governed('open'), keyed: governed('keyed') },
    receipts: of(topicNames.receipts)
      .map(({ value }) => value ?? Buffer.alloc(0))
      .map((bytes) => ({ ...unwrap(decodeReceipt(bytes)), bytes }))
      .filter((receipt) => receipt.dataset === dataset),
    quarantined: of(topicNames.quarantine(dataset)).map(({ value }) => unwrap(decodeQuarantined(value ?? Buffer.alloc(0)))),
    early,
    final,
    logs,
  };
}

function inputOf(raw: readonly SeenRecord[]): InputRecord[] {
  return raw
    .map(({ partition, offset, key, value }) => {
      const text = key === null ? null : key.toString('utf8');
      const visit = readVisit(value);
      return {
        partition,
        offset,
        key: text,
        visit,
        fates: { open: fateOf('open', text, visit), keyed: fateOf('keyed', text, visit) },
      };
    })
    .sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}
