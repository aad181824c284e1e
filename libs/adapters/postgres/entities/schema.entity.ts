import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** A schema text and its id. The id is in every record of Confluent wire format, so a row is never removed. */
@Entity({ name: 'schema' })
export class SchemaEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  /** JSON without white space, member order and numbers as registered. */
  @Column({ type: 'text' })
  text!: string;

  /** SHA-256, hex, of the text with sorted members: equal JSON gets the same id under every subject. */
  @Column({ type: 'text' })
  fingerprint!: string;
}

/** One version of a subject. `deleted` is the soft deletion of the registry API. */
@Entity({ name: 'subject_version' })
export class SubjectVersionEntity {
  @PrimaryColumn({ type: 'text' })
  subject!: string;

  @PrimaryColumn({ type: 'integer' })
  version!: number;

  @Column({ type: 'integer', name: 'schema_id' })
  schemaId!: number;

  @Column({ type: 'boolean' })
  deleted!: boolean;
}

/** Compatibility level of a subject; the empty subject is the global level. */
@Entity({ name: 'subject_config' })
export class SubjectConfigEntity {
  @PrimaryColumn({ type: 'text' })
  subject!: string;

  @Column({ type: 'text' })
  compatibility!: string;
}
