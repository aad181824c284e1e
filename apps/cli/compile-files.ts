/** Reads a policy and a schema from files and compiles them as approving an agreement does. Asks no server. */
import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { parseSchema } from '../../libs/avro/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { compile } from '../../libs/govern/index.ts';
import type { AgreementTerms } from '../../libs/odrl/index.ts';
import { parsePolicy } from '../../libs/odrl/index.ts';
import { stages } from '../../libs/stages/index.ts';

export interface CompiledFiles {
  readonly terms: AgreementTerms;
  readonly program: Program;
}

/** `compacted` says whether the feed is: yes or no, no unless given. */
export async function compileFiles(
  policyFile: string,
  schemaFile: string,
  compacted: string | undefined,
): Promise<Result<CompiledFiles>> {
  if (compacted !== undefined && !['yes', 'no'].includes(compacted))
    return fail('request-invalid', '--compacted takes yes or no');
  const policyText = await readText(policyFile);
  if (!policyText.ok) return policyText;
  const schemaText = await readText(schemaFile);
  if (!schemaText.ok) return schemaText;
  const policy = parseText(policyFile, policyText.value);
  if (!policy.ok) return policy;
  const terms = parsePolicy(policy.value);
  if (!terms.ok) return terms;
  const schema = parseSchema(schemaText.value);
  if (!schema.ok) return schema;
  const program = compile({ schema: schema.value, terms: terms.value, stages, compacted: compacted === 'yes' });
  return program.ok ? ok({ terms: terms.value, program: program.value }) : program;
}

export async function readText(file: string): Promise<Result<string>> {
  try {
    return ok(await readFile(file, 'utf8'));
  } catch {
    return fail('not-found', `the file ${file} cannot be read`);
  }
}

function parseText(file: string, text: string): Result<unknown> {
  try {
    return ok(parseYaml(text) as unknown);
  } catch {
    return fail('policy-invalid', `the file ${file} is neither YAML nor JSON`);
  }
}
