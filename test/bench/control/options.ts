/** The arguments of `npm run bench -- control`. */
import { parseArgs } from 'node:util';

export const partNames = ['http', 'reconcile', 'simulated', 'grant'] as const;
export type PartName = (typeof partNames)[number];

export interface ControlOptions {
  readonly datasets: number;
  readonly agreements: number;
  /** Agreements that are live on the real broker. */
  readonly live: number;
  /** Searches; half as many of each listing. */
  readonly requests: number;
  /** Approvals that are timed. */
  readonly grants: number;
  readonly parts: readonly PartName[];
  readonly json: boolean;
  /** Whether docs/performance.md gets the tables. */
  readonly docs: boolean;
}

const full = { datasets: 10_000, agreements: 100_000, live: 2_000, requests: 1_000, grants: 12 } as const;

export const controlHelp = `npm run bench -- control [options]

  The control plane with a full catalogue: searching and listing over HTTP, reconciling at a start, and from an approval to the first governed
  record. Starts PostgreSQL and Kafka of its own in a temporary directory. Needs Java and the broker's jars (npm test fetches them).

  --part NAME      only this part; may be given again. ${partNames.join(', ')}; simulated needs what http seeds and seeds it as well
  --datasets N     datasets, 50 to 100000, default ${full.datasets}
  --agreements N   agreements in the database, 200 to 1000000, default ${full.agreements}
  --live N         agreements on the real broker, 10 to 5000, default ${full.live}
  --requests N     searches, 40 to 100000, default ${full.requests}; half as many of each listing
  --grants N       approvals that are timed, 1 to 1000, default ${full.grants}
  --docs           write the tables into docs/performance.md; by default only after a full run, --no-docs never
  --json           one JSON object as the last line
  --help           this text`;

/** Throws for wrong arguments; undefined when the text of help is asked for. */
export function parseControl(args: readonly string[]): ControlOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      part: { type: 'string', multiple: true, default: [] },
      datasets: { type: 'string', default: String(full.datasets) },
      agreements: { type: 'string', default: String(full.agreements) },
      live: { type: 'string', default: String(full.live) },
      requests: { type: 'string', default: String(full.requests) },
      grants: { type: 'string', default: String(full.grants) },
      docs: { type: 'boolean' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  if (positionals.length > 0) throw new Error(`control takes no ${positionals[0]}.`);
  for (const name of values.part) {
    if (!(partNames as readonly string[]).includes(name)) throw new Error(`--part takes one of ${partNames.join(', ')}.`);
  }
  const sizes = {
    datasets: numberOf('datasets', values.datasets, 50, 100_000),
    agreements: numberOf('agreements', values.agreements, 200, 1_000_000),
    live: numberOf('live', values.live, 10, 5_000),
    requests: numberOf('requests', values.requests, 40, 100_000),
    grants: numberOf('grants', values.grants, 1, 1_000),
  };
  const isFull =
    values.part.length === 0 && Object.entries(full).every(([name, least]) => sizes[name as keyof typeof full] >= least);
  return {
    ...sizes,
    parts: values.part.length === 0 ? partNames : (values.part as PartName[]),
    json: values.json,
    docs: values.docs ?? isFull,
  };
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < min || number > max)
    throw new Error(`--${name} takes a number from ${min} to ${max}.`);
  return number;
}
