/** What the transport hands to the handler: committed batches of one partition and who takes them where; and what the handler says of them. */
import type { ErrorCode } from '../../libs/base/index.ts';
import type { Batches } from '../../libs/records/index.ts';
import type { GovernedWriter } from './governed-writer.ts';
import type { LaneGroup } from './lane-group.ts';
import type { PortionLimits } from './portions.ts';
import type { DatasetSuppressions } from './suppression-board.ts';
import type { TransactionDraft } from './transaction-draft.ts';

export interface GovernRequest {
  readonly topic: string;
  readonly partition: number;
  readonly batches: Batches;
  /** Index of the first one to govern, and how many of those behind it are taken along. */
  readonly from: number;
  readonly most: PortionLimits;
  /** None of those behind it. */
  readonly alone: boolean;
  /** Offset of the first record that was not taken yet: it may stand within the first batch. */
  readonly position: bigint;
  /** Takes only so many records, and of the first batch alone. */
  readonly sliceRecordsMax?: number;
  readonly groups: readonly LaneGroup[];
  /** Why each schema id that no Program serves is refused. */
  readonly verdicts: ReadonlyMap<number, ErrorCode>;
  /** Those of these schema ids that no Program serves. */
  readonly unserved: (ids: ReadonlySet<number>) => readonly number[];
  /** Whose records are withheld; absent where nobody was erased. */
  readonly suppressions?: DatasetSuppressions;
  readonly draft: TransactionDraft;
  readonly writer: GovernedWriter;
}

export type GovernAnswer =
  /** So many batches were governed, with so many records; or a part of the first, `next` being the offset of the record behind it. */
  | {
      readonly kind: 'governed';
      readonly taken: number;
      readonly records: number;
      readonly timestampMsMax: number;
      readonly next?: bigint;
    }
  /** The first one cannot be read. */
  | { readonly kind: 'corrupt' }
  /** Nothing was done: these schema ids need a verdict, in the first so many batches. */
  | { readonly kind: 'unserved'; readonly ids: readonly number[]; readonly taken: number };

/** The pattern under which the transport finds the handler. */
export const governPattern = 'record-batch';
