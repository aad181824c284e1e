/** `npm run bench`: measures on this machine. Its exit code is 0, 1 for work that is not equal or not as described, 2 for wrong arguments. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { benchProgram } from './bench-program.ts';
import { benchControl } from './control/bench-control.ts';
import { controlJson, controlTable, writeDocs as writeControlDocs } from './control/control-report.ts';
import type { ControlOptions } from './control/options.ts';
import { controlHelp, parseControl } from './control/options.ts';
import { benchPipeline } from './pipeline/bench-pipeline.ts';
import { runNodePath } from './pipeline/node-path.ts';
import type { PipelineOptions } from './pipeline/options.ts';
import { parsePipeline, pipelineHelp } from './pipeline/options.ts';
import { pipelineJson, pipelineMarkdown, pipelineTable, writeDocs } from './pipeline/pipeline-report.ts';
import { json, markdown, table } from './report.ts';

const help = `npm run bench -- program [--seconds N] [--json | --markdown]

  program       Programs (each engine there is) against careful avsc: workloads P0 to P4 and W2, and record batches
  --seconds N   measured time of a workload, 1 to 600, default 10
  --json        one JSON object as the last line
  --markdown    the table as Markdown
  --help        this text

${pipelineHelp}

${controlHelp}`;

const progress = (text: string): void => console.error(text);

const [bench, ...rest] = process.argv.slice(2);
// A path of the pipeline bench is this program again, in a process of its own.
if (bench === 'path') await runNodePath(rest[0], rest[1] ?? '');
process.exitCode = await run();

async function run(): Promise<number> {
  if (bench === 'pipeline') return runPipeline(rest);
  return bench === 'control' ? runControl(rest) : runProgram(process.argv.slice(2));
}

async function runControl(given: string[]): Promise<number> {
  let options: ControlOptions | undefined;
  try {
    options = parseControl(given);
  } catch (error) {
    return wrong(error, controlHelp);
  }
  if (options === undefined) {
    console.log(controlHelp);
    return 0;
  }
  try {
    const report = await benchControl(options, progress);
    if (options.docs && report.failures.length === 0)
      writeControlDocs(path.join(repositoryRoot(), 'docs/performance.md'), report);
    console.log(controlTable(report));
    if (options.json) console.log(controlJson(report));
    return report.failures.length === 0 ? 0 : 1;
  } catch (error) {
    return failed(error);
  }
}

async function runPipeline(given: string[]): Promise<number> {
  let options: PipelineOptions | undefined;
  try {
    options = parsePipeline(given);
  } catch (error) {
    return wrong(error, pipelineHelp);
  }
  if (options === undefined) {
    console.log(pipelineHelp);
    return 0;
  }
  try {
    const report = await benchPipeline(options, progress);
    if (options.docs) writeDocs(path.join(repositoryRoot(), 'docs/performance.md'), report);
    if (options.output === 'markdown') console.log(pipelineMarkdown(report));
    else console.log(pipelineTable(report));
    if (options.output === 'json') console.log(pipelineJson(report));
    return report.failures.length === 0 ? 0 : 1;
  } catch (error) {
    return failed(error);
  }
}

function runProgram(given: string[]): number {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(given);
  } catch (error) {
    return wrong(error, help);
  }
  if (parsed.help) {
    console.log(help);
    return 0;
  }
  try {
    const report = benchProgram({ seconds: parsed.seconds, progress });
    if (parsed.json) console.log(json(report));
    else console.log(parsed.markdown ? markdown(report) : table(report));
    return 0;
  } catch (error) {
    return failed(error);
  }
}

function wrong(error: unknown, text: string): number {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${text}`);
  return 2;
}

function failed(error: unknown): number {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
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
  if (!values.help && (bench !== 'program' || more.length > 0))
    throw new Error('There are three benches: program, pipeline and control.');
  return { ...values, seconds };
}
