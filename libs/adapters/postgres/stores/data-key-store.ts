import type { EntityManager } from 'typeorm';
import { In } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { ok } from '../../../base/index.ts';
import type { KeyOwner, WrappedKey } from '../../../catalog/index.ts';
import { attempt } from '../attempt.ts';
import { DataKeyEntity } from '../entities/data-key.entity.ts';

/** An epoch without its key. */
export type DataKeyEpoch = Pick<DataKeyEntity, 'ownerKind' | 'owner' | 'epoch' | 'state' | 'createdAt'>;

const readable = { ownerKind: true, owner: true, epoch: true, state: true, createdAt: true };

export type DataKeyPlace = Pick<DataKeyEntity, 'ownerKind' | 'owner' | 'epoch'>;

/** Data keys, by owner and epoch. */
export class DataKeyStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Fails with `conflict` for an epoch that there is, and while another one is active. */
  add({ kind, id }: KeyOwner, wrapped: WrappedKey): Promise<Result<void>> {
    return attempt('storing a data key', async () => {
      const place = { ownerKind: kind, owner: id, epoch: wrapped.epoch };
      await this.#manager.insert(DataKeyEntity, { ...place, wrapped, state: 'active', createdAt: new Date() });
    });
  }

  /** The keys that are in use, by owner; one that has none is absent. */
  active(kind: KeyOwner['kind'], owners: readonly string[]): Promise<Result<ReadonlyMap<string, WrappedKey>>> {
    return attempt('reading data keys', async () => {
      const rows = await this.#manager
        .createQueryBuilder(DataKeyEntity, 'key')
        .where("key.owner_kind = :kind AND key.owner = ANY (:owners) AND key.state = 'active'", { kind, owners })
        .getMany();
      return new Map(rows.flatMap(({ owner, wrapped }) => (wrapped === null ? [] : [[owner, wrapped]])));
    });
  }

  /** Every key of an owner that still opens, the oldest first. */
  openable({ kind, id }: KeyOwner): Promise<Result<WrappedKey[]>> {
    return attempt('reading data keys', async () => {
      const rows = await this.#manager.find(DataKeyEntity, { where: { ownerKind: kind, owner: id }, order: { epoch: 'ASC' } });
      return rows.flatMap(({ wrapped }) => wrapped ?? []);
    });
  }

  /** Of these owners, in the order of owners and epochs, without the keys: also for what answers a caller. */
  epochs(kind: KeyOwner['kind'], owners: readonly string[]): Promise<Result<DataKeyEpoch[]>> {
    return attempt('listing data keys', () =>
      this.#manager.find(DataKeyEntity, {
        where: { ownerKind: kind, owner: In([...owners]) },
        order: { owner: 'ASC', epoch: 'ASC' },
        select: readable,
      }),
    );
  }

  retire({ kind, id }: KeyOwner): Promise<Result<void>> {
    return attempt('retiring a data key', async () => {
      await this.#manager.update(DataKeyEntity, { ownerKind: kind, owner: id, state: 'active' }, { state: 'retired' });
    });
  }

  /** Overwrites every key of these owners with nothing. */
  shred(kind: KeyOwner['kind'], owners: readonly string[]): Promise<Result<void>> {
    return attempt('shredding data keys', async () => {
      await this.#manager.update(
        DataKeyEntity,
        { ownerKind: kind, owner: In([...owners]) },
        { wrapped: null, state: 'shredded' },
      );
    });
  }

  /** Keys that another master key than this one wrapped, after this place in the order of owners and epochs. */
  async notUnder(
    keyId: string,
    after: DataKeyPlace | null,
    most: number,
  ): Promise<Result<(DataKeyPlace & { readonly wrapped: WrappedKey })[]>> {
    const rows = await attempt('listing data keys', () => {
      const query = this.#manager
        .createQueryBuilder(DataKeyEntity, 'key')
        .where("key.wrapped->>'keyId' <> :keyId", { keyId })
        .orderBy('key.ownerKind')
        .addOrderBy('key.owner')
        .addOrderBy('key.epoch')
        .limit(most);
      if (after !== null)
        query.andWhere('(key.owner_kind, key.owner, key.epoch) > (:kind, :owner, :epoch)', {
          kind: after.ownerKind,
          owner: after.owner,
          epoch: after.epoch,
        });
      return query.getMany();
    });
    return rows.ok ? ok(rows.value.flatMap(({ wrapped, ...place }) => (wrapped === null ? [] : [{ ...place, wrapped }]))) : rows;
  }

  /** Whether it was still wrapped as `from`: a key that was shredded meanwhile stays so. */
  rewrapped({ ownerKind, owner, epoch }: DataKeyPlace, from: WrappedKey, to: WrappedKey): Promise<Result<boolean>> {
    return attempt('storing a data key', async () => {
      const { affected } = await this.#manager
        .createQueryBuilder()
        .update(DataKeyEntity)
        .set({ wrapped: to })
        .where("owner_kind = :ownerKind AND owner = :owner AND epoch = :epoch AND wrapped->>'wrapped' = :from", {
          ownerKind,
          owner,
          epoch,
          from: from.wrapped,
        })
        .execute();
      return affected === 1;
    });
  }
}
