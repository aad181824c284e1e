export { canonicalJson } from './canonical-json.ts';
export type { ErrorCode, ErrorEntry } from './errors.ts';
export { errorCatalogue, errorCodes } from './errors.ts';
export { groupPrefix, parseId, topicNames } from './ids.ts';
export { limits } from './limits.ts';
export type { Failure, Result } from './result.ts';
export { during, fail, FailureError, ok, unwrap } from './result.ts';
export type { Cursor } from './varint.ts';
export { cursorOver, readVarint, readVarlong, varintBytes, writeVarint, writeVarlong } from './varint.ts';
