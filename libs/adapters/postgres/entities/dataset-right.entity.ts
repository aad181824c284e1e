import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * Of the resource (数据资源持有权), of processing and using it (数据加工使用权), of operating products of it (数据产品经营权). Source: Opinions of the CPC Central
 * Committee and the State Council on building basic systems for data, 2022, article 3.
 */
export type RightKind = 'holder' | 'processor' | 'operator';

export interface RightEvidence {
  readonly title: string;
  readonly uri: string | null;
  /** Of the document, hex. */
  readonly sha256: string;
}

/** Who has a right in a dataset, and by what. */
@Entity({ name: 'dataset_right' })
export class DatasetRightEntity {
  @PrimaryColumn({ type: 'text' })
  dataset!: string;

  @PrimaryColumn({ type: 'text' })
  kind!: RightKind;

  /** A participant's id, or the name of somebody who is none. */
  @Column({ type: 'text' })
  holder!: string;

  @Column({ type: 'json' })
  evidence!: RightEvidence;

  @Column({ type: 'text', name: 'registration_number' })
  registrationNumber!: string;

  /** The first moment when it is not valid any more; null for ever. */
  @Column({ type: 'timestamptz', name: 'valid_until', nullable: true })
  validUntil!: Date | null;
}
