/** What is said of schema ids that no Program serves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { fail, ok, unwrap } from '../../libs/base/index.ts';
import type { SchemaLookup } from '../../libs/catalog/index.ts';
import type { DatasetBoard } from './directive-board.ts';
import { SchemaVerdicts } from './schema-verdicts.ts';

/** A registry that knows the odd ids and answers after so many milliseconds, and directives whose Programs serve `served`. */
function world(answersAfterMs = 1) {
  const served = new Set<number>();
  const seen = { asked: [] as number[], atOnce: 0, most: 0, looks: 0, caughtUp: true, reachable: true };
  const registry: SchemaLookup = {
    schemaById: async (id) => {
      seen.asked.push(id);
      seen.most = Math.max(seen.most, (seen.atOnce += 1));
      await sleep(answersAfterMs);
      seen.atOnce -= 1;
      if (!seen.reachable) return fail('registry-unreachable', 'down');
      return id % 2 === 1 ? ok({ text: '"string"' } as never) : fail('schema-unknown', `no schema ${id}`);
    },
  };
  const board = {
    board: () => ({ agreements: [{ programs: { has: (id: number) => served.has(id) } }] }) as unknown as DatasetBoard,
    caughtUp: () => {
      seen.looks += 1;
      return Promise.resolve(seen.caughtUp);
    },
  };
  return { served, seen, verdicts: new SchemaVerdicts(registry, board) };
}

test('one that the registry does not know is unknown, one that it knows is not approved, one that is served has no verdict', async () => {
  const { served, verdicts } = world();
  served.add(5);
  expect(verdicts.unserved(new Set([4, 5, 7]), 'visits')).toEqual([4, 7]);
  expect([...unwrap(await verdicts.of([4, 5, 7], 'visits'))]).toEqual([
    [4, 'schema-unknown'],
    [7, 'schema-not-approved'],
  ]);
});

test('as many ids as there are records are asked about side by side, the directives are waited for once, and all of it is remembered', async () => {
  const { seen, verdicts } = world();
  const ids = Array.from({ length: 1_000 }, (_, id) => id);
  expect(unwrap(await verdicts.of(ids, 'visits')).size).toBe(1_000);
  expect({ asked: seen.asked.length, most: seen.most, looks: seen.looks }).toEqual({ asked: 1_000, most: 16, looks: 1 });
  await verdicts.of(ids, 'visits');
  expect({ asked: seen.asked.length, looks: seen.looks }).toEqual({ asked: 1_000, looks: 1 });
});

test('one whose Program comes while the directives are waited for has no verdict', async () => {
  const { served, verdicts } = world();
  const waiting = verdicts.of([7], 'visits');
  served.add(7);
  expect(unwrap(await waiting).size).toBe(0);
});

test('nothing is refused while the registry or the directives cannot be read, and it is asked again', async () => {
  const { seen, verdicts } = world();
  seen.reachable = false;
  expect(await verdicts.of([4], 'visits')).toMatchObject({ ok: false, failure: { retriable: true } });
  seen.reachable = true;
  seen.caughtUp = false;
  expect(await verdicts.of([7], 'visits')).toMatchObject({
    ok: false,
    failure: { code: 'registry-unreachable', retriable: true },
  });
  seen.caughtUp = true;
  expect([...unwrap(await verdicts.of([4, 7], 'visits')).keys()]).toEqual([4, 7]);
});

test('a registry that is slow holds nobody up for long, and its answer counts when it is asked again', async () => {
  const { seen, verdicts } = world(1_500);
  expect(await verdicts.soon([4], 'visits')).toMatchObject({
    ok: false,
    failure: { code: 'registry-unreachable', retriable: true },
  });
  await sleep(1_000);
  expect(unwrap(await verdicts.soon([4], 'visits')).get(4)).toBe('schema-unknown');
  expect(seen.asked).toEqual([4]);
});

test('more ids than can be asked about in that time have their verdicts in the end', async () => {
  const { seen, verdicts } = world(4);
  const ids = Array.from({ length: 16_384 }, (_, id) => 2 * id);
  let tries = 0;
  for (let found = await verdicts.soon(ids, 'visits'); !found.ok && tries < 40; found = await verdicts.soon(ids, 'visits')) {
    tries += 1;
    await sleep(100);
  }
  const found = await verdicts.soon(ids, 'visits');
  expect(unwrap(found).size).toBe(16_384);
  // Nothing was asked anew by a later try.
  expect([tries > 1, seen.asked.length]).toEqual([true, 16_384]);
}, 60_000);
