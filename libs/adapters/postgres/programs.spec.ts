/** The Programs of agreements on real PostgreSQL: stored once, and kept by the migration that made it so, up and down. */
import { expect, test } from '@jest/globals';
import pg from 'pg';

import { unwrap } from '../../base/index.ts';
import { freshDatabase } from '../../testkit/index.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';

async function query(sql: string, url: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}

/** Undoes the last migrations until so many are left. */
async function undoTo(opened: Database, url: string, left: number): Promise<void> {
  for (;;) {
    const [row] = await query('SELECT count(*)::integer AS count FROM migration', url);
    if (row?.['count'] === left) return;
    unwrap(await opened.undoLastMigration());
  }
}

test('the migrations keep the Programs of agreements on the way to where each is stored once, and back', async () => {
  const own = await freshDatabase();
  const opened = unwrap(await openDatabase(own.url));
  const [row] = await query(
    'SELECT array_position(array_agg(name ORDER BY id), $$Grants1790400000000$$) AS place FROM migration',
    own.url,
  );
  await undoTo(opened, own.url, Number(row?.['place']) - 1);
  const programOf = (id: number, writer: string) => ({
    writerSchemaId: id,
    writerSchema: `{"type":"record","name":"${writer}","doc":"\\u0000 就"}`,
    governedSchemaId: 100 + id,
    governedSchema: '{"type":"record","name":"G"}',
    manifest: `{"of":"${writer}"}`,
    module: Buffer.from(`module ${writer} `.repeat(40)).toString('base64'),
    programHash: writer.padEnd(64, '0'),
  });
  const signedOf = (id: number, writer: string) => ({ ...programOf(id, writer), signature: `signature of ${writer}` });
  const programs = {
    one: [programOf(2, 'b'), programOf(1, 'a')],
    two: [programOf(1, 'a')],
    none: [],
  };
  await query("INSERT INTO participant (id, name, roles) VALUES ('p', 'P', '{publisher}')", own.url);
  await query(
    `INSERT INTO dataset (id, title_zh, title_en, publisher, description, licence, seal_to, subject, partitions, state)
      VALUES ('d', '', '', 'p', '', '', '', 'raw.d-value', 1, 'open')`,
    own.url,
  );
  for (const [id, list] of Object.entries(programs))
    await query(
      `INSERT INTO agreement (id, dataset, assigner, assignee, policy, delivery, state, revision, published_revision, data_key, programs)
        VALUES ('${id}', 'd', 'p', 'p', '{}', '{"kind":"kafka"}', 'suspended', 1, 1, '{"keyId":"k","epoch":1,"wrapped":"w"}', $json$${JSON.stringify(list)}$json$)`,
      own.url,
    );
  await opened.close();

  const upgraded = unwrap(await openDatabase(own.url));
  for (const [id, list] of Object.entries(programs))
    expect(unwrap(await upgraded.stores.programs.of(id))).toEqual(list.map((program) => ({ ...program, signature: '' })));
  expect(await query('SELECT count(*)::integer AS count FROM program', own.url)).toEqual([{ count: 2 }]);
  expect(unwrap(await upgraded.stores.agreements.find('one'))?.holds).toMatchObject([{ kind: 'party', of: 'p' }]);
  const again = [signedOf(3, 'c'), signedOf(1, 'a')];
  unwrap(await upgraded.transaction('storing Programs', (stores) => stores.programs.put('one', again)));
  expect(unwrap(await upgraded.stores.programs.ofAll(['one', 'two', 'none']))).toEqual(
    new Map([
      ['one', again],
      ['two', [{ ...programOf(1, 'a'), signature: '' }]],
    ]),
  );

  // What somebody changed under its hash is put right when it is stored again.
  await query(`UPDATE program SET module = 'changed'`, own.url);
  await query(`UPDATE program_schema SET text = 'changed'`, own.url);
  expect(unwrap(await upgraded.stores.programs.of('one'))).not.toEqual(again);
  unwrap(await upgraded.transaction('storing Programs', (stores) => stores.programs.put('one', again)));
  expect(unwrap(await upgraded.stores.programs.of('one'))).toEqual(again);

  // Those of before there were signatures are signed once, and from then on none without one is stored.
  const asked: string[] = [];
  const sign = (agreement: string, { writerSchemaId }: { readonly writerSchemaId: number }): Promise<string> => {
    asked.push(`${agreement}/${writerSchemaId}`);
    return Promise.resolve('signed at the upgrade');
  };
  const adopt = () => upgraded.transaction('signing', (stores) => stores.programs.adopt(sign));
  expect(unwrap(await adopt())).toBe(1);
  expect(asked).toEqual(['two/1']);
  expect(unwrap(await upgraded.stores.programs.of('two'))).toMatchObject([{ signature: 'signed at the upgrade' }]);
  expect(unwrap(await upgraded.stores.programs.of('one'))).toEqual(again);
  expect(unwrap(await adopt())).toBe(0);
  const unsigned = upgraded.transaction('storing Programs', (stores) =>
    stores.programs.put('two', [{ ...programOf(1, 'a'), signature: '' }]),
  );
  await expect(unsigned).rejects.toThrow('agreement_program_is_signed');

  await undoTo(upgraded, own.url, Number(row?.['place']) - 1);
  expect(await query('SELECT id, programs FROM agreement ORDER BY id', own.url)).toEqual([
    { id: 'none', programs: [] },
    { id: 'one', programs: [programOf(3, 'c'), programOf(1, 'a')] },
    { id: 'two', programs: programs.two },
  ]);
  await upgraded.close();
  await own.drop();
});
