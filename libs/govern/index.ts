export { resolveAddress } from './address.ts';
export type { CompileInput } from './compile.ts';
export { compile } from './compile.ts';
export type { BatchSink, Lane, LaneRun, RunSink, Screening } from './govern-batch.ts';
export {
  governBatch,
  hasDeletes,
  refusalOf,
  runLane,
  runLanes,
  screenBatch,
  suppressed,
  tellErased,
  tellRecords,
  tellSuppressed,
} from './govern-batch.ts';
export type { Comparison, Loosening } from './find-loosening.ts';
export { checkBaselinePlans, findLoosening } from './find-loosening.ts';
export type { LeavingHeaders } from './headers.ts';
export { headerBytes } from './headers.ts';
export type { SubjectGovernor } from './govern-subject.ts';
export { subjectGovernor } from './govern-subject.ts';
export type { KeyedField } from './keyed-fields.ts';
export { hasKeyedRecordKey, keyedFields } from './keyed-fields.ts';
export type { ApprovedModule } from './instantiate.ts';
export { checkApprovedModule, instantiate } from './instantiate.ts';
export { deriveFieldKey, deriveRecordIdKey, deriveSuppressionKey } from './derive-key.ts';
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
  AtLeast,
  Decision,
  FieldAction,
  OtherRule,
  PlannedField,
  Reference,
  Stage,
  StageFacts,
  TransformAction,
  ValueContext,
} from './stage.ts';
export { defineFieldStage, defineRowStage, unfit } from './stage.ts';
export type { TrialRecord, Tried } from './try-program.ts';
export { tryProgram } from './try-program.ts';
export { unreadFields } from './unread-fields.ts';
export { weighPlans } from './weigh-plans.ts';
