import type { EntityManager } from 'typeorm';
import { In } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { searchGrams, searchWords } from '../../../catalog/index.ts';
import { attempt } from '../attempt.ts';
import type { Reader } from '../database.ts';
import type { DatasetLevel, DatasetRow } from '../entities/dataset.entity.ts';
import { DatasetEntity } from '../entities/dataset.entity.ts';
import { searchColumns } from '../search-columns.ts';

export interface DatasetQuery {
  /** Words that must all be in the title, id, keywords, theme, publisher or description; null or without a word for any dataset. */
  readonly text: string | null;
  readonly theme?: string;
  readonly level?: DatasetLevel;
  readonly publisher?: string;
  readonly keyword?: string;
  /** The score and id of the last dataset before. */
  readonly after: DatasetHit | null;
  readonly most: number;
}

export interface DatasetHit {
  readonly id: string;
  /** Where the words are: in the title 4, in a keyword 2, anywhere 1; summed over the words. It depends on the dataset and the words alone. */
  readonly score: number;
}

/** Datasets. */
export class DatasetStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  put(dataset: DatasetRow): Promise<Result<void>> {
    return attempt('storing a dataset', async () => {
      await this.#manager.upsert(DatasetEntity, { ...dataset, ...searchColumns(dataset) }, ['id']);
    });
  }

  find(id: string): Promise<Result<DatasetRow | null>> {
    return attempt('reading a dataset', () => this.#manager.findOneBy(DatasetEntity, { id }));
  }

  findBySubject(subject: string): Promise<Result<DatasetRow | null>> {
    return attempt('reading a dataset', () => this.#manager.findOneBy(DatasetEntity, { subject }));
  }

  list(): Promise<Result<DatasetRow[]>> {
    return attempt('listing datasets', () => this.#manager.find(DatasetEntity, { order: { id: 'ASC' } }));
  }

  /** Those of the ids that there are, in no order. */
  among(ids: readonly string[]): Promise<Result<DatasetRow[]>> {
    return attempt('reading datasets', () => this.#manager.findBy(DatasetEntity, { id: In([...ids]) }));
  }

  /**
   * Of the datasets that a reader sees, the best first, those that are as good in the order of ids. Not for use within `asCaller`: under row-level security
   * PostgreSQL finds nothing by the index of the grams. What is found is to be read there.
   */
  search(reader: Reader, { text, theme, level, publisher, keyword, after, most }: DatasetQuery): Promise<Result<DatasetHit[]>> {
    const words = searchWords(text ?? '');
    // A word of one letter has no gram; it is confirmed like any other.
    const grams = [...new Set(words.flatMap(searchGrams))];
    const find = (manager: EntityManager): Promise<DatasetHit[]> => {
      const query = manager.createQueryBuilder(DatasetEntity, 'dataset').select('dataset.id', 'id');
      if (!reader.readsAll)
        query.andWhere("(dataset.state = 'open' OR dataset.publisher = :reader)", { reader: reader.participant });
      if (grams.length > 0) query.andWhere('dataset.search_grams @> :grams', { grams });
      words.forEach((word, index) =>
        query.andWhere(`strpos(dataset.search_text, :word${index}) > 0`, {
          [`word${index}`]: word,
        }),
      );
      if (theme !== undefined) query.andWhere('dataset.theme = :theme', { theme });
      if (level !== undefined) query.andWhere('dataset.level = :level', { level });
      if (publisher !== undefined) query.andWhere('dataset.publisher = :publisher', { publisher });
      if (keyword !== undefined) query.andWhere(':keyword = ANY (dataset.keywords)', { keyword });
      const score = words.length === 0 ? '0' : words.map((_, index) => scoreOf(index)).join(' + ');
      if (after !== null)
        query.andWhere(`((${score}) < :afterScore OR ((${score}) = :afterScore AND dataset.id > :afterId))`, {
          afterScore: after.score,
          afterId: after.id,
        });
      return query
        .addSelect(score, 'score')
        .orderBy('score', 'DESC')
        .addOrderBy('dataset.id', 'ASC')
        .limit(most)
        .getRawMany<DatasetHit>();
    };
    return attempt('searching datasets', async () => {
      if (grams.length === 0) return find(this.#manager);
      // Where most datasets have a gram, PostgreSQL would rather read all and compare the grams of each, which takes four times as long as the index.
      return this.#manager.transaction(async (manager) => {
        await manager.query("SELECT set_config('enable_seqscan', 'off', true)");
        return find(manager);
      });
    });
  }

  ofPublisher(publisher: string): Promise<Result<DatasetRow[]>> {
    return attempt('listing datasets', () =>
      this.#manager.find(DatasetEntity, {
        where: { publisher },
        order: { id: 'ASC' },
      }),
    );
  }
}

const scoreOf = (index: number): string =>
  `(1 + CASE WHEN strpos(dataset.search_title, :word${index}) > 0 THEN 4 ELSE 0 END + CASE WHEN strpos(dataset.search_keywords, :word${index}) > 0 THEN 2 ELSE 0 END)`;
