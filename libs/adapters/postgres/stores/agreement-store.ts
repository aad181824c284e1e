import type { EntityManager } from 'typeorm';
import { LessThan } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { AgreementEntity } from '../entities/agreement.entity.ts';

/** Agreements with the state of their directives. */
export class AgreementStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  put(agreement: AgreementEntity): Promise<Result<void>> {
    return attempt('storing an agreement', async () => {
      await this.#manager.save(AgreementEntity, agreement);
    });
  }

  find(id: string): Promise<Result<AgreementEntity | null>> {
    return attempt('reading an agreement', () => this.#manager.findOneBy(AgreementEntity, { id }));
  }

  list(): Promise<Result<AgreementEntity[]>> {
    return attempt('listing agreements', () => this.#manager.find(AgreementEntity, { order: { id: 'ASC' } }));
  }

  ofDataset(dataset: string): Promise<Result<AgreementEntity[]>> {
    return attempt('listing agreements', () => this.#manager.find(AgreementEntity, { where: { dataset }, order: { id: 'ASC' } }));
  }

  ofAssignee(assignee: string): Promise<Result<AgreementEntity[]>> {
    return attempt('listing agreements', () =>
      this.#manager.find(AgreementEntity, { where: { assignee }, order: { id: 'ASC' } }),
    );
  }

  /** Ids and datasets of the agreements whose last revision is not known to be published. */
  unpublished(): Promise<Result<{ id: string; dataset: string }[]>> {
    return attempt('listing unpublished agreements', () =>
      this.#manager
        .createQueryBuilder(AgreementEntity, 'agreement')
        .select(['agreement.id', 'agreement.dataset'])
        .where('agreement.published_revision < agreement.revision')
        .orderBy('agreement.id')
        .getMany(),
    );
  }

  /** Notes that a revision is in the topic. Never lowers the note. */
  markPublished(id: string, revision: number): Promise<Result<void>> {
    return attempt('noting a published revision', async () => {
      await this.#manager.update(AgreementEntity, { id, publishedRevision: LessThan(revision) }, { publishedRevision: revision });
    });
  }
}
