/** What the catalog and the planes need from outside. Adapters implement these; apps join them. */
import type { Result } from '../base/index.ts';
import type { Directive, WrappedKey } from './directive.ts';

/** Wraps and unwraps data keys. The master key never leaves it. `context` binds a wrapped key to its use (associated data). */
export interface KeyVault {
  wrap(plain: Uint8Array, context: string): Promise<Result<WrappedKey>>;
  unwrap(key: WrappedKey, context: string): Promise<Result<Uint8Array>>;
}

/** Where directives are published. Resolves when the directive is durable. */
export interface DirectivePublisher {
  publish(directive: Directive): Promise<Result<void>>;
}

/** A registered writer schema, or the certain answer that there is none. `registry-unreachable` is the retriable failure. */
export interface SchemaLookup {
  schemaById(id: number): Promise<Result<string>>;
}
