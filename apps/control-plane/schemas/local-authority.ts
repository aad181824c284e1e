/** Our own registry: versions and ids in PostgreSQL. */
import type { Database, SubjectVersion } from '../../../libs/adapters/postgres/index.ts';
import { checkCompatibility, parseSchema } from '../../../libs/avro/index.ts';
import type { AvroSchema, CompatibilityLevel } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { Approval, SchemaAuthority, WriterVersion } from './authority.ts';
import type { CanonicalSchema } from './canonical-schema.ts';
import { canonicalSchema } from './canonical-schema.ts';
import { defaultLevel, parseLevel } from './compatibility-level.ts';

export class LocalAuthority implements SchemaAuthority {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async schemaById(id: number): Promise<Result<string>> {
    if (!Number.isInteger(id) || id < 1 || id > 0x7fffffff) return fail('schema-unknown', `no schema has the id ${id}`);
    const row = await this.#database.stores.schemas.byId(id);
    if (!row.ok) return row;
    return row.value === null ? fail('schema-unknown', `no schema has the id ${id}`) : ok(row.value.text);
  }

  async register(subject: string, schema: CanonicalSchema, approval: Approval): Promise<Result<number>> {
    const { schemas } = this.#database.stores;
    const known = await this.find(subject, schema);
    if (!known.ok) return known;
    if (known.value !== null) return ok(known.value.id);
    const versions = await schemas.versions(subject, { deleted: false });
    if (!versions.ok) return versions;
    const level = await this.level(subject);
    if (!level.ok) return level;
    const compatible = this.compatible(level.value, schema.schema, versions.value);
    if (!compatible.ok) return during(`registering under ${subject} with the compatibility ${level.value}`, compatible.failure);
    const id = await schemas.idOf(schema.text, schema.fingerprint);
    if (!id.ok) return id;
    const approved = await approval(id.value);
    if (!approved.ok) return approved;
    const added = await this.#addVersion(subject, id.value);
    return added.ok ? id : added;
  }

  async registerGoverned(subject: string, text: string): Promise<Result<number>> {
    const schema = canonicalSchema(text);
    if (!schema.ok) return schema;
    const id = await this.#database.stores.schemas.idOf(schema.value.text, schema.value.fingerprint);
    if (!id.ok) return id;
    const added = await this.#addVersion(subject, id.value);
    return added.ok ? id : added;
  }

  writable(subject: string): Promise<Result<readonly WriterVersion[]>> {
    return this.#database.stores.schemas.versions(subject, { deleted: true });
  }

  async latest(subject: string): Promise<Result<WriterVersion | null>> {
    const versions = await this.#database.stores.schemas.versions(subject, { deleted: false });
    return versions.ok ? ok(versions.value.at(-1) ?? null) : versions;
  }

  /** The version of the subject that has this schema, or null. */
  async find(subject: string, schema: CanonicalSchema, options = { deleted: false }): Promise<Result<SubjectVersion | null>> {
    const { schemas } = this.#database.stores;
    const row = await schemas.byFingerprint(schema.fingerprint);
    if (!row.ok) return row;
    if (row.value === null) return ok(null);
    const versions = await schemas.versionsOfSchema(row.value.id, options);
    return versions.ok ? ok(versions.value.findLast((version) => version.subject === subject) ?? null) : versions;
  }

  /** The level that holds for a subject: its own, else the global one, else BACKWARD. */
  async level(subject: string): Promise<Result<CompatibilityLevel>> {
    for (const name of [subject, '']) {
      const level = await this.#database.stores.schemas.compatibility(name);
      if (!level.ok) return level;
      if (level.value !== null) return ok(parseLevel(level.value) ?? defaultLevel);
    }
    return ok(defaultLevel);
  }

  /** Whether a schema may follow these versions, oldest first. Fails with `schema-incompatible` and the reasons. */
  compatible(level: CompatibilityLevel, schema: AvroSchema, versions: readonly SubjectVersion[]): Result<void> {
    const earlier: AvroSchema[] = [];
    for (const version of versions) {
      const parsed = parseSchema(version.text);
      if (!parsed.ok) return during(`reading version ${version.version}`, parsed.failure);
      earlier.push(parsed.value);
    }
    return checkCompatibility(level, schema, earlier);
  }

  /** Subjects are locked by the caller; the retry is for instances that hold another lock of the same subject. */
  async #addVersion(subject: string, id: number): Promise<Result<number>> {
    for (let attempt = 1; ; attempt += 1) {
      const added = await this.#database.stores.schemas.addVersion(subject, id);
      if (added.ok || added.failure.code !== 'conflict' || attempt >= 10) return added;
    }
  }
}
