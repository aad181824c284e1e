/** The things that a directory describes: YAML documents, in any number of files. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Result } from '../../../libs/base/index.ts';
import { fail, limits, ok, parseId } from '../../../libs/base/index.ts';

const filesMax = 5_000;
const fileBytesMax = 2 * 1024 * 1024;
const aliasesMax = 100;

const id = z.string().refine((text) => parseId('id', text).ok, 'must be 1 to 64 characters of a-z, 0-9 and inner hyphens');
const members = z.record(z.string(), z.unknown());

const manifest = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('Participant'), id, state: z.enum(['active', 'suspended']).default('active'), spec: members }),
  /** `schemaFile` is the path of an Avro schema, from the manifest's own directory. */
  z.strictObject({ kind: z.literal('Dataset'), id, schemaFile: z.string().optional(), spec: members }),
  z.strictObject({ kind: z.literal('Right'), dataset: id, right: z.enum(['holder', 'processor', 'operator']), spec: members }),
  z.strictObject({ kind: z.literal('Baseline'), dataset: id, policy: members }),
  z.strictObject({ kind: z.literal('Offer'), id, withdrawn: z.boolean().default(false), policy: members }),
]);

export type Manifest = z.infer<typeof manifest> & { readonly file: string };

/** What applies first: what others refer to. */
const order: readonly Manifest['kind'][] = ['Participant', 'Dataset', 'Right', 'Baseline', 'Offer'];

export const titleOf = (one: Manifest): string => {
  switch (one.kind) {
    case 'Right':
      return `Right ${one.dataset}/${one.right}`;
    case 'Baseline':
      return `Baseline ${one.dataset}`;
    default:
      return `${one.kind} ${one.id}`;
  }
};

/** Every `*.yaml` and `*.yml` below the directory, or the one file. Fails with `request-invalid`, naming file and place; two documents of one thing fail. */
export async function readManifests(place: string): Promise<Result<Manifest[]>> {
  const files = await filesOf(place);
  if (!files.ok) return files;
  const all: Manifest[] = [];
  const seen = new Map<string, string>();
  for (const file of files.value) {
    const read = await readFileManifests(file);
    if (!read.ok) return read;
    for (const one of read.value) {
      const earlier = seen.get(titleOf(one));
      if (earlier !== undefined)
        return fail('request-invalid', `${titleOf(one)} is described twice: in ${earlier} and in ${file}`);
      seen.set(titleOf(one), file);
      all.push(one);
    }
  }
  if (all.length === 0) return fail('not-found', `there is no YAML document in ${place}`);
  return ok(all.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (titleOf(a) < titleOf(b) ? -1 : 1)));
}

async function filesOf(place: string): Promise<Result<string[]>> {
  try {
    if ((await stat(place)).isFile()) return ok([place]);
    const names = await readdir(place, { recursive: true });
    const files = names.filter((name) => /\.ya?ml$/.test(name) && !/(?:^|\/)\./.test(name)).toSorted();
    return files.length > filesMax
      ? fail('request-invalid', `${place} has more than ${filesMax} files`)
      : ok(files.map((name) => path.join(place, name)));
  } catch {
    return fail('not-found', `${place} cannot be read`);
  }
}

async function readFileManifests(file: string): Promise<Result<Manifest[]>> {
  const text = await readText(file);
  if (!text.ok) return text;
  const found: Manifest[] = [];
  for (const [index, document] of parseAllDocuments(text.value, { uniqueKeys: true }).entries()) {
    const [problem] = document.errors;
    if (problem !== undefined) return fail('request-invalid', `${file}: ${problem.message.split('\n')[0] ?? 'it is not YAML'}`);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: aliasesMax });
    } catch {
      return fail('request-invalid', `${file}: document ${index + 1} cannot be read`);
    }
    if (value === null) continue;
    const parsed = manifest.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const at = `/${(issue?.path ?? []).map(String).join('/')}`;
      return fail('request-invalid', `${file}: document ${index + 1}: ${at}: ${issue?.message ?? 'malformed'}`);
    }
    const whole = await withSchema(parsed.data, file);
    if (!whole.ok) return whole;
    found.push(whole.value);
  }
  return ok(found);
}

async function withSchema(one: z.infer<typeof manifest>, file: string): Promise<Result<Manifest>> {
  if (one.kind !== 'Dataset' || one.schemaFile === undefined) return ok({ ...one, file });
  const schema = await readText(path.resolve(path.dirname(file), one.schemaFile));
  if (!schema.ok) return schema;
  if (schema.value.length > limits.schemaBytesMax) return fail('request-invalid', `${file}: the schema is too large`);
  return ok({ ...one, spec: { ...one.spec, schema: schema.value }, file });
}

async function readText(file: string): Promise<Result<string>> {
  try {
    if ((await stat(file)).size > fileBytesMax) return fail('request-invalid', `${file} is larger than ${fileBytesMax} bytes`);
    return ok(await readFile(file, 'utf8'));
  } catch {
    return fail('not-found', `the file ${file} cannot be read`);
  }
}
