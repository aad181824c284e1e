/** Compiling: what is refused, the governed schema, the manifest and its hash, approved modules, the explanation. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseSchema } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import { compile, instantiate } from './index.ts';
import { all, closed, compiled, condition, framesOf, order, rule, run, schema, stages } from './order-fixture.ts';

describe('compiling', () => {
  test('refuses a field that no rule names, and says which', () => {
    expect(compiled([rule('keep', '/id', '/amount', '/units', '/note', '/state', '/urgent', '/buyer/name')])).toMatchObject({
      ok: false,
      failure: { code: 'field-unnamed', at: '/buyer/state' },
    });
  });

  test('refuses two rules on one field, also where one is above the other', () => {
    expect(compiled([all, rule('drop', '/id')])).toMatchObject({
      ok: false,
      failure: { code: 'plan-invalid' },
    });
    expect(compiled([all, rule('drop', '/buyer/name')])).toMatchObject({
      ok: false,
      failure: { code: 'plan-invalid' },
    });
  });

  test('refuses a field that the schema does not have', () => {
    expect(compiled([all, rule('drop', '/constructor')])).toMatchObject({
      ok: false,
      failure: { code: 'plan-invalid', at: '/constructor' },
    });
  });

  test('derives the governed schema: dropped fields go, a type defined in a dropped field is defined where it is used next', () => {
    const program = unwrap(
      compiled([rule('keep', '/id', '/amount', '/units', '/note', '/urgent', '/buyer'), rule('drop', '/state')]),
    );
    const fields = (JSON.parse(program.governedSchema.text) as { fields: { name: string }[] }).fields;
    expect(fields.map(({ name }) => name)).toEqual(['id', 'amount', 'units', 'note', 'urgent', 'buyer']);
    expect(parseSchema(program.governedSchema.text).ok).toBe(true);
  });

  test('gives the same manifest and hash whatever the order of rules, and another when anything that decides changes', () => {
    const split = [
      rule('upper', '/id'),
      rule('keep', '/urgent', '/amount'),
      rule('keep', '/note'),
      rule('keep', '/buyer', '/state', '/units'),
    ];
    const base = unwrap(compiled(split));
    fc.assert(
      fc.property(fc.shuffledSubarray(split, { minLength: split.length }), (shuffled) => {
        expect(unwrap(compiled(shuffled)).manifest).toBe(base.manifest);
      }),
    );
    const hashes = [
      base,
      unwrap(compiled([...split, condition('urgent')])),
      unwrap(compiled(split, { key: 'keep', timestamp: 'keep' })),
    ].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(3);
    expect(base.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('an approved module gives the same Program again without the stages; a changed manifest, module or hash is refused', () => {
    const terms = { rules: [all, condition('amount > 1.0')], channels: closed };
    const program = unwrap(compile({ schema, stages, engine: 'wasm', terms }));
    const module = Buffer.from(program.module ?? []).toString('base64');
    const approved = {
      manifest: program.manifest,
      programHash: program.hash,
      module,
    };
    const again = unwrap(instantiate(approved, stages));
    expect([again.hash, again.governedSchema.root, again.fieldPaths]).toEqual([
      program.hash,
      program.governedSchema.root,
      program.fieldPaths,
    ]);
    expect(run(again, framesOf([{ json: order }]))).toMatchObject([{ outcome: 'pass', value: order }]);
    const other = unwrap(
      compile({
        schema,
        stages,
        engine: 'wasm',
        terms: { rules: [all], channels: closed },
      }),
    );
    for (const changed of [
      {
        ...approved,
        manifest: program.manifest.replace('amount > 1.0', 'amount > 0.0'),
      },
      {
        ...approved,
        module: Buffer.from(other.module ?? []).toString('base64'),
      },
      { ...approved, programHash: other.hash },
      { ...approved, module: '' },
    ]) {
      expect(instantiate(changed, stages)).toMatchObject({
        ok: false,
        failure: { code: 'program-mismatch' },
      });
    }
  });

  test('refuses at once a few types that write out to a million fields', () => {
    const chain = (levels: number): unknown =>
      levels === 0
        ? { type: 'record', name: 'L0', fields: [{ name: 'x', type: 'int' }] }
        : {
            type: 'record',
            name: `L${levels}`,
            fields: [
              { name: 'a', type: chain(levels - 1) },
              { name: 'b', type: `L${levels - 1}` },
            ],
          };
    const bomb = unwrap(parseSchema(JSON.stringify(chain(30))));
    expect(
      compile({
        schema: bomb,
        stages,
        terms: { rules: [rule('keep', '/a')], channels: closed },
      }),
    ).toMatchObject({
      ok: false,
      failure: {
        code: 'plan-invalid',
        message: expect.stringContaining('written out'),
      },
    });
  });

  describe('a record that contains itself', () => {
    const tree = unwrap(
      parseSchema(
        JSON.stringify({
          type: 'record',
          name: 'Person',
          fields: [
            { name: 'name', type: 'string' },
            { name: 'children', type: { type: 'array', items: 'Person' } },
          ],
        }),
      ),
    );
    const compiledTree = (...rules: ReturnType<typeof rule>[]): ReturnType<typeof compile> =>
      compile({ schema: tree, stages, terms: { rules, channels: closed } });

    test('is governed at every depth by the rules of its first place', () => {
      expect(compiledTree(rule('upper', '/name')).ok).toBe(true);
      expect(compiledTree(rule('keep', '/name', '/children')).ok).toBe(true);
    });

    test('is not kept where that would bypass its rules', () => {
      expect(compiledTree(rule('upper', '/name'), rule('keep', '/children'))).toMatchObject({
        ok: false,
        failure: {
          code: 'plan-invalid',
          at: '/children',
          message: expect.stringContaining('bypass'),
        },
      });
      expect(compiledTree(rule('upper', '/name'), rule('drop', '/children')).ok).toBe(true);
    });
  });

  test('gives a type that is governed in one of its places a name of its own there, which no other type has', () => {
    const twice = unwrap(
      parseSchema(
        JSON.stringify({
          type: 'record',
          name: 'R',
          fields: [
            {
              name: 'a',
              type: {
                type: 'record',
                name: 'P',
                fields: [
                  { name: 'x', type: 'string' },
                  { name: 'y', type: 'int' },
                ],
              },
            },
            { name: 'b', type: 'P' },
            { name: 'c', type: { type: 'enum', name: 'P_b', symbols: ['s'] } },
          ],
        }),
      ),
    );
    const rules = [rule('keep', '/a', '/b/x', '/c'), rule('drop', '/b/y')];
    const program = unwrap(compile({ schema: twice, stages, terms: { rules, channels: closed } }));
    const types = (
      JSON.parse(program.governedSchema.text) as {
        fields: { type: { name: string } }[];
      }
    ).fields.map(({ type }) => type.name);
    expect(types).toEqual(['P', 'P_b_', 'P_b']);
  });

  test('explains every field and every channel', () => {
    const rows = unwrap(compiled([all, condition('urgent')]))
      .explain()
      .map(({ field }) => field);
    expect(rows).toEqual([
      '(rows)',
      '/amount',
      '/buyer',
      '/id',
      '/note',
      '/state',
      '/units',
      '/urgent',
      '(key)',
      '(headers)',
      '(timestamp)',
      '(partition, order)',
    ]);
  });
});
