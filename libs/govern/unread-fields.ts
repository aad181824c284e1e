/** Fields of a writer's schema that nothing reads under a contract: somebody has to say that they are left out on purpose. */
import type { AvroSchema, RecordModel, TypeModel } from '../avro/index.ts';
import { matches, writerField } from '../avro/index.ts';
import { withoutNull } from './fields.ts';

/** Paths in the writer's schema, each record type looked into once. */
export function unreadFields(contract: AvroSchema, writer: AvroSchema): string[] {
  const seen = new Set<TypeModel>();
  const inRecord = (reader: RecordModel, source: RecordModel, path: string): string[] => {
    if (seen.has(source)) return [];
    seen.add(source);
    return source.fields.flatMap((field) => {
      const below = `${path}/${field.name}`;
      const counterpart = reader.fields.find((candidate) => writerField(source, candidate) === field);
      return counterpart === undefined ? [below] : inType(counterpart.type, field.type, below);
    });
  };
  const inType = (reader: TypeModel, source: TypeModel, path: string): string[] => {
    const [to, from] = [withoutNull(reader).type, withoutNull(source).type];
    if (to.kind === 'record' && from.kind === 'record') return inRecord(to, from, path);
    if (to.kind === 'array' && from.kind === 'array') return inType(to.items, from.items, `${path}[]`);
    if (to.kind === 'map' && from.kind === 'map') return inType(to.values, from.values, `${path}{}`);
    if (to.kind !== 'union' || from.kind !== 'union') return [];
    return from.branches.flatMap((branch) => {
      const counterpart = to.branches.find((candidate) => matches(branch, candidate));
      return counterpart === undefined ? [] : inType(counterpart, branch, path);
    });
  };
  return inType(contract.root, writer.root, '');
}
