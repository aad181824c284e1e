/** Random row conditions in the part of CEL that is compiled. */
import fc from 'fast-check';
import type { NamedField } from './fields.ts';
import { plainType } from './fields.ts';

/** A condition over the fields, or '' where none can stand in one. */
export function conditionOn(fields: readonly NamedField[]): fc.Arbitrary<string> {
  const atoms = fields.flatMap((field) => {
    const made = atomOn(field);
    return made === undefined ? [] : [made];
  });
  if (atoms.length === 0) return fc.constant('');
  return fc.letrec<{ condition: string; atom: string }>((tie) => ({
    atom: fc.oneof(...atoms),
    condition: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 4, arbitrary: tie('atom') },
      {
        weight: 3,
        arbitrary: fc
          .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
          .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      },
      { weight: 1, arbitrary: tie('condition').map((inner) => `!(${inner})`) },
    ),
  })).condition;
}

function atomOn({ path, type }: NamedField): fc.Arbitrary<string> | undefined {
  const name = path.slice(1).replaceAll('/', '.');
  const nullable = type.kind === 'union' && type.branches.some(({ kind }) => kind === 'null');
  const plain = plainType(type);
  const isNull = fc.constantFrom(`${name} == null`, `${name} != null`, `null != ${name}`);
  const withNull = (atom: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    nullable ? fc.oneof({ weight: 3, arbitrary: atom }, { weight: 1, arbitrary: isNull }) : atom;
  switch (plain.kind) {
    case 'string':
      return withNull(
        fc.oneof(
          compared(name, textLiteral, ['==', '!=', '<', '<=', '>', '>=']),
          listed(name, textLiteral),
          fc
            .tuple(fc.constantFrom('startsWith', 'endsWith', 'contains'), textLiteral)
            .map(([test, literal]) => `${name}.${test}(${literal})`),
        ),
      );
    case 'enum': {
      const symbol = fc.constantFrom(...plain.symbols.map((text) => JSON.stringify(text)));
      return withNull(fc.oneof(compared(name, symbol, ['==', '!=']), listed(name, symbol)));
    }
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return withNull(fc.oneof(compared(name, numberLiteral, ['==', '!=', '<', '<=', '>', '>=']), listed(name, numberLiteral)));
    case 'boolean':
      return withNull(fc.oneof(fc.constant(name), compared(name, fc.constantFrom('true', 'false'), ['==', '!='])));
    default:
      return undefined;
  }
}

const turned: Readonly<Record<string, string>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function compared(name: string, literal: fc.Arbitrary<string>, operators: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...operators), literal, fc.boolean())
    .map(([operator, value, swapped]) => (swapped ? `${value} ${turned[operator]} ${name}` : `${name} ${operator} ${value}`));
}

const listed = (name: string, literal: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(literal, { maxLength: 4 }).map((items) => `${name} in [${items.join(', ')}]`);

const textLiteral = fc
  .oneof(fc.constantFrom('', 'a', '王', '\u{20BB7}', '1', 'x'), fc.string({ unit: 'grapheme-ascii', maxLength: 3 }))
  .map((text) => JSON.stringify(text));

const numberLiteral = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -200, max: 50_000 }).map(String) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: -2000, max: 200_000 }).map((value) => (value / 4).toFixed(2)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '9007199254740993',
      '9223372036854775807',
      '-9223372036854775807',
      '2147483648',
      '-0.0',
      '0.1',
      '1e300',
      '9007199254740993.0',
    ),
  },
);
