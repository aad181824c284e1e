/** What the transport hands to the handler: one framed batch and the draft that takes the results. */
import type { ErrorCode } from '../../libs/base/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import type { DatasetBoard } from './directive-board.ts';
import type { TransactionDraft } from './transaction-draft.ts';

export interface GovernRequest {
  readonly topic: string;
  readonly partition: number;
  readonly frames: RecordFrames;
  /** Index of the first record to govern; earlier ones are below the position. */
  readonly first: number;
  readonly verdicts: ReadonlyMap<number, ErrorCode>;
  readonly board: DatasetBoard;
  readonly draft: TransactionDraft;
}

/** The pattern under which the transport finds the handler. */
export const governPattern = 'record-batch';
