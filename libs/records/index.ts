export type { AbortedTransaction } from './aborted-filter.ts';
export { abortedFilter } from './aborted-filter.ts';
export type { HeaderList, ProducerPlace } from './build-batch.ts';
export { BatchBuilder } from './build-batch.ts';
export type { RecordBatch } from './read-batches.ts';
export { readBatches } from './read-batches.ts';
export type { RecordFrames } from './record-frames.ts';
export { firstByte, frameRecords, readHeaders } from './record-frames.ts';
