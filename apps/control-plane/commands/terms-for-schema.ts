/** The part of a policy that is about the fields of one writer schema. */
import type { AvroSchema } from '../../../libs/avro/index.ts';
import type { PolicyTerms } from '../../../libs/odrl/index.ts';

/**
 * Leaves out what the policy says of fields that the schema does not have: so a policy names a new field before the schema that brings it,
 * and an old one after the schema that drops it. Nothing gets out by this, because every field that is there must still be named. A name
 * that overlaps another rule, or that leads into what is not a record, stays, so that the compiler refuses it.
 */
export function termsForSchema<T extends Pick<PolicyTerms, 'rules'>>(terms: T, schema: AvroSchema): T {
  const absent = new Set(absentFields(terms, schema));
  const rules = terms.rules.flatMap((rule) => {
    const at = rule.at.filter((path) => !absent.has(path));
    return rule.at.length > 0 && at.length === 0 ? [] : [{ ...rule, at }];
  });
  return { ...terms, rules };
}

/** The paths that `termsForSchema` leaves out. */
export function absentFields(terms: Pick<PolicyTerms, 'rules'>, schema: AvroSchema): string[] {
  // Only a plain path can be about a field that another schema has; an address of another form is the compiler's to judge.
  const named = terms.rules.flatMap(({ at }) => at).filter((path) => /^(?:\/\w+)+$/.test(path));
  return named.filter((path, index) => {
    const overlaps = named.some(
      (other, at) => at !== index && (`${other}/`.startsWith(`${path}/`) || path.startsWith(`${other}/`)),
    );
    return !overlaps && isAbsent(schema, path.split('/').slice(1));
  });
}

function isAbsent(schema: AvroSchema, names: readonly string[]): boolean {
  let type = schema.root;
  for (const name of names) {
    if (type.kind !== 'record') return false;
    const field = type.fields.find((candidate) => candidate.name === name);
    if (field === undefined) return true;
    type = field.type;
  }
  return false;
}
