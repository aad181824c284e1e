/** `sluice explain`: what a policy does to each field of a schema, compiled here, before anything leaves. */
import { ok } from '../../../libs/base/index.ts';
import type { ExplainRow } from '../../../libs/govern/index.ts';
import { explainTerms } from '../../../libs/odrl/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';
import { compileFiles } from '../compile-files.ts';
import { table } from '../table.ts';

export const explain: Command = {
  name: 'explain',
  summary: 'prints what a policy does to each field of a schema',
  usage: '--policy <file> --schema <file> [--compacted yes] [--json yes]',
  help: [
    'Compiles the policy (ODRL, YAML or JSON) against the Avro schema as approving an agreement does, and prints a row for each field and',
    'channel. Asks no server. With --compacted yes: as of a compacted feed, whose withheld rows leave as deletes. With --json yes: the rows,',
    'the governed schema and the Program hash as JSON.',
  ].join('\n'),
  async run(args, { write }) {
    const options = readOptions(args, ['policy', 'schema'], ['compacted', 'json']);
    if (!options.ok) return options;
    const compiled = await compileFiles(options.value.policy, options.value.schema, options.value.compacted);
    if (!compiled.ok) return compiled;
    const { terms, program } = compiled.value;
    const { hash, governedSchema } = program;
    const rows = program.explain();
    if (options.value.json !== undefined) {
      write(
        JSON.stringify(
          {
            agreement: terms.agreement,
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
    const { agreement, dataset, assigner, assignee } = terms;
    write(`${agreement}: ${dataset}, from ${assigner} to ${assignee}`);
    for (const { term, enforcement } of explainTerms(terms)) write(`${term}: ${enforcement}`);
    write(`Program ${hash}`);
    write('');
    for (const line of table(titles, rows.map(cells))) write(line);
    return ok(undefined);
  },
};

const titles = ['Field', 'Stage', 'What happens', 'Reversible', 'Length shows', 'Lost', 'Standard', 'Why'];

function cells({ field, stage, happens, lengthLeaked, reversible, informationLost, clause, why }: ExplainRow): string[] {
  const length = lengthLeaked || reversible === 'yes' ? 'yes' : 'no';
  return [field, stage, happens, reversible, length, informationLost, clause, why];
}
