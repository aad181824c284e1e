export type { AbortedTransaction } from './aborted-filter.ts';
export { abortedFilter } from './aborted-filter.ts';
export type { Arena } from './arena/arena.ts';
export type { GovernedRanges } from './arena/governed-ranges.ts';
export { sharedArena } from './arena/arena.ts';
export {
  answerEntryBytes,
  askEntryBytes,
  asksMax,
  fixedGrowthMax,
  gatherEntryBytes,
  gathersMax,
  place,
  recordsMax,
  textTables,
} from './arena/arena-layout.ts';
export type { Admission, AdmissionLimits } from './batches/admit-batch.ts';
export { admitBatch, admitBatches } from './batches/admit-batch.ts';
export type { EncodedBatch, EncodeOptions } from './batches/batch-encoder.ts';
export { BatchEncoder } from './batches/batch-encoder.ts';
export type { HeaderList, ProducerPlace } from './build-batch.ts';
export type { SharedRoom } from './batches/lay-out.ts';
export { laidOutBytesMax, layOut, layOutInto, sharedRoom } from './batches/lay-out.ts';
export { alikeRecords, countBytes, newestTime } from './batches/survey.ts';
export { BatchBuilder, moveBatch } from './build-batch.ts';
export type { FormatSpec } from './kernels/format-maker.ts';
export { formatMaker } from './kernels/format-maker.ts';
export type { BlockCipher, Prf, SlotMaker } from './kernels/slot-maker.ts';
export { tokenKernelBytes } from './kernels/token-kernel.ts';
export { tokenMaker } from './kernels/token-maker.ts';
export type { Batches, RecordBatch } from './read-batches.ts';
export { readBatches, readEpochs, WaitingBatches } from './read-batches.ts';
export type { RecordFrames } from './record-frames.ts';
export { endWithin, firstByte, frameArrays, frameRecords, readHeaders, sliceFrames } from './record-frames.ts';
