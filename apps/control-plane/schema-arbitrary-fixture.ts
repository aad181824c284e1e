/** Values of a JSON Schema for fast-check, and hostile ones in their places now and then. */
import fc from 'fast-check';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** How likely a place holds something that the schema does not have, one in so many. */
const hostileOneIn = 12;
const depthMax = 6;

const deep = (levels: number): unknown => {
  let value: unknown = 'x';
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

const hostile = fc.constantFrom<unknown>(
  null,
  true,
  -1,
  0.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '',
  ' ',
  '\0',
  'a\u202Eb\u200D',
  'р-homoglyph',
  "'; DROP TABLE participant; --",
  '../../etc/passwd',
  '${jndi:ldap://x}',
  'x'.repeat(10_000),
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {}}}'),
  [],
  {},
  deep(40),
  deep(400),
);

/** `components` resolves `#/components/schemas/…`. */
export function arbitraryOf(
  schema: JsonSchema,
  components: Readonly<Record<string, JsonSchema>>,
  depth = 0,
): fc.Arbitrary<unknown> {
  const plain = plainOf(schema, components, depth);
  return fc.oneof({ weight: hostileOneIn - 1, arbitrary: plain }, { weight: 1, arbitrary: hostile });
}

function plainOf(schema: JsonSchema, components: Readonly<Record<string, JsonSchema>>, depth: number): fc.Arbitrary<unknown> {
  const inner = (one: unknown): fc.Arbitrary<unknown> => arbitraryOf(one as JsonSchema, components, depth + 1);
  if (typeof schema['$ref'] === 'string')
    return plainOf(components[schema['$ref'].split('/').at(-1) ?? ''] ?? {}, components, depth);
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom<unknown>(...(schema['enum'] as unknown[]));
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) return fc.oneof(...choices.map(inner));
  if (depth > depthMax) return fc.constant(null);
  switch (schema['type']) {
    case 'object':
      return objectOf(schema, inner);
    case 'array':
      return fc.array(inner(schema['items'] ?? {}), { maxLength: 4 });
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer({
        min: Number(schema['minimum'] ?? -5),
        max: Math.min(Number(schema['maximum'] ?? 1_000), 2_147_483_647),
      });
    case 'number':
      return fc.double({ noNaN: true, min: -10, max: 1_000 });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

function objectOf(schema: JsonSchema, inner: (one: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, unknown>);
  if (properties.length === 0) return fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
  const required = (schema['required'] ?? []) as string[];
  return fc.record(Object.fromEntries(properties.map(([name, one]) => [name, inner(one)])), { requiredKeys: required });
}

function textOf(schema: JsonSchema): fc.Arbitrary<string> {
  if (schema['format'] === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (schema['format'] === 'uri') return fc.webUrl();
  if (typeof schema['pattern'] === 'string') {
    try {
      return fc.stringMatching(new RegExp(schema['pattern'], 'u'));
    } catch {
      return fc.string();
    }
  }
  return fc.string({ maxLength: Math.min(Number(schema['maxLength'] ?? 30), 200), unit: 'grapheme' });
}
