import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { DataKeyState, KeyOwner, WrappedKey } from '../../../catalog/index.ts';

/** One epoch of the data key of an agreement or of a dataset. */
@Entity({ name: 'data_key' })
export class DataKeyEntity {
  @PrimaryColumn({ type: 'text', name: 'owner_kind' })
  ownerKind!: KeyOwner['kind'];

  @PrimaryColumn({ type: 'text' })
  owner!: string;

  /** From 1. */
  @PrimaryColumn({ type: 'integer' })
  epoch!: number;

  /** Wrapped for the context of its owner and epoch; null once it was shredded. No caller reads it. */
  @Column({ type: 'json', nullable: true })
  wrapped!: WrappedKey | null;

  /** One of an owner's is active, until all are shredded. */
  @Column({ type: 'text' })
  state!: DataKeyState;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
