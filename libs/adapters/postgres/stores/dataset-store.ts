import type { EntityManager } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { DatasetEntity } from '../entities/dataset.entity.ts';

/** Datasets. */
export class DatasetStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  put(dataset: DatasetEntity): Promise<Result<void>> {
    return attempt('storing a dataset', async () => {
      await this.#manager.upsert(DatasetEntity, dataset, ['id']);
    });
  }

  find(id: string): Promise<Result<DatasetEntity | null>> {
    return attempt('reading a dataset', () => this.#manager.findOneBy(DatasetEntity, { id }));
  }

  findBySubject(subject: string): Promise<Result<DatasetEntity | null>> {
    return attempt('reading a dataset', () => this.#manager.findOneBy(DatasetEntity, { subject }));
  }

  list(): Promise<Result<DatasetEntity[]>> {
    return attempt('listing datasets', () => this.#manager.find(DatasetEntity, { order: { id: 'ASC' } }));
  }

  ofPublisher(publisher: string): Promise<Result<DatasetEntity[]>> {
    return attempt('listing datasets', () => this.#manager.find(DatasetEntity, { where: { publisher }, order: { id: 'ASC' } }));
  }
}
