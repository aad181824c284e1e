/** `npm run bench`: measures on this machine. Its exit code is 0, 1 for work that is not equal or not as described, 2 for wrong arguments. */
import { parseArgs } from 'node:util';
import { benchProgram } from './bench-program.ts';
import { json, markdown, table } from './report.ts';

const help = `npm run bench -- program [--seconds N] [--json | --markdown]

  program       Programs (each engine there is) against careful avsc: workloads P0 to P4 and W2, and record batches
  --seconds N   measured time of a workload, 1 to 600, default 10
  --json        one JSON object as the last line
  --markdown    the table as Markdown
  --help        this text`;

process.exitCode = main(process.argv.slice(2));

function main(given: string[]): number {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(given);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  if (parsed.help) {
    console.log(help);
    return 0;
  }
  try {
    const report = benchProgram({ seconds: parsed.seconds, progress: (text) => console.error(text) });
    if (parsed.json) console.log(json(report));
    else console.log(parsed.markdown ? markdown(report) : table(report));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
}

function parse(given: string[]): { seconds: number; json: boolean; markdown: boolean; help: boolean } {
  const { values, positionals } = parseArgs({
    args: given,
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= 1 && seconds <= 600)) throw new Error('--seconds takes a number from 1 to 600.');
  if (values.json && values.markdown) throw new Error('Take one of --json and --markdown.');
  const [bench, ...more] = positionals;
  if (!values.help && (bench !== 'program' || more.length > 0)) throw new Error('There is one bench: program.');
  return { ...values, seconds };
}
