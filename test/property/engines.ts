/** The engines under comparison: the reference interpreter, which is the oracle, and the one that emits WebAssembly. */
import type { AvroSchema } from '../../libs/avro/index.ts';
import { parseSchema } from '../../libs/avro/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { BoundProgram, Program } from '../../libs/govern/index.ts';
import { compile, instantiate } from '../../libs/govern/index.ts';
import { stages } from '../../libs/stages/index.ts';
import type { PolicyTerms } from './policy-arbitrary.ts';

export type EngineName = 'reference' | 'wasm';

export const governedSchemaId = 0x0102_0304;
const binding = {
  governedSchemaId,
  datasetId: 'property',
  dataKey: new Uint8Array(32).fill(7),
};

export function compileWith(
  engine: EngineName,
  schema: AvroSchema,
  terms: PolicyTerms,
  writer: AvroSchema = schema,
): Result<Program> {
  const input = { schema, writer, terms, stages, engine };
  return compile(input);
}

/** Binds a Program with the keys of all cases; one with a module as the data plane gets it, by its manifest and the module's bytes. */
export function bound({ hash, manifest, module, ...program }: Program): BoundProgram {
  if (module === undefined) return unwrap(program.bind(binding));
  const approved = {
    manifest,
    programHash: hash,
    module: Buffer.from(module).toString('base64'),
  };
  return unwrap(unwrap(instantiate(approved, stages)).bind(binding));
}

/** Whether `compile` knows the engine: an unknown option changes nothing, so the manifest tells. */
export function engineExists(engine: EngineName): boolean {
  const schema = unwrap(parseSchema('{"type":"record","name":"R","fields":[{"name":"f","type":"string"}]}'));
  const rules = [{ stage: 'keep', at: ['/f'], with: {}, else: 'refuse' as const }];
  const program = unwrap(
    compileWith(engine, schema, {
      rules,
      channels: { key: 'drop', timestamp: 'keep' },
    }),
  );
  return engine === 'reference' || (JSON.parse(program.manifest) as { engine?: string }).engine !== 'reference';
}
