/** `sluice explain`: what a policy does to each field of a schema, compiled here, before anything leaves. */
import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { ExplainRow } from '../../../libs/govern/index.ts';
import { compile } from '../../../libs/govern/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { stages } from '../../../libs/stages/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';
import { table } from '../table.ts';

export const explain: Command = {
  name: 'explain',
  summary: 'prints what a policy does to each field of a schema',
  usage: '--policy <file> --schema <file> [--json yes]',
  help: [
    'Compiles the policy (ODRL, YAML or JSON) against the Avro schema as approving an agreement does, and prints a row for each field and',
    'channel. Asks no server. With --json yes: the rows, the governed schema and the Program hash as JSON.',
  ].join('\n'),
  async run(args, { write }) {
    const options = readOptions(args, ['policy', 'schema'], ['json']);
    if (!options.ok) return options;
    const policyText = await readText(options.value.policy);
    if (!policyText.ok) return policyText;
    const schemaText = await readText(options.value.schema);
    if (!schemaText.ok) return schemaText;
    const policy = parseText(options.value.policy, policyText.value);
    if (!policy.ok) return policy;
    const terms = parsePolicy(policy.value);
    if (!terms.ok) return terms;
    const schema = parseSchema(schemaText.value);
    if (!schema.ok) return schema;
    const program = compile({ schema: schema.value, terms: terms.value, stages });
    if (!program.ok) return program;
    const { hash, governedSchema } = program.value;
    const rows = program.value.explain();
    if (options.value.json !== undefined) {
      write(
        JSON.stringify(
          {
            agreement: terms.value.agreement,
            programHash: hash,
            rows,
            governedSchema: JSON.parse(governedSchema.text) as unknown,
          },
          null,
          2,
        ),
      );
      return ok(undefined);
    }
    const { agreement, dataset, assigner, assignee, constraints } = terms.value;
    write(`${agreement}: ${dataset}, from ${assigner} to ${assignee}`);
    for (const { leftOperand, operator, rightOperand } of constraints)
      write(`${leftOperand} ${operator} ${rightOperand}: by contract, not by Sluice`);
    write(`Program ${hash}`);
    write('');
    for (const line of table(['Field', 'Stage', 'What happens', 'Reversible', 'Lost'], rows.map(cells))) write(line);
    return ok(undefined);
  },
};

function cells({ field, stage, happens, lengthLeaked, reversible, informationLost }: ExplainRow): string[] {
  return [
    field,
    stage,
    lengthLeaked && reversible !== 'yes' ? `${happens} (its length shows)` : happens,
    reversible,
    informationLost,
  ];
}

async function readText(file: string): Promise<Result<string>> {
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
