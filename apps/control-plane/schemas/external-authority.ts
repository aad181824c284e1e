/** An external Confluent registry as the authority: it decides compatibility and gives the ids. */
import type { RegistryClient } from '../../../libs/adapters/registry/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { Approval, SchemaAuthority, WriterVersion } from './authority.ts';
import type { CanonicalSchema } from './canonical-schema.ts';

export class ExternalAuthority implements SchemaAuthority {
  readonly #client: RegistryClient;

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  schemaById(id: number): Promise<Result<string>> {
    return this.#client.schemaById(id);
  }

  /** That registry gives an id only with a version, so a schema which is not approved is deleted again, softly. */
  async register(subject: string, schema: CanonicalSchema, approval: Approval): Promise<Result<number>> {
    const known = await this.#client.lookup(subject, schema.text);
    if (!known.ok) return known;
    const id = known.value === null ? await this.#client.register(subject, schema.text) : ok(known.value.id);
    if (!id.ok) return id;
    const approved = await approval(id.value);
    if (approved.ok) return id;
    if (known.value === null) {
      const added = await this.#client.lookup(subject, schema.text);
      if (added.ok && added.value !== null) await this.#client.deleteVersion(subject, added.value.version);
    }
    return approved;
  }

  async registerGoverned(subject: string, text: string): Promise<Result<number>> {
    const known = await this.#client.lookup(subject, text);
    if (!known.ok) return known;
    if (known.value !== null) return ok(known.value.id);
    const open = await this.#client.setCompatibility(subject, 'NONE');
    return open.ok ? this.#client.register(subject, text) : open;
  }

  writable(subject: string): Promise<Result<readonly WriterVersion[]>> {
    return this.#client.versions(subject);
  }

  latest(subject: string): Promise<Result<WriterVersion | null>> {
    return this.#client.version(subject, 'latest');
  }
}
