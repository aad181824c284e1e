/** The arguments of `npm run bench -- pipeline`. */
import { parseArgs } from 'node:util';
import type { FeedCodec } from './load-feed.ts';
import type { PathName } from './paths.ts';
import { batchBytesDefault } from './load-feed.ts';
import { pathNames } from './paths.ts';

export interface PipelineOptions {
  readonly records: number;
  readonly warmUp: number;
  readonly rounds: number;
  readonly codecs: readonly FeedCodec[];
  /** Of the input, before it is compressed, and of what the peers write: bytes. */
  readonly batchBytes: number;
  readonly paths: readonly PathName[];
  readonly latency: boolean;
  readonly scale: boolean;
  /** 0 for none. */
  readonly drainGb: number;
  readonly output: 'table' | 'markdown' | 'json';
  /** Whether docs/performance.md gets the tables. */
  readonly docs: boolean;
}

const fullRecords = 4_000_000;
const fullRounds = 3;

export const pipelineHelp = `npm run bench -- pipeline [options]

  Broker to broker, beside peers, on a broker of its own. Needs Java and the broker's jars (npm test fetches them); the Java peers are built by
  Maven into .sluice/peers once. A full run takes more than an hour and 30 GB of disk.

  --path NAME     only this path; may be given again. ${pathNames.join(', ')}
  --records N     records measured of each path and round, 20000 to 100000000, default ${fullRecords}
  --warm-up N     records before them, default half of --records
  --rounds N      rounds in which the paths take turns, 1 to 20, default ${fullRounds}
  --codec C       none, lz4 or both, default both
  --batch-kb N    batches of the input and of the peers' output, 1 to 900 KiB, default ${batchBytesDefault >> 10}
  --latency       also added latency at 20,000 records/s; kafka-streams-exactly-once-20ms is measured only so
  --scale         also 1,000 agreements of 200 Programs over 100 feeds on one process
  --drain-gb N    also memory while N GB of backlog drain, 1 to 100
  --docs          write the tables into docs/performance.md; by default only after a full run of every path and both codecs, --no-docs never
  --json          one JSON object as the last line
  --markdown      the tables as Markdown
  --help          this text`;

/** Throws for wrong arguments; undefined when the text of help is asked for. */
export function parsePipeline(args: readonly string[]): PipelineOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      path: { type: 'string', multiple: true, default: [] },
      records: { type: 'string', default: String(fullRecords) },
      'warm-up': { type: 'string' },
      rounds: { type: 'string', default: String(fullRounds) },
      codec: { type: 'string', default: 'both' },
      'batch-kb': { type: 'string', default: String(batchBytesDefault >> 10) },
      latency: { type: 'boolean', default: false },
      scale: { type: 'boolean', default: false },
      'drain-gb': { type: 'string', default: '0' },
      docs: { type: 'boolean' },
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  if (positionals.length > 0) throw new Error(`pipeline takes no ${positionals[0]}.`);
  const records = numberOf('records', values.records, 20_000, 100_000_000);
  const rounds = numberOf('rounds', values.rounds, 1, 20);
  const warmUp = values['warm-up'] === undefined ? records >> 1 : numberOf('warm-up', values['warm-up'], 1, 100_000_000);
  const drainGb = values['drain-gb'] === '0' ? 0 : numberOf('drain-gb', values['drain-gb'], 1, 100);
  const batchBytes = numberOf('batch-kb', values['batch-kb'], 1, 900) << 10;
  for (const name of values.path) {
    if (!(pathNames as readonly string[]).includes(name)) throw new Error(`--path takes one of ${pathNames.join(', ')}.`);
  }
  const codecs = { none: ['none'], lz4: ['lz4'], both: ['none', 'lz4'] } as const satisfies Record<string, readonly FeedCodec[]>;
  if (!Object.hasOwn(codecs, values.codec)) throw new Error('--codec takes none, lz4 or both.');
  if (values.json && values.markdown) throw new Error('Take one of --json and --markdown.');
  const wholePaths = values.path.length === 0 && values.codec === 'both' && batchBytes === batchBytesDefault;
  const full = wholePaths && records >= fullRecords && rounds >= fullRounds;
  return {
    records,
    warmUp,
    rounds,
    codecs: codecs[values.codec as keyof typeof codecs],
    batchBytes,
    paths: values.path.length === 0 ? pathNames : (values.path as PathName[]),
    latency: values.latency,
    scale: values.scale,
    drainGb,
    output: values.json ? 'json' : values.markdown ? 'markdown' : 'table',
    docs: values.docs ?? full,
  };
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < min || number > max)
    throw new Error(`--${name} takes a number from ${min} to ${max}.`);
  return number;
}
