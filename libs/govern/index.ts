export type { CompileInput } from './compile.ts';
export { compile } from './compile.ts';
export type { BatchSink, Lane, RunSink, Screening } from './govern-batch.ts';
export { governBatch, refusalOf, runLane, screenBatch, tellRecords } from './govern-batch.ts';
export type { LeavingHeaders } from './headers.ts';
export { headerBytes } from './headers.ts';
export type { ApprovedModule } from './instantiate.ts';
export { instantiate } from './instantiate.ts';
export { deriveFieldKey } from './interpreter.ts';
export type { AsciiRun, BlockCipher, Lowering, Prf } from './lowering.ts';
export type { Predicate } from './predicate.ts';
export { compilePredicate } from './predicate.ts';
export type {
  BoundProgram,
  ExplainRow,
  KeyNeed,
  Program,
  ProgramBinding,
  ProgramOutput,
  Refusal,
  RunnableProgram,
} from './program.ts';
export {
  createOutput,
  outcomes,
  refusals,
  unreadable,
  wipeOutput,
} from './program.ts';
export type {
  AnyFieldStage,
  AnyRowStage,
  Decision,
  FieldAction,
  PlannedField,
  Reference,
  Stage,
  StageFacts,
  TransformAction,
  ValueContext,
} from './stage.ts';
export { defineFieldStage, defineRowStage, unfit } from './stage.ts';
export { unreadFields } from './unread-fields.ts';
