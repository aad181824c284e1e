/** What the catalog and the planes need from outside. Adapters implement these; apps join them. */
import type { Result } from '../base/index.ts';
import type { Directive, WrappedKey } from './directive.ts';
import type { Suppression } from './suppression.ts';

/**
 * Opens wrapped keys; all that the data plane and link need. Fails with `key-missing` for another context, another master key or changed bytes, with
 * `key-service-unreachable` or `key-service-refused` where the service that has the master key does not answer or does not let us.
 */
export interface KeyOpener {
  unwrap(key: WrappedKey, context: string): Promise<Result<Uint8Array>>;
}

/** Wraps and unwraps keys. The master keys never leave it. `context` binds a wrapped key to its use (associated data). */
export interface KeyVault extends KeyOpener {
  /** Under the newest master key. The vault knows of no epochs of what it wraps: it says 1, and whoever wraps a later one says so. */
  wrap(plain: Uint8Array, context: string): Promise<Result<WrappedKey>>;
  /** The same key, of the same epoch, under the newest master key; as it is where that wrapped it. */
  rewrap(key: WrappedKey, context: string): Promise<Result<WrappedKey>>;
  /** Which master key wraps now, as it stands in what is wrapped. */
  newestKeyId(): Promise<Result<string>>;
}

/** Where directives are published. Resolves when the directive is durable. */
export interface DirectivePublisher {
  publish(directive: Directive): Promise<Result<void>>;
}

/** Where erased subjects are made known. Resolves when they are durable. */
export interface SuppressionPublisher {
  publish(suppressions: readonly Suppression[]): Promise<Result<void>>;
}

/** A registered writer schema, or the certain answer that there is none. `registry-unreachable` is the retriable failure. */
export interface SchemaLookup {
  schemaById(id: number): Promise<Result<string>>;
}
