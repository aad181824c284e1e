import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An erased subject of a dataset, known by a keyed digest alone. */
@Entity({ name: 'suppression' })
export class SuppressionEntity {
  @PrimaryColumn({ type: 'text' })
  dataset!: string;

  /** Base64url of 16 bytes. */
  @PrimaryColumn({ type: 'text' })
  digest!: string;

  /** What the erasure is called where its subject is not. */
  @Column({ type: 'text' })
  erasure!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** False until it is in `sluice.suppressions`. */
  @Column({ type: 'boolean' })
  published!: boolean;
}
