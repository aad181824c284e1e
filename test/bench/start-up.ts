/** What a Program costs before and beside its records: compiling, from its manifest to the first batch done, and many Programs at once. */
import type { AvroSchema } from '../../libs/avro/index.ts';
import { parseSchema } from '../../libs/avro/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { BoundProgram, Program } from '../../libs/govern/index.ts';
import { compile, createOutput, instantiate, wipeOutput } from '../../libs/govern/index.ts';
import type { StageRule } from '../../libs/odrl/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { sharedArena } from '../../libs/records/index.ts';
import { stages } from '../../libs/stages/index.ts';
import type { Timing } from './measure.ts';
import { summary } from './measure.ts';
import { dataKeys, datasetId, governedSchemaId } from './sides.ts';
import { batchRecords } from './workloads.ts';
import type { Workload } from './workloads.ts';

export interface StartUp {
  /** Milliseconds to compile a schema of 200 fields under 50 rules. */
  readonly compileWideMs: Timing;
  /** Milliseconds from an approved manifest to the first batch of 1,000 records of P1h done, each time another Program. */
  readonly firstBatchMs: Timing;
  /** Time of a record with 64 Programs in rotation, against the same with one. */
  readonly ratioOf64: number;
}

const [dataKey] = dataKeys(1) as [Uint8Array];
const repeats = 9;
const programsMax = 64;
const outputBytes = 2 * 1024 * 1024;

export function measureStartUp({ schema, terms, batches }: Workload): StartUp {
  const wide = wideInput();
  const programs = Array.from({ length: programsMax }, (_, index) =>
    unwrap(
      compile({ schema, stages, engine: 'wasm', terms: { ...terms, rules: terms.rules.map((rule) => varied(rule, index)) } }),
    ),
  );
  return {
    compileWideMs: timed(() => void unwrap(compile({ ...wide, stages, engine: 'wasm' }))),
    firstBatchMs: timed((repeat) => firstBatch(programs[repeat] as Program, batches)),
    ratioOf64: rotation(programs.map(bind), batches) / rotation([bind(programs[0] as Program)], batches),
  };
}

/** The same rule with another setting, so that it makes another module. */
const varied = (rule: StageRule, index: number): StageRule =>
  rule.stage === 'mask' && rule.at.includes('/address') ? { ...rule, with: { first: index, width: 3 } } : rule;

const bind = (program: Pick<Program, 'bind'>): BoundProgram => unwrap(program.bind({ governedSchemaId, datasetId, dataKey }));

function firstBatch({ manifest, hash, module }: Program, batches: readonly RecordFrames[]): void {
  const out = createOutput(batchRecords, outputBytes);
  const bytes = Buffer.from(module ?? []).toString('base64');
  const program = unwrap(instantiate({ manifest, programHash: hash, module: bytes }, stages));
  bind(program).run(batches[0] as RecordFrames, 0, batchRecords, out);
}

function timed(work: (repeat: number) => void): Timing {
  const samples: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const before = performance.now();
    work(repeat);
    samples.push(performance.now() - before);
  }
  return summary(samples);
}

/** CPU microseconds of a batch, the fastest of some rounds in which every Program has its turns. */
function rotation(programs: readonly BoundProgram[], batches: readonly RecordFrames[]): number {
  const arena = sharedArena();
  const samples: number[] = [];
  for (let round = 0; round < repeats; round += 1) {
    const before = process.cpuUsage();
    for (let turn = 0; turn < 4 * programsMax; turn += 1) {
      const frames = arena.admit(batches[turn % batches.length] as RecordFrames);
      wipeOutput(arena.output, frames.count);
      programs[turn % programs.length]?.run(frames, 0, batchRecords, arena.output);
    }
    const { user, system } = process.cpuUsage(before);
    samples.push(user + system);
  }
  return summary(samples).min;
}

function wideInput(): { schema: AvroSchema; terms: Workload['terms'] } {
  const types = ['string', 'int', 'double', ['null', 'string'], 'long'];
  const names = Array.from({ length: 200 }, (_, index) => `field${index}`);
  const fields = names.map((name, index) => ({ name, type: types[index % types.length] }));
  const ruled = names.slice(0, 49);
  const rules = ruled.map((name, index): StageRule => {
    const text = index % types.length === 0 || index % types.length === 3;
    return { stage: text ? 'mask' : 'band', at: [`/${name}`], with: text ? { first: 1 } : { width: 10 }, else: 'refuse' };
  });
  const keep: StageRule = { stage: 'keep', at: names.slice(49).map((name) => `/${name}`), with: {}, else: 'refuse' };
  return {
    schema: unwrap(parseSchema(JSON.stringify({ type: 'record', name: 'Wide', fields }))),
    terms: { rules: [...rules, keep], channels: { key: 'drop', timestamp: 'keep' } },
  };
}
