/**
 * One record of the demo before and after. The approved Program itself is run over the first records of the raw feed, as the data
 * plane runs it. For the demo alone: its persons are synthetic. Nothing else may show a raw record.
 */
import type { Cluster, ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { DirectiveFeed, TopicReader } from '../../libs/adapters/kafka/index.ts';
import type { AvroSchema } from '../../libs/avro/index.ts';
import { codecOf, toJson, unframe } from '../../libs/avro/index.ts';
import { topicNames } from '../../libs/base/index.ts';
import type { Directive, KeyOpener, SignatureChecker } from '../../libs/catalog/index.ts';
import { dataKeyContext } from '../../libs/catalog/index.ts';
import type { BoundProgram } from '../../libs/govern/index.ts';
import { createOutput, instantiate, outcomes } from '../../libs/govern/index.ts';
import { stages } from '../../libs/stages/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../libs/records/index.ts';
import type { Example } from './screen/snapshot.ts';

const recordsMax = 200;
const outputBytesMax = 1024 * 1024;
const noProducer = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };

/** Undefined while there is no record that the agreement lets out. */
export async function demoExample(
  { cluster, checker, vault }: { readonly cluster: Cluster; readonly checker: SignatureChecker; readonly vault: KeyOpener },
  agreement: string,
): Promise<Example | undefined> {
  const directive = await directiveOf(cluster, checker, agreement);
  const program = directive === undefined ? undefined : await bindFirst(directive, vault);
  if (directive === undefined || program === undefined) return undefined;
  const records = await firstRecords(cluster, topicNames.raw(directive.dataset));
  const suitable = records
    .filter(({ value }) => schemaIdOf(value) === directive.programs[0]?.writerSchemaId)
    .slice(0, recordsMax);
  const frames = suitable.length === 0 ? undefined : framesOf(suitable);
  if (frames === undefined) return undefined;
  const output = createOutput(suitable.length, outputBytesMax);
  const done = program.run(frames, 0, frames.count, output);
  for (let index = 0; index < done; index += 1) {
    if (output.outcome[index] !== outcomes.reshape) continue;
    const before = readFields(program.program.writerSchema, suitable[index]?.value ?? undefined);
    const after = readFields(
      program.program.governedSchema,
      output.bytes.subarray(output.valueStart[index], output.valueEnd[index]),
    );
    if (before !== undefined && after !== undefined) return { agreement, fields: fieldsOf(before, after) };
  }
  return undefined;
}

async function directiveOf(cluster: Cluster, checker: SignatureChecker, agreement: string): Promise<Directive | undefined> {
  const feed = await DirectiveFeed.open(cluster, checker);
  if (!feed.ok) return undefined;
  const directive = feed.value.current().get(agreement);
  await feed.value.close();
  return directive;
}

async function bindFirst(directive: Directive, vault: KeyOpener): Promise<BoundProgram | undefined> {
  const [approved] = directive.programs;
  if (approved === undefined) return undefined;
  const program = instantiate(approved, stages);
  if (directive.dataKey === null) return undefined;
  const dataKey = await vault.unwrap(
    directive.dataKey,
    dataKeyContext({ kind: 'agreement', id: directive.agreement }, directive.dataKey.epoch),
  );
  if (!program.ok || !dataKey.ok) return undefined;
  const bound = program.value.bind({
    governedSchemaId: approved.governedSchemaId,
    datasetId: directive.dataset,
    dataKey: dataKey.value,
  });
  return bound.ok ? bound.value : undefined;
}

async function firstRecords(cluster: Cluster, topic: string): Promise<readonly ReadRecord[]> {
  const reader = await TopicReader.open(cluster, { topic, from: 'earliest', maxBytes: 256 * 1024 });
  if (!reader.ok) return [];
  const polled = await reader.value.poll(500);
  await reader.value.close();
  return polled.ok ? polled.value : [];
}

function framesOf(records: readonly ReadRecord[]): RecordFrames | undefined {
  const builder = new BatchBuilder();
  for (const { key, value, timestampMs } of records) builder.append(key, value, [], timestampMs);
  let frames: RecordFrames | null = null;
  readBatches(builder.finish(noProducer), (batch) => {
    frames = frameRecords(batch, 0);
  });
  return frames ?? undefined;
}

function schemaIdOf(value: Uint8Array | null): number | undefined {
  const framed = value === null ? undefined : unframe(value);
  return framed?.ok === true ? framed.value.schemaId : undefined;
}

function readFields(schema: AvroSchema, value: Uint8Array | undefined): Readonly<Record<string, unknown>> | undefined {
  const framed = value === undefined ? undefined : unframe(value);
  if (framed?.ok !== true) return undefined;
  const decoded = codecOf(schema).decode(framed.value.body);
  return decoded.ok ? (toJson(schema, decoded.value) as Readonly<Record<string, unknown>>) : undefined;
}

function fieldsOf(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): Example['fields'] {
  return Object.entries(before).map(([name, value]) => ({
    name,
    before: show(value),
    ...(name in after ? { after: show(after[name]) } : {}),
  }));
}

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
