import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A `draft` is seen by its publisher alone; under a `closed` one no agreement is made any more. */
export type DatasetState = 'draft' | 'open' | 'closed';

/** DB33/T 2350-2021, from public to secret. */
export type DatasetLevel = 'L1' | 'L2' | 'L3' | 'L4';

/** GB/T 43697-2024. */
export type DatasetCategory = 'core' | 'important' | 'general';

export interface DatasetQuality {
  readonly statement: string;
  /** Part of the values that are there, 0 to 1; null where nobody measured. */
  readonly completeness: number | null;
}

export interface DatasetSla {
  readonly availabilityPercent: number | null;
  readonly lagSecondsMax: number | null;
}

export interface DatasetPrice {
  readonly model: 'free' | 'subscription' | 'per-record' | 'negotiated';
  /** Decimal text, so that no cent is lost; null where it is free or negotiated. */
  readonly amount: string | null;
  readonly currency: 'CNY';
  /** What the amount is for: a month, a year, so many records. */
  readonly per: string | null;
}

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

  @Column({ type: 'text', nullable: true })
  theme!: string | null;

  /** A token of the Dublin Core collection description frequency vocabulary. */
  @Column({ type: 'text', nullable: true })
  frequency!: string | null;

  @Column({ type: 'text', array: true })
  keywords!: string[];

  @Column({ type: 'text', nullable: true })
  level!: DatasetLevel | null;

  @Column({ type: 'text' })
  category!: DatasetCategory;

  @Column({ type: 'json', nullable: true })
  quality!: DatasetQuality | null;

  @Column({ type: 'json', nullable: true })
  sla!: DatasetSla | null;

  @Column({ type: 'integer', name: 'retention_days', nullable: true })
  retentionDays!: number | null;

  @Column({ type: 'json', nullable: true })
  price!: DatasetPrice | null;

  /** X25519 public key of the publisher, base64url: refused originals are sealed to it. */
  @Column({ type: 'text', name: 'seal_to' })
  sealTo!: string;

  @Column({ type: 'text' })
  subject!: string;

  @Column({ type: 'integer' })
  partitions!: number;

  /** Whether raw and governed topics keep the last record of each key. */
  @Column({ type: 'boolean' })
  compacted!: boolean;

  /** Field path whose text becomes the record key at intake, or null for no key. */
  @Column({ type: 'text', name: 'key_field', nullable: true })
  keyField!: string | null;

  @Column({ type: 'text' })
  state!: DatasetState;

  @Column({ type: 'text', name: 'search_title', select: false })
  searchTitle!: string;

  @Column({ type: 'text', name: 'search_keywords', select: false })
  searchKeywords!: string;

  @Column({ type: 'text', name: 'search_text', select: false })
  searchText!: string;

  @Column({ type: 'text', name: 'search_grams', array: true, select: false })
  searchGrams!: string[];
}

/** Without what only the search looks at, which the store makes. */
export type DatasetRow = Omit<DatasetEntity, 'searchTitle' | 'searchKeywords' | 'searchText' | 'searchGrams'>;
