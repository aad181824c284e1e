/**
 * Addresses of values in a schema. A path names fields, and goes into items, values and branches: `/orders[]/buyer/phone`, `/attrs{}/value`,
 * `/contact<cn.Phone>/number`. The null of an optional value is passed through. `type:cn.Phone/number` and `tag:direct-identifier` stand for
 * every path that leads to a value of the type or a field with the tag. A type that contains itself has its paths once: below the first place
 * of such a type a rule holds at every depth.
 */
import type { Result } from '../base/index.ts';
import { fail, limits, ok } from '../base/index.ts';
import type { AvroSchema, RecordModel, TypeModel } from '../avro/index.ts';
import { branchName } from '../avro/index.ts';
import { withoutNull } from './fields.ts';

/** A value's place: its path, type and classification tags. */
export interface Place {
  readonly path: string;
  readonly type: TypeModel;
  readonly tags: readonly string[];
  /** Whether this is the key of a map, which is a text beside the values. */
  readonly isMapKey: boolean;
  /** Whether this is a field of a record, which can be dropped. */
  readonly isField: boolean;
}

const keyType: TypeModel = { kind: 'string' };

/** The places one step below a value of the type at `path`. */
export function placesIn(type: TypeModel, path: string): readonly Place[] {
  switch (type.kind) {
    case 'record':
      return type.fields.map((field) => ({
        ...place(`${path}/${field.name}`, field.type, field.tags),
        isField: true,
      }));
    case 'array':
      return [place(`${path}[]`, type.items)];
    case 'map':
      return [
        {
          path: `${path}{key}`,
          type: keyType,
          tags: [],
          isMapKey: true,
          isField: false,
        },
        place(`${path}{}`, type.values),
      ];
    case 'union': {
      const rest = type.branches.filter(({ kind }) => kind !== 'null');
      const [only] = rest;
      if (rest.length === 1 && only !== undefined) return placesIn(only, path);
      return rest.map((branch) => place(`${path}<${branchName(branch)}>`, branch));
    }
    default:
      return [];
  }
}

const place = (path: string, type: TypeModel, tags: readonly string[] = []): Place => ({
  path,
  type,
  tags,
  isMapKey: false,
  isField: false,
});

/** Whether `path` leads to a place below `above`. */
export const isBelow = (path: string, above: string): boolean =>
  path.length > above.length && path.startsWith(above) && '/[{<'.includes(path.charAt(above.length));

/** The record that a value of the type is, the null of an optional one left out. */
export function recordOf(type: TypeModel): RecordModel | undefined {
  const plain = withoutNull(type).type;
  return plain.kind === 'record' ? plain : undefined;
}

/** The place that a path leads to, or why it leads to none. */
export function placeAt(schema: AvroSchema, path: string): Result<Place> {
  let here: Place = place('', schema.root);
  const above: RecordModel[] = [];
  while (here.path !== path) {
    const record = recordOf(here.type);
    if (record !== undefined) {
      if (above.includes(record))
        return fail(
          'plan-invalid',
          `field ${path}: ${record.name} contains itself, so what is below ${here.path} is named where the type is met first and holds at every depth`,
          path,
        );
      above.push(record);
    }
    const next = placesIn(here.type, here.path).find((below) => below.path === path || isBelow(path, below.path));
    if (next === undefined) return fail('plan-invalid', `field ${path}: the schema has no such field`, path);
    here = next;
  }
  return ok(here);
}

/** The places that a rule's address stands for; at least one. Fails with `plan-invalid`. */
export function resolveAddress(schema: AvroSchema, address: string): Result<readonly Place[]> {
  if (address.startsWith('/')) {
    const found = placeAt(schema, address);
    return found.ok ? ok([found.value]) : found;
  }
  if (!/^(type|tag):/.test(address))
    return fail('plan-invalid', `${address}: a path begins with /, and otherwise type: or tag: is expected`, address);
  const every = allPlaces(schema);
  if (!every.ok) return every;
  if (address.startsWith('tag:')) {
    const tag = address.slice('tag:'.length);
    const tagged = outermost(every.value.filter(({ tags }) => tags.includes(tag)));
    return tagged.length > 0 ? ok(tagged) : fail('plan-invalid', `${address}: no field of the schema has this tag`, address);
  }
  const slash = address.indexOf('/');
  const name = address.slice('type:'.length, slash < 0 ? undefined : slash);
  const rest = slash < 0 ? '' : address.slice(slash);
  const typed = every.value.filter(({ type, isMapKey }) => !isMapKey && isOfType(type, name));
  const targets = rest === '' ? outermost(typed) : typed;
  if (targets.length === 0) return fail('plan-invalid', `${address}: no field of the schema is of this type`, address);
  const found: Place[] = [];
  for (const { path } of targets) {
    const below = placeAt(schema, `${path}${rest}`);
    if (!below.ok) return below;
    found.push(below.value);
  }
  return ok(found);
}

/** A named type by its full name, any other by its kind or its logical type. */
function isOfType(type: TypeModel, name: string): boolean {
  const { type: plain } = withoutNull(type);
  if ('name' in plain) return plain.name === name || ('logicalType' in plain && plain.logicalType === name);
  return plain.kind === name || ('logicalType' in plain && plain.logicalType === name);
}

const outermost = (places: readonly Place[]): Place[] =>
  places.filter(({ path }) => !places.some((other) => isBelow(path, other.path)));

/** Every place that a path can name, in the order of the schema. */
function allPlaces(schema: AvroSchema): Result<readonly Place[]> {
  const found: Place[] = [];
  const walk = (type: TypeModel, path: string, above: readonly RecordModel[]): boolean => {
    const record = recordOf(type);
    if (record !== undefined && above.includes(record)) return true;
    const inside = record === undefined ? above : [...above, record];
    return placesIn(type, path).every((below) => {
      found.push(below);
      return found.length <= limits.schemaFieldsMax && walk(below.type, below.path, inside);
    });
  };
  return walk(schema.root, '', [])
    ? ok(found)
    : fail('plan-invalid', `the schema has more than ${limits.schemaFieldsMax} places, too many to find some by type or tag`);
}
