/** Whose word holds for the secret of `admin`, on real PostgreSQL. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';

import type { Database } from '../../../libs/adapters/postgres/index.ts';
import { openDatabase } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { TestDatabase } from '../../../libs/testkit/index.ts';
import { freshDatabase } from '../../../libs/testkit/index.ts';
import { verifySecret } from '../secret-hash.ts';
import { ensureOperator, operatorParticipant, resetOperator } from './ensure-operator.ts';

let place: TestDatabase;
let database: Database;

beforeEach(async () => {
  place = await freshDatabase();
  database = unwrap(await openDatabase(place.url));
});

afterEach(async () => {
  await database.close();
  await place.drop();
});

async function isSecret(secret: string): Promise<boolean> {
  const account = unwrap(await database.stores.participants.findAccount('admin'));
  return account?.secretHash !== undefined && account.secretHash !== null && verifySecret(secret, account.secretHash);
}

test('without a setting and without a first start that makes one, there is no start', async () => {
  expect(await ensureOperator(database, null)).toMatchObject({
    failure: { code: 'config-invalid', message: expect.stringContaining('SLUICE_OPERATOR_SECRET') },
  });
  expect(unwrap(await database.stores.participants.findAccount('admin'))).toBeNull();
});

test('the first start makes a password, once, however many start together', async () => {
  const made = await Promise.all([1, 2, 3].map(() => ensureOperator(database, 'made-at-first-start')));
  const [password, ...others] = made.map(unwrap).filter((each) => each !== null);
  expect(others).toEqual([]);
  expect(password).toMatch(/^[A-Za-z0-9_-]{24}$/);
  expect(await isSecret(password ?? '')).toBe(true);
  expect(unwrap(await ensureOperator(database, null))).toBeNull();
  expect(await isSecret(password ?? '')).toBe(true);
});

test('a setting is the authority at each start, and a reset holds until then', async () => {
  unwrap(await ensureOperator(database, { secret: 'the-first-setting' }));
  expect(await isSecret('the-first-setting')).toBe(true);
  unwrap(await ensureOperator(database, { secret: 'the-second-setting' }));
  expect([await isSecret('the-first-setting'), await isSecret('the-second-setting')]).toEqual([false, true]);
  const password = unwrap(await resetOperator(database));
  expect([await isSecret('the-second-setting'), await isSecret(password)]).toEqual([false, true]);
  unwrap(await ensureOperator(database, { secret: 'the-second-setting' }));
  expect(await isSecret('the-second-setting')).toBe(true);
});

test('the participant of the operator gets its role back, and keeps what else it became', async () => {
  unwrap(await ensureOperator(database, { secret: 'the-first-setting' }));
  const { participants } = database.stores;
  const known = unwrap(await participants.find(operatorParticipant));
  if (known === null) throw new Error('there is no operator');
  unwrap(await participants.put({ ...known, name: 'Data bureau', roles: ['publisher'], region: 'CN-33' }));
  unwrap(await ensureOperator(database, { secret: 'the-first-setting' }));
  expect(unwrap(await participants.find(operatorParticipant))).toEqual({
    ...known,
    name: 'Data bureau',
    roles: ['publisher', 'operator'],
    region: 'CN-33',
  });
});
