import { Column, Entity, PrimaryColumn } from 'typeorm';

export type DatasetState = 'open' | 'closed';

/** What is described and has rights. Its records are in `raw.<id>`, its schemas under `subject`. */
@Entity({ name: 'dataset' })
export class DatasetEntity {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text', name: 'title_zh' })
  titleZh!: string;

  @Column({ type: 'text', name: 'title_en' })
  titleEn!: string;

  @Column({ type: 'text' })
  publisher!: string;

  @Column({ type: 'text' })
  description!: string;

  @Column({ type: 'text' })
  licence!: string;

  /** X25519 public key of the publisher, base64url: refused originals are sealed to it. */
  @Column({ type: 'text', name: 'seal_to' })
  sealTo!: string;

  @Column({ type: 'text' })
  subject!: string;

  @Column({ type: 'integer' })
  partitions!: number;

  /** Field path whose text becomes the record key at intake, or null for no key. */
  @Column({ type: 'text', name: 'key_field', nullable: true })
  keyField!: string | null;

  @Column({ type: 'text' })
  state!: DatasetState;
}
