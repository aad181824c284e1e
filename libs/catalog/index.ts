export type { ApprovedProgram, Delivery, Directive, TransferStart, TransferState, WrappedKey } from './directive.ts';
export type { DirectivePublisher, KeyVault, SchemaLookup } from './ports.ts';
export { parseDirective } from './parse-directive.ts';
