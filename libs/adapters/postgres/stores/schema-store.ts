/** The tables of the schema registry: texts with ids, versions of subjects, compatibility levels. */
import type { EntityManager } from 'typeorm';
import { In } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { SchemaEntity, SubjectConfigEntity, SubjectVersionEntity } from '../entities/schema.entity.ts';

/** A version of a subject with its schema. */
export interface SubjectVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly text: string;
  readonly deleted: boolean;
}

export class SchemaStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  byId(id: number): Promise<Result<SchemaEntity | null>> {
    return attempt('reading a schema', () => this.#manager.findOneBy(SchemaEntity, { id }));
  }

  byFingerprint(fingerprint: string): Promise<Result<SchemaEntity | null>> {
    return attempt('reading a schema', () => this.#manager.findOneBy(SchemaEntity, { fingerprint }));
  }

  /** The id of this schema, given now or earlier. Safe when several ask at once. */
  idOf(text: string, fingerprint: string): Promise<Result<number>> {
    return attempt('storing a schema', async () => {
      const known = await this.#manager.findOneBy(SchemaEntity, { fingerprint });
      if (known !== null) return known.id;
      await this.#manager.createQueryBuilder().insert().into(SchemaEntity).values({ text, fingerprint }).orIgnore().execute();
      return (await this.#manager.findOneByOrFail(SchemaEntity, { fingerprint })).id;
    });
  }

  /** Versions of a subject in order. */
  versions(subject: string, options: { deleted: boolean }): Promise<Result<SubjectVersion[]>> {
    return this.#versions({ subject }, options.deleted);
  }

  /** Every subject version that has the schema. */
  versionsOfSchema(schemaId: number, options: { deleted: boolean }): Promise<Result<SubjectVersion[]>> {
    return this.#versions({ schemaId }, options.deleted);
  }

  subjects(options: { deleted: boolean }): Promise<Result<string[]>> {
    return attempt('listing subjects', async () => {
      const query = this.#manager.createQueryBuilder(SubjectVersionEntity, 'v').select('v.subject', 'subject').distinct(true);
      if (!options.deleted) query.where('NOT v.deleted');
      const rows: { subject: string }[] = await query.getRawMany();
      return rows.map((row) => row.subject).sort();
    });
  }

  /**
   * Adds the schema as the next version of the subject, or answers the version that it has already. A version number is never reused
   * while a row of the subject exists. Fails with `conflict` when another instance added a version at the same moment: ask again.
   */
  addVersion(subject: string, schemaId: number): Promise<Result<number>> {
    return attempt('adding a version', async () => {
      const known = await this.#manager.findOneBy(SubjectVersionEntity, { subject, schemaId, deleted: false });
      if (known !== null) return known.version;
      const version = 1 + ((await this.#manager.maximum(SubjectVersionEntity, 'version', { subject })) ?? 0);
      await this.#manager.insert(SubjectVersionEntity, { subject, version, schemaId, deleted: false });
      return version;
    });
  }

  setDeleted(subject: string, versions: readonly number[]): Promise<Result<void>> {
    return attempt('deleting a version', async () => {
      await this.#manager.update(SubjectVersionEntity, { subject, version: In([...versions]) }, { deleted: true });
    });
  }

  /** Removes the rows of versions. Their schemas and ids stay: records may carry them. */
  removeVersions(subject: string, versions: readonly number[]): Promise<Result<void>> {
    return attempt('removing a version', async () => {
      await this.#manager.delete(SubjectVersionEntity, { subject, version: In([...versions]) });
    });
  }

  /** The level set for the subject, or for all with the empty subject. */
  compatibility(subject: string): Promise<Result<string | null>> {
    return attempt('reading a compatibility level', async () => {
      return (await this.#manager.findOneBy(SubjectConfigEntity, { subject }))?.compatibility ?? null;
    });
  }

  setCompatibility(subject: string, compatibility: string): Promise<Result<void>> {
    return attempt('storing a compatibility level', async () => {
      await this.#manager.upsert(SubjectConfigEntity, { subject, compatibility }, ['subject']);
    });
  }

  removeCompatibility(subject: string): Promise<Result<void>> {
    return attempt('removing a compatibility level', async () => {
      await this.#manager.delete(SubjectConfigEntity, { subject });
    });
  }

  #versions(where: { subject: string } | { schemaId: number }, deleted: boolean): Promise<Result<SubjectVersion[]>> {
    return attempt('reading versions', async () => {
      const rows = await this.#manager.find(SubjectVersionEntity, {
        where: deleted ? where : { ...where, deleted: false },
        order: { subject: 'ASC', version: 'ASC' },
      });
      if (rows.length === 0) return [];
      const schemas = await this.#manager.findBy(SchemaEntity, { id: In(rows.map((row) => row.schemaId)) });
      const texts = new Map(schemas.map((schema) => [schema.id, schema.text]));
      return rows.map((row) => ({
        subject: row.subject,
        version: row.version,
        id: row.schemaId,
        text: texts.get(row.schemaId) ?? '',
        deleted: row.deleted,
      }));
    });
  }
}
