/** `sluice plan`: what compiling a policy against a schema gives: the Program's hash, what it needs, and the schema that leaves. */
import { ok } from '../../../libs/base/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';
import { compileFiles } from '../compile-files.ts';

export const plan: Command = {
  name: 'plan',
  summary: 'compiles a policy against a schema and prints what would be approved',
  usage: '--policy <file> --schema <file> [--compacted yes] [--json yes]',
  help: [
    'Compiles the policy (ODRL, YAML or JSON) against the Avro schema as approving an agreement does, and prints the Program hash, the',
    'keys that it needs, the size of its module, and the governed schema. Asks no server. With --compacted yes: as of a compacted feed, whose',
    'key has to stay or to be a token. With --json yes: the manifest and the schema.',
  ].join('\n'),
  async run(args, { write }) {
    const options = readOptions(args, ['policy', 'schema'], ['compacted', 'json']);
    if (!options.ok) return options;
    const compiled = await compileFiles(options.value.policy, options.value.schema, options.value.compacted);
    if (!compiled.ok) return compiled;
    const { terms, program } = compiled.value;
    const governedSchema = JSON.parse(program.governedSchema.text) as unknown;
    if (options.value.json !== undefined) {
      const manifest = JSON.parse(program.manifest) as unknown;
      write(JSON.stringify({ agreement: terms.agreement, programHash: program.hash, manifest, governedSchema }, null, 2));
      return ok(undefined);
    }
    write(`Program   ${program.hash}`);
    write(`module    ${program.module?.length ?? 0} bytes, which import their memory and nothing else`);
    write(`keys      ${program.needs.length === 0 ? 'none' : program.needs.map(({ label }) => label).join(', ')}`);
    write('');
    write('The schema that leaves:');
    for (const line of JSON.stringify(governedSchema, null, 2).split('\n')) write(line);
    return ok(undefined);
  },
};
