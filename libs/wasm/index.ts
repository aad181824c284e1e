export type { Label, ValueType } from './code.ts';
export { Code } from './code.ts';
export type { FunctionRef } from './module-writer.ts';
export { ModuleWriter } from './module-writer.ts';
