/** Random later (or earlier) versions of a schema, as the writer of records under a contract may have them: most can be read, some cannot. */
import fc from 'fast-check';
import type { AvroSchema, EnumModel, FieldModel, RecordModel, TypeModel } from '../../libs/avro/index.ts';
import { renderSchema } from '../../libs/avro/index.ts';
import { reaches } from './fields.ts';

/** Undefined where nothing changed, or where what came out is no schema. */
export function evolved(contract: AvroSchema): fc.Arbitrary<AvroSchema | undefined> {
  return fc.nat(0x7fff_ffff).map((seed) => {
    const rendered = renderSchema(new Evolution(seed).type(contract.root));
    return rendered.ok && rendered.value.text !== contract.text ? rendered.value : undefined;
  });
}

/** Kinds that a value may have been written as. */
const narrower: Readonly<Record<string, readonly TypeModel['kind'][]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
};

class Evolution {
  #state: number;
  readonly #named = new Map<TypeModel, TypeModel>();
  readonly #above: RecordModel[] = [];

  constructor(seed: number) {
    this.#state = seed;
  }

  type(type: TypeModel): TypeModel {
    switch (type.kind) {
      case 'record':
        return this.#record(type);
      case 'enum':
        return this.#known(type, () => this.#enum(type));
      case 'array':
        return { kind: 'array', items: this.type(type.items) };
      case 'map':
        return { kind: 'map', values: this.type(type.values) };
      case 'union': {
        const branches = type.branches.map((branch) => this.type(branch));
        // What ends a record that holds itself again stays.
        if (reaches(type, this.#above)) return { kind: 'union', branches };
        if (this.#oneIn(8) && branches.length > 1) branches.splice(this.#below(branches.length), 1);
        if (this.#oneIn(6)) branches.reverse();
        const [only] = branches;
        return branches.length === 1 && only !== undefined && this.#oneIn(2) ? only : { kind: 'union', branches };
      }
      case 'fixed':
        return type;
      default: {
        const kinds = type.logicalType === undefined ? narrower[type.kind] : undefined;
        if (kinds !== undefined && this.#oneIn(6)) return { kind: kinds[this.#below(kinds.length)] } as TypeModel;
        return type.kind !== 'null' && this.#oneIn(40) ? { kind: 'union', branches: [{ kind: 'null' }, type] } : type;
      }
    }
  }

  #record(record: RecordModel): TypeModel {
    const known = this.#named.get(record);
    if (known !== undefined) return known;
    const fields: FieldModel[] = [];
    const made: RecordModel = { kind: 'record', name: record.name, fields };
    this.#named.set(record, made);
    this.#above.push(record);
    for (const { default: _, ...field } of record.fields) {
      const type = this.type(field.type);
      if (_ !== undefined && this.#oneIn(5)) continue;
      if (this.#oneIn(10))
        fields.push({
          ...field,
          name: `was_${field.name}`,
          aliases: [field.name],
          type,
        });
      else fields.push({ ...field, type });
    }
    this.#above.pop();
    if (this.#oneIn(4))
      fields.splice(this.#below(fields.length + 1), 0, {
        name: 'added',
        type: { kind: 'string' },
      });
    if (this.#oneIn(3)) fields.reverse();
    return made;
  }

  #enum({ name, symbols, default: fallback }: EnumModel): EnumModel {
    const own = [...symbols];
    if (this.#oneIn(3)) own.push('later');
    if (this.#oneIn(3)) own.reverse();
    if (own.length > 1 && this.#oneIn(4)) own.pop();
    return {
      kind: 'enum',
      name,
      symbols: own,
      ...(fallback !== undefined && own.includes(fallback) ? { default: fallback } : {}),
    };
  }

  #known(type: TypeModel, make: () => TypeModel): TypeModel {
    const known = this.#named.get(type) ?? make();
    this.#named.set(type, known);
    return known;
  }

  #oneIn(count: number): boolean {
    return this.#below(count) === 0;
  }

  /** Park and Miller's minimal standard generator. */
  #below(count: number): number {
    this.#state = (this.#state * 48_271 + 11) % 0x7fff_ffff;
    return Math.floor((this.#state / 0x7fff_ffff) * count);
  }
}
