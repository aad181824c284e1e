/** Random records as wire bytes, written by an encoder of our own that also writes what common encoders never do: blocks with byte lengths, several blocks. */
import fc from 'fast-check';
import type { TypeModel } from '../../libs/avro/index.ts';
import { recordIn } from './fields.ts';
import { varintBytes, writeVarint, writeVarlong } from '../../libs/base/index.ts';

/** Text of a protected field: nothing of it may be found in an output. */
export const canary = '\u{1F6A8}canary-7f3a9c51\u{1F6A8}';

/** What the values depend on. */
export interface ValueContext {
  /** Paths of fields whose texts leave no trace in the output; canaries are put there. */
  readonly hidden: ReadonlySet<string>;
}

const concat = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

function int(value: number): Uint8Array {
  const bytes = new Uint8Array(varintBytes(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

function long(value: bigint): Uint8Array {
  const bytes = new Uint8Array(10);
  return bytes.slice(0, writeVarlong(bytes, 0, value));
}

const run = (bytes: Uint8Array): Uint8Array => concat([int(bytes.length), bytes]);
const text = (value: string): Uint8Array => run(Buffer.from(value, 'utf8'));

function floating(value: number, size: 4 | 8): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (size === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return bytes;
}

const someText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 24 }),
  },
  {
    weight: 3,
    arbitrary: fc.string({
      unit: fc.constantFrom(...'王欧阳小明浙江省杭州市滨江区'),
      maxLength: 12,
    }),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 16 }) },
  {
    weight: 2,
    arbitrary: fc.string({
      unit: fc.constantFrom('a', '¢', '汉', '\u{20BB7}', '\u{10FFFF}', '\0', ''),
      maxLength: 10,
    }),
  },
  { weight: 2, arbitrary: fc.stringMatching(/^[0-9]{3}$/) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '13800005678', '11010519491231002X', 'x'.repeat(200), '汉'.repeat(2_800)),
  },
);
const wellFormed = someText.map((value) => value.toWellFormed());

const someInt = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -100, max: 40_000 }) },
  { weight: 1, arbitrary: fc.integer() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, -1, 1, 63, 64, -64, -65, 8191, 8192, 0x7fff_ffff, -0x8000_0000),
  },
);
/** Days from year 1 to 9999 are most; years outside have no four-digit form. */
const someDays = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -36_000, max: 30_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -719_162, max: 2_932_896 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-719_163, -719_162, -719_528, 2_932_896, 2_932_897, 0x7fff_ffff, -0x8000_0000, 100_000_001),
  },
);
const someLong = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: -1000n, max: 10_000_000_000n }) },
  {
    weight: 1,
    arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      0n,
      -1n,
      2n ** 31n,
      -(2n ** 31n) - 1n,
      2n ** 53n + 1n,
      -(2n ** 53n) - 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ),
  },
);
const someInstant = (perMilli: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.bigInt({
        min: -2_000_000_000_000n * perMilli,
        max: 4_000_000_000_000n * perMilli,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        0n,
        -1n,
        8_640_000_000_000_000n * perMilli,
        8_640_000_000_000_000n * perMilli + 1n,
        -8_640_000_000_000_000n * perMilli,
        -8_640_000_000_000_000n * perMilli - 1n,
        -62_135_596_800_000n * perMilli,
        2n ** 63n - 1n,
      ),
    },
  );
const someNumber = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.double({ min: -1000, max: 100_000, noNaN: true }),
  },
  { weight: 1, arbitrary: fc.double() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, 0.1, -50, 50, 1e21),
  },
);

/** Seldom a varint of more bytes than it needs, up to so many: readers take it (Avro 1.12 asks for no shortest form), writers never make it. */
function padded(varint: fc.Arbitrary<Uint8Array>, bytesMax: number): fc.Arbitrary<Uint8Array> {
  const more = fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) });
  return fc.tuple(varint, more).map(([bytes, count]) => {
    const filled = Math.min(count, bytesMax - bytes.length);
    if (filled <= 0) return bytes;
    const longer = new Uint8Array(bytes.length + filled).fill(0x80);
    longer.set(bytes);
    longer[bytes.length - 1] = (bytes.at(-1) as number) | 0x80;
    longer[longer.length - 1] = 0;
    return longer;
  });
}

/** Any bits are a floating-point number; most patterns that are not a number are never made by arithmetic. */
const orAnyBytes = (number: fc.Arbitrary<Uint8Array>, size: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 20, arbitrary: number },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ minLength: size, maxLength: size }),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(Uint8Array.of(1, 0, 0xa0, 0xff), Uint8Array.of(1, 0, 0, 0, 0, 0, 0xf4, 0x7f))
        .map((bytes) => (bytes.length === size ? bytes : new Uint8Array(size).fill(0xff))),
    },
  );

/** Most times that a record holds itself again. */
const againMax = 3;

/** The bytes of one value of the type. `above` are the records that it is in, with the path where each was met first. */
export function bytesOf(
  type: TypeModel,
  context: ValueContext,
  path = '',
  hidden = false,
  above: readonly { readonly type: TypeModel; readonly path: string }[] = [],
): fc.Arbitrary<Uint8Array> {
  const inner = (of: TypeModel, at: string, within = above): fc.Arbitrary<Uint8Array> =>
    bytesOf(of, context, at, hidden || context.hidden.has(at), within);
  const ends = (of: TypeModel): boolean => above.filter((entry) => entry.type === recordIn(of)).length >= againMax;
  switch (type.kind) {
    case 'null':
      return fc.constant(new Uint8Array());
    case 'boolean':
      return fc.boolean().map((value) => Uint8Array.of(value ? 1 : 0));
    case 'int':
      return padded((type.logicalType === 'date' ? someDays : someInt).map(int), 5);
    case 'long':
      if (type.logicalType === 'timestamp-millis') return padded(someInstant(1n).map(long), 10);
      return padded((type.logicalType === 'timestamp-micros' ? someInstant(1000n) : someLong).map(long), 10);
    case 'float':
      return orAnyBytes(
        someNumber.map((value) => floating(value, 4)),
        4,
      );
    case 'double':
      return orAnyBytes(
        someNumber.map((value) => floating(value, 8)),
        8,
      );
    case 'bytes':
      return fc.uint8Array({ maxLength: 24 }).map(run);
    case 'string':
      return hidden
        ? fc.oneof({ weight: 3, arbitrary: wellFormed }, { weight: 2, arbitrary: fc.constant(canary) }).map(text)
        : wellFormed.map(text);
    case 'fixed':
      return fc.uint8Array({ minLength: type.size, maxLength: type.size });
    case 'enum':
      return fc.nat(type.symbols.length - 1).map(int);
    case 'union': {
      const several = type.branches.filter(({ kind }) => kind !== 'null').length > 1;
      const going = type.branches.map((branch, index) => ({ branch, index })).filter(({ branch }) => !ends(branch));
      return fc.oneof(
        ...going.map(({ branch, index }) => {
          const at = several ? `${path}<${'name' in branch ? branch.name : branch.kind}>` : path;
          return {
            weight: branch.kind === 'null' ? 1 : 3,
            arbitrary: fc.tuple(padded(fc.constant(int(index)), 5), inner(branch, at)).map(concat),
          };
        }),
      );
    }
    case 'record': {
      const at = above.find((entry) => entry.type === type)?.path ?? path;
      const within = [...above, { type, path: at }];
      return fc.tuple(...type.fields.map((field) => inner(field.type, `${at}/${field.name}`, within))).map(concat);
    }
    case 'array':
      if (ends(type.items)) return fc.constant(int(0));
      return blocksOf(inner(type.items, `${path}[]`).map((bytes) => () => bytes));
    case 'map':
      if (ends(type.values)) return fc.constant(int(0));
      return blocksOf(
        fc.tuple(mapKey, inner(type.values, `${path}{}`)).map(
          ([key, bytes]) =>
            (index: number) =>
              concat([text(`${key}${keyEnds[index]}`), bytes]),
        ),
      );
  }
}

/** Keys differ within a map by their ends: Avro does not say what a key that comes twice means. */
const mapKey = fc.string({
  unit: fc.constantFrom(...'abcdefgh汉', '\u{20BB7}'),
  maxLength: 8,
});
const keyEnds = 'klmnop';

/** One block, or several; plain, or with a negative count and the length in bytes. Both forms are legal (Avro 1.12, "Arrays"). */
function blocksOf(item: fc.Arbitrary<(index: number) => Uint8Array>): fc.Arbitrary<Uint8Array> {
  const oneBlock = fc.constant<readonly (readonly [number, boolean])[]>([]);
  const blocks = fc.array(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.boolean()), { minLength: 1, maxLength: keyEnds.length });
  return fc
    .tuple(
      fc.array(item, { maxLength: keyEnds.length }),
      fc.oneof({ weight: 4, arbitrary: oneBlock }, { weight: 1, arbitrary: blocks }),
    )
    .map(([makers, layout]) => {
      const items = makers.map((make, index) => make(index));
      const parts: Uint8Array[] = [];
      for (const [size, sized] of layout) {
        const taken = items.splice(0, size);
        if (taken.length > 0) parts.push(block(taken, sized));
      }
      if (items.length > 0) parts.push(block(items, false));
      return concat([...parts, int(0)]);
    });
}

function block(items: readonly Uint8Array[], sized: boolean): Uint8Array {
  const body = concat(items);
  return sized ? concat([int(-items.length), int(body.length), body]) : concat([int(items.length), body]);
}
