export { checkRecord } from './check-record.ts';
export type { AvroCodec } from './codec.ts';
export { codecOf } from './codec.ts';
export type { CompatibilityLevel } from './compatibility.ts';
export { checkCompatibility, compatibilityLevels } from './compatibility.ts';
export type { DefaultValue } from './default-value.ts';
export { defaultOf } from './default-value.ts';
export { frame, frameHeaderBytes, frameSchemaId, unframe } from './frame.ts';
export { branchName, fromJson, fromText } from './json-value.ts';
export type { FieldReader } from './read-field.ts';
export { fieldReader } from './read-field.ts';
export { renderSchema } from './render.ts';
export {
  branchFor,
  matches,
  promotes,
  resolveValue,
  unresolvable,
  writerField,
} from './resolution.ts';
export type {
  ArrayModel,
  AvroSchema,
  EnumModel,
  FieldModel,
  FixedModel,
  MapModel,
  PrimitiveKind,
  PrimitiveModel,
  RecordModel,
  TypeModel,
  UnionModel,
} from './schema.ts';
export { parseSchema } from './schema.ts';
export { toJson } from './to-json.ts';
export type { SingleObjectCodec } from './single-object.ts';
export { fingerprint, singleObjectCodec } from './single-object.ts';
