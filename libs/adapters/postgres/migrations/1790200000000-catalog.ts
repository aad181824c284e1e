import type { MigrationInterface, QueryRunner } from 'typeorm';

import { searchColumns } from '../search-columns.ts';
import { isolate, unisolate } from '../isolate.ts';

/** What a catalogue says of datasets and is searched by, their rights, stored policies, and when an agreement ends. */
export class Catalog1790200000000 implements MigrationInterface {
  readonly name = 'Catalog1790200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE dataset
      DROP CONSTRAINT dataset_state_check,
      ADD CHECK (state IN ('draft', 'open', 'closed')),
      ADD COLUMN theme text,
      ADD COLUMN frequency text,
      ADD COLUMN keywords text[] NOT NULL DEFAULT '{}' CHECK (cardinality(keywords) <= 20),
      ADD COLUMN level text CHECK (level IN ('L1', 'L2', 'L3', 'L4')),
      ADD COLUMN category text NOT NULL DEFAULT 'general' CHECK (category IN ('core', 'important', 'general')),
      ADD COLUMN quality json,
      ADD COLUMN sla json,
      ADD COLUMN retention_days integer CHECK (retention_days > 0),
      ADD COLUMN price json,
      ADD COLUMN compacted boolean NOT NULL DEFAULT false,
      ADD COLUMN search_title text NOT NULL DEFAULT '',
      ADD COLUMN search_keywords text NOT NULL DEFAULT '',
      ADD COLUMN search_text text NOT NULL DEFAULT '',
      ADD COLUMN search_grams text[] NOT NULL DEFAULT '{}'`);
    const datasets: Parameters<typeof searchColumns>[0][] = await runner.query(
      `SELECT id, title_zh AS "titleZh", title_en AS "titleEn", publisher, description, keywords, theme FROM dataset`,
    );
    for (const dataset of datasets) {
      const { searchTitle, searchKeywords, searchText, searchGrams } = searchColumns(dataset);
      await runner.query(
        'UPDATE dataset SET search_title = $2, search_keywords = $3, search_text = $4, search_grams = $5 WHERE id = $1',
        [dataset.id, searchTitle, searchKeywords, searchText, searchGrams],
      );
    }
    await runner.query('CREATE INDEX dataset_search ON dataset USING gin (search_grams)');
    await runner.query('CREATE INDEX dataset_publisher ON dataset (publisher)');
    await runner.query(`CREATE TABLE dataset_right (
      dataset text NOT NULL REFERENCES dataset (id),
      kind text NOT NULL CHECK (kind IN ('holder', 'processor', 'operator')),
      holder text NOT NULL,
      evidence json NOT NULL,
      registration_number text NOT NULL,
      valid_until timestamptz,
      PRIMARY KEY (dataset, kind))`);
    await runner.query(`CREATE TABLE policy (
      kind text NOT NULL CHECK (kind IN ('baseline', 'offer')),
      id text NOT NULL,
      version integer NOT NULL CHECK (version > 0),
      dataset text NOT NULL REFERENCES dataset (id),
      body json NOT NULL,
      created_by text NOT NULL,
      created_at timestamptz NOT NULL,
      withdrawn_at timestamptz,
      PRIMARY KEY (kind, id, version))`);
    await runner.query('CREATE INDEX policy_dataset ON policy (dataset, kind)');
    await runner.query('ALTER TABLE agreement ADD COLUMN expires_at timestamptz');
    // The datasets that the inner query sees are those that the caller may see.
    for (const table of tables) await isolate(runner, table, 'dataset IN (SELECT id FROM dataset)');
  }

  /** A draft becomes closed: before, nothing else kept a dataset from others. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE agreement DROP COLUMN expires_at');
    for (const table of tables) {
      await unisolate(runner, table);
      await runner.query(`DROP TABLE ${table}`);
    }
    await runner.query('DROP INDEX dataset_publisher');
    await runner.query('DROP INDEX dataset_search');
    await runner.query("UPDATE dataset SET state = 'closed' WHERE state = 'draft'");
    await runner.query(`ALTER TABLE dataset
      DROP CONSTRAINT dataset_state_check,
      ADD CHECK (state IN ('open', 'closed')),
      DROP COLUMN theme, DROP COLUMN frequency, DROP COLUMN keywords, DROP COLUMN level, DROP COLUMN category, DROP COLUMN quality,
      DROP COLUMN sla, DROP COLUMN retention_days, DROP COLUMN price, DROP COLUMN compacted,
      DROP COLUMN search_title, DROP COLUMN search_keywords, DROP COLUMN search_text, DROP COLUMN search_grams`);
  }
}

const tables = ['policy', 'dataset_right'] as const;
