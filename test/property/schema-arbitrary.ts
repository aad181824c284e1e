/** Random Avro schemas: every type, logical types, optional fields, unions, nested records, and named types that are used again. */
import fc from 'fast-check';

/** A type before its named types have names. */
type Spec =
  | { readonly kind: 'plain'; readonly json: unknown }
  | { readonly kind: 'enum'; readonly symbols: number }
  | { readonly kind: 'fixed'; readonly size: number; readonly decimal: boolean }
  | { readonly kind: 'array' | 'map'; readonly of: Spec }
  | {
      readonly kind: 'optional';
      readonly of: Spec;
      readonly nullFirst: boolean;
    }
  | { readonly kind: 'union'; readonly branches: readonly Spec[] }
  | {
      readonly kind: 'record';
      readonly fields: readonly FieldSpec[];
      readonly namespaced: boolean;
    }
  /** A named type that was defined before, or the record that this is in. */
  | { readonly kind: 'again'; readonly pick: number }
  | { readonly kind: 'enclosing' };

interface FieldSpec {
  readonly type: Spec;
  readonly withDefault: boolean;
  readonly withDoc: boolean;
  /** Whether its name is also one of the language, where objects stand for records. */
  readonly oddName: boolean;
  /** Whether it is classified as personal. */
  readonly isTagged: boolean;
}

const oddNames = [
  'constructor',
  'length',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'prototype',
  'name',
  'isValid',
  'clone',
  'compare',
];
const oddName = fc.nat(19).map((draw) => draw === 19);
const isTagged = fc.nat(14).map((draw) => draw === 14);

const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;

const plain: fc.Arbitrary<Spec> = fc
  .oneof(
    { weight: 5, arbitrary: fc.constant<unknown>('string') },
    {
      weight: 6,
      arbitrary: fc.constantFrom<unknown[]>(...primitives.slice(1)),
    },
    { weight: 1, arbitrary: fc.constant<unknown>('null') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<unknown[]>(
        { type: 'int', logicalType: 'date' },
        { type: 'long', logicalType: 'timestamp-millis' },
        { type: 'long', logicalType: 'timestamp-micros' },
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown[]>(
        { type: 'string', logicalType: 'uuid' },
        { type: 'int', logicalType: 'time-millis' },
        { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 },
      ),
    },
  )
  .map((json) => ({ kind: 'plain', json }));

const enclosing: Spec = { kind: 'enclosing' };

/** A field that holds the record that it is in again. */
const recursiveField: fc.Arbitrary<FieldSpec> = fc
  .constantFrom<Spec[]>(
    { kind: 'optional', of: enclosing, nullFirst: true },
    { kind: 'array', of: enclosing },
    { kind: 'map', of: { kind: 'optional', of: enclosing, nullFirst: false } },
    {
      kind: 'union',
      branches: [{ kind: 'plain', json: 'string' }, enclosing, { kind: 'plain', json: 'null' }],
    },
  )
  .map((type) => ({
    type,
    withDefault: true,
    withDoc: false,
    oddName: false,
    isTagged: false,
  }));

const { type: anyType } = fc.letrec<{
  type: Spec;
  leaf: Spec;
  field: FieldSpec;
  union: Spec;
}>((tie) => ({
  leaf: fc.oneof(
    { weight: 16, arbitrary: plain },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('enum' as const),
        symbols: fc.integer({ min: 1, max: 5 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('fixed' as const),
        size: fc.integer({ min: 0, max: 40 }),
        decimal: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('again' as const),
        pick: fc.nat(20),
      }),
    },
  ),
  type: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'type', withCrossShrink: true },
    { weight: 16, arbitrary: tie('leaf') },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('optional' as const),
        of: tie('type'),
        nullFirst: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('array' as const),
        of: tie('type'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('map' as const),
        of: tie('type'),
      }),
    },
    { weight: 2, arbitrary: tie('union') },
    {
      weight: 3,
      arbitrary: recordOf(fc.oneof({ weight: 8, arbitrary: tie('field') }, { weight: 1, arbitrary: recursiveField }), 4),
    },
  ),
  union: fc.record({
    kind: fc.constant('union' as const),
    branches: fc.array(tie('type'), {
      minLength: 1,
      maxLength: 4,
      depthIdentifier: 'type',
    }),
  }),
  field: fc.record({
    type: tie('type'),
    withDefault: fc.boolean(),
    withDoc: fc.boolean(),
    oddName,
    isTagged,
  }),
}));

function recordOf(field: fc.Arbitrary<FieldSpec>, most: number): fc.Arbitrary<Spec> {
  return fc.record({
    kind: fc.constant('record' as const),
    fields: fc.array(field, {
      minLength: 1,
      maxLength: most,
      depthIdentifier: 'type',
    }),
    namespaced: fc.boolean(),
  });
}

/** The text of a schema whose root is a record of 1 to 10 fields. Some hold themselves again. */
export const schemaText: fc.Arbitrary<string> = fc
  .record({
    kind: fc.constant('record' as const),
    fields: fc.array(
      fc.oneof(
        {
          weight: 40,
          arbitrary: fc.record({
            type: anyType,
            withDefault: fc.boolean(),
            withDoc: fc.boolean(),
            oddName,
            isTagged,
          }),
        },
        { weight: 1, arbitrary: recursiveField },
      ),
      { minLength: 1, maxLength: 10, size: 'max' },
    ),
    namespaced: fc.boolean(),
  })
  .map((root) => JSON.stringify(new Naming().render(root)));

/** Gives named types their names in the order of definition. */
class Naming {
  readonly #defined: string[] = [];
  readonly #enclosing: string[] = [];
  #count = 0;

  render(spec: Spec): unknown {
    switch (spec.kind) {
      case 'plain':
        return spec.json;
      case 'enum': {
        const name = this.#name('E');
        const symbols = Array.from({ length: spec.symbols }, (_, index) => `s${index}`);
        this.#defined.push(name);
        return { type: 'enum', name, symbols };
      }
      case 'fixed': {
        const name = this.#name('F');
        this.#defined.push(name);
        const decimal = spec.decimal && spec.size >= 4 ? { logicalType: 'decimal', precision: 9, scale: 2 } : {};
        return { type: 'fixed', name, size: spec.size, ...decimal };
      }
      case 'array':
        return { type: 'array', items: this.render(spec.of) };
      case 'map':
        return { type: 'map', values: this.render(spec.of) };
      case 'optional':
        return this.#union(spec.nullFirst ? [null, spec.of] : [spec.of, null]);
      case 'union':
        return this.#union(spec.branches);
      case 'record':
        return this.#record(spec.fields, spec.namespaced);
      case 'again':
        return this.#defined[spec.pick % Math.max(1, this.#defined.length)] ?? 'string';
      case 'enclosing':
        return this.#enclosing.at(-1) ?? 'null';
    }
  }

  #name(letter: string): string {
    this.#count += 1;
    return `n.${letter}${this.#count}`;
  }

  #record(fields: readonly FieldSpec[], namespaced: boolean): unknown {
    const name = this.#name('R');
    this.#enclosing.push(name);
    const rendered = fields.map(({ type, withDefault, withDoc, oddName, isTagged }, index) => {
      const json = this.render(type);
      const fallback = withDefault ? defaultOf(json) : undefined;
      return {
        name: (oddName ? oddNames[index] : undefined) ?? `f${index}`,
        type: json,
        ...(withDoc ? { doc: `The field ${index}` } : {}),
        ...(fallback === undefined ? {} : { default: fallback.json }),
        ...(isTagged ? { 'sluice.tags': ['personal'] } : {}),
      };
    });
    this.#enclosing.pop();
    this.#defined.push(name);
    const named = namespaced ? { name: name.slice(2), namespace: 'n' } : { name };
    return { type: 'record', ...named, fields: rendered };
  }

  /** Unions hold no unions, and each unnamed type and each name once; a branch that would bring one twice is left out with all it defines. */
  #union(branches: readonly (Spec | null)[]): unknown {
    const taken = new Map<string, unknown>();
    for (const branch of branches) {
      const before = this.#defined.length;
      const json = branch === null ? 'null' : this.render(branch);
      const parts = (Array.isArray(json) ? (json as unknown[]) : [json]).map((part) => [typeName(part), part] as const);
      if (parts.some(([name]) => taken.has(name))) this.#defined.length = before;
      else for (const [name, part] of parts) taken.set(name, part);
    }
    return [...taken.values()];
  }
}

function typeName(json: unknown): string {
  if (typeof json === 'string') return json;
  const { type, name, namespace } = json as {
    type: string;
    name?: string;
    namespace?: string;
  };
  if (name === undefined) return type;
  return namespace === undefined ? name : `${namespace}.${name}`;
}

/** A default for the types where one is easily said. */
function defaultOf(json: unknown): { readonly json: unknown } | undefined {
  const first: unknown = Array.isArray(json) ? json[0] : json;
  switch (first) {
    case 'null':
      return { json: null };
    case 'string':
      return { json: 'fallback' };
    case 'int':
    case 'long':
      return { json: 7 };
    case 'boolean':
      return { json: true };
    default:
      return undefined;
  }
}
