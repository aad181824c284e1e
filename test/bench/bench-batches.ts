/** RecordBatch in to RecordBatch out under P1c, both CRCs, by codec: what the record path does between two sockets. */
import { unwrap } from '../../libs/base/index.ts';
import { compile, createOutput, wipeOutput } from '../../libs/govern/index.ts';
import type { BoundProgram } from '../../libs/govern/index.ts';
import type { RecordBatch, RecordFrames } from '../../libs/records/index.ts';
import { admitBatch, BatchEncoder, frameRecords, readBatches, sharedArena } from '../../libs/records/index.ts';
import { stages } from '../../libs/stages/index.ts';
import type { Timing } from './measure.ts';
import { allocation, timeSides } from './measure.ts';
import type { Side } from './sides.ts';
import { dataKeys, datasetId, governedSchemaId } from './sides.ts';
import type { Workload } from './workloads.ts';
import { batchRecords } from './workloads.ts';

type BatchCodec = 'none' | 'lz4' | 'zstd';

export interface BatchRow extends Timing {
  readonly name: `P1c-${BatchCodec}`;
  readonly bytesAllocatedPerRecord: number;
  readonly collections: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const codecs: readonly BatchCodec[] = ['none', 'lz4', 'zstd'];
const place = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
const bytesMax = 16 * 1024 * 1024;
const allocationRecords = 400_000;

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

/** Throws when a batch that came out holds other records than the Program gives. */
export function benchBatches(workload: Workload, { seconds, rounds, progress }: Options): BatchRow[] {
  const program = unwrap(compile({ schema: workload.schema, terms: workload.terms, stages }));
  const [dataKey] = dataKeys(1) as [Uint8Array];
  const bound = unwrap(program.bind({ governedSchemaId, datasetId, dataKey }));
  const paths = codecs.map((codec) => new BatchPath(codec, bound, workload.batches));
  progress('record batches: verifying');
  for (const path of paths) path.verify(workload.batches);
  const timings = timeSides(
    paths.map((path) => path.side),
    workload.batches,
    { seconds, rounds, progress: (text) => progress(`record batches: ${text}`) },
  );
  return paths.map((path) => {
    const { bytesPerRecord, collections } = allocation(path.side, workload.batches, allocationRecords);
    const timing = timings.get(path.side.name) as Timing;
    return { name: `P1c-${path.codec}`, ...timing, bytesAllocatedPerRecord: bytesPerRecord, collections, ...path.sizes() };
  });
}

class BatchPath {
  readonly codec: BatchCodec;
  readonly side: Side;
  readonly #bound: BoundProgram;
  readonly #encoder = new BatchEncoder();
  /** The batches as a broker has them, by the frames that they were made of. */
  readonly #wire: ReadonlyMap<RecordFrames, Buffer>;
  #out: Uint8Array = new Uint8Array();

  constructor(codec: BatchCodec, bound: BoundProgram, batches: readonly RecordFrames[]) {
    this.codec = codec;
    this.#bound = bound;
    this.#wire = new Map(batches.map((frames) => [frames, this.#wireOf(frames)]));
    this.side = { name: codec, run: (frames) => this.#run(frames), value: () => null };
  }

  sizes(): { bytesIn: number; bytesOut: number } {
    const [frames, bytes] = [...this.#wire][0] as [RecordFrames, Buffer];
    this.#run(frames);
    return { bytesIn: bytes.length, bytesOut: this.#out.length };
  }

  /** The records that come out, read by the code of the record path that existed before, are those of a run into a plain output. */
  verify(batches: readonly RecordFrames[]): void {
    const expected = createOutput(batchRecords, 2 * 1024 * 1024);
    for (const frames of batches.slice(0, 10)) {
      wipeOutput(expected);
      this.#bound.run(frames, 0, frames.count, expected);
      const values = Array.from(expected.valueStart, (start, index) =>
        expected.bytes.subarray(start, expected.valueEnd[index]),
      ).filter((_, index) => (expected.valueStart[index] as number) >= 0);
      this.#run(frames);
      let found: RecordFrames | null = null;
      readBatches(Buffer.from(this.#out), (batch) => {
        found = frameRecords(batch, 0);
      });
      const out = found as RecordFrames | null;
      if (out === null || out.count !== values.length)
        throw new Error(`${this.codec}: the batch that came out has other records`);
      for (let index = 0; index < out.count; index += 1) {
        const value = out.bytes.subarray(out.valueStart[index], out.valueEnd[index]);
        if (Buffer.compare(value, values[index] as Uint8Array) !== 0)
          throw new Error(`${this.codec}: record ${index} that came out is another one`);
      }
    }
  }

  /** The same records as a producer sends them with this codec. */
  #wireOf(frames: RecordFrames): Buffer {
    const arena = sharedArena();
    const admitted = arena.admit(frames);
    const { output } = arena;
    // As the raw feed has them: values and keys unchanged.
    for (let index = 0; index < admitted.count; index += 1) {
      const [start, end] = [admitted.valueStart[index] as number, admitted.valueEnd[index] as number];
      const [keyStart, keyEnd] = [admitted.keyStart[index] as number, admitted.keyEnd[index] as number];
      output.keyStart[index] = output.length;
      output.bytes.set(admitted.bytes.subarray(keyStart, keyEnd), output.length);
      output.length += keyEnd - keyStart;
      output.keyEnd[index] = output.length;
      output.valueStart[index] = output.length;
      output.bytes.set(admitted.bytes.subarray(start, end), output.length);
      output.length += end - start;
      output.valueEnd[index] = output.length;
    }
    const options = { codec: this.codec, timestamp: 'keep', headers: [], place, bytesMax } as const;
    const made = Buffer.from(this.#encoder.encode(arena, admitted, output, 0, admitted.count, options).batch);
    wipeOutput(output, admitted.count);
    return made;
  }

  #run(frames: RecordFrames): void {
    const arena = sharedArena();
    readBatches(this.#wire.get(frames) as Buffer, (batch: RecordBatch) => {
      const admitted = admitBatch(arena, batch, 0);
      if (admitted === null || admitted === undefined) throw new Error(`${this.codec}: a batch was not admitted`);
      wipeOutput(arena.output, admitted.count);
      const done = this.#bound.run(admitted, 0, admitted.count, arena.output);
      const options = { codec: this.codec, timestamp: 'keep', headers: [], place, bytesMax } as const;
      const { batch: out, next } = this.#encoder.encode(arena, admitted, arena.output, 0, done, options);
      if (done !== admitted.count || next !== done) throw new Error(`${this.codec}: the output was full`);
      this.#out = out;
    });
  }
}
