/** `npm run test:fault`: the long fault runs on three brokers. Its exit code is 0, 1 for a fault or too few hits, 2 for wrong arguments. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Random } from '../scrub/random.ts';
import { measureRecovery } from './recovery.ts';
import { hitTable, recoveryTable, runTable } from './report.ts';
import type { RunReport } from './run-faults.ts';
import { runFaults } from './run-faults.ts';
import { drawSchedule, faultedActs, faultedApis } from './schedule.ts';
import { windows } from './windows.ts';

const help = `npm run test:fault [-- --seed N]... [--records N] [--no-recovery]

  --seed N       a seed, any number of times; three random ones unless given. They are printed
  --records N    records in all seeds together, default 100000
  --no-recovery  leaves out measuring how soon records flow again after a kill
  --help         this text`;

const killsMin = 50;
const killsPerWindowMin = 5;
const logLinesShown = 25;

// By the event `exit` the processes of a run end with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
// A connection to a broker that was killed may still be tried again: it does not keep a finished run alive.
process.exit(await main(process.argv.slice(2)));

async function main(given: string[]): Promise<number> {
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
  const { seeds, records } = parsed;
  console.log(`Seeds: ${seeds.join(', ')}`);
  const reports: RunReport[] = [];
  for (const seed of seeds) {
    console.log(`\nSeed ${seed}`);
    const report = await runFaults({
      seed,
      brokers: 3,
      partitions: 6,
      records: Math.ceil(records / seeds.length),
      trickleRecordsPerSecond: 60,
      steps: drawSchedule(new Random(seed), { killsPerWindow: 4, freezes: 3, brokers: 3, storms: 2, proxyFaults: true }),
      log: (sentence) => console.log(sentence),
    });
    reports.push(report);
    for (const fault of report.faults) console.log(`FAULT ${fault}`);
    if (report.faults.length > 0)
      for (const log of report.logs) console.log(log.trimEnd().split('\n').slice(-logLinesShown).join('\n'));
  }
  console.log(`\n${runTable(reports)}\n\n${hitTable(reports)}`);
  for (const { seed, tally } of reports) for (const missed of tally.missed) console.log(`Seed ${seed} missed: ${missed}`);
  if (parsed.recovery)
    console.log(`\n${recoveryTable(await measureRecovery(seeds[0] ?? 1, (sentence) => console.log(sentence)))}`);

  const short = shortOf(reports);
  for (const sentence of short) console.log(`TOO FEW ${sentence}`);
  const faults = reports.reduce((sum, report) => sum + report.faults.length, 0);
  console.log(faults + short.length === 0 ? '\nNo fault.' : `\n${faults} faults, ${short.length} counts too low.`);
  return faults + short.length === 0 ? 0 : 1;
}

/** What did not happen as often as a full run owes. */
function shortOf(reports: readonly RunReport[]): string[] {
  const sum = (prefix: string): number => reports.reduce((all, { tally }) => all + tally.sum(prefix), 0);
  const owed: (readonly [string, number])[] = [
    ['kill: ', killsMin],
    ['freeze: ', 1],
    ['broker: ', 3],
    ['storm: ', 4],
    ...faultedApis.flatMap((api) =>
      faultedActs.map((act) => [`proxy: ${act === 'answer' ? 'error code' : act} on ${api}`, 1] as const),
    ),
  ];
  const exactly = (name: string): number => reports.reduce((all, { tally }) => all + (tally.hits.get(name) ?? 0), 0);
  const missedWindows = windows.flatMap((window) => {
    const kills = exactly(`kill: ${window}`);
    return kills >= killsPerWindowMin ? [] : [`kill: ${window} ${kills} of ${killsPerWindowMin}`];
  });
  return missedWindows.concat(owed.flatMap(([name, least]) => (sum(name) >= least ? [] : [`${name} ${sum(name)} of ${least}`])));
}

function parse(given: string[]): { seeds: number[]; records: number; recovery: boolean; help: boolean } {
  const { values } = parseArgs({
    args: given,
    options: {
      seed: { type: 'string', multiple: true, default: [] },
      records: { type: 'string', default: '100000' },
      'no-recovery': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const seeds = values.seed.length > 0 ? values.seed.map(Number) : Array.from({ length: 3 }, () => randomInt(1, 1_000_000));
  if (seeds.some((seed) => !Number.isInteger(seed) || seed < 0)) throw new Error('--seed takes a whole number.');
  const records = Number(values.records);
  if (!(Number.isInteger(records) && records > 0)) throw new Error('--records takes a whole number above 0.');
  return { seeds, records, recovery: !values['no-recovery'], help: values.help };
}
