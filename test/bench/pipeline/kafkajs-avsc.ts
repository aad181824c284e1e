/**
 * The path `kafkajs-avsc`: P1h as a careful TypeScript developer writes it with the usual libraries. At least once: offsets are committed behind
 * the records. The dropped field is projected away by a resolver, one buffer takes every output of a batch, HMAC takes a KeyObject, texts are
 * cut without splitting them into arrays, and the partition is given, since kafkajs loses records without a key otherwise.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import avsc from 'avsc';
import kafkajs from 'kafkajs';
import { governedSchemaId } from './clinic-terms.ts';
import { writerSchemaId } from './load-feed.ts';
import type { NodePathSettings } from './node-path.ts';

type Visit = Record<string, unknown>;

const headerBytes = 5;
const outputBytes = 4 * 1024 * 1024;
const millisPerDay = 86_400_000;
const departments = new Set(['internal', 'surgery', 'pediatrics', 'emergency']);

export async function runKafkajsAvsc(settings: NodePathSettings): Promise<never> {
  const { access, inputTopic, outputTopic, group } = settings;
  const govern = visitGovernor(settings);
  const kafka = new kafkajs.Kafka({
    brokers: [...access.brokers],
    clientId: 'kafkajs-avsc',
    sasl: { mechanism: 'scram-sha-512', username: access.username, password: access.password },
    logLevel: kafkajs.logLevel.ERROR,
  });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: group, maxBytes: 4 * 1024 * 1024 });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topics: [inputTopic], fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch: { partition, messages } }) => {
      const out = messages.flatMap(({ value, timestamp }) => {
        const governed = govern(value);
        return governed === null ? [] : [{ key: null, value: governed, timestamp, partition }];
      });
      // Sent when this resolves, so the buffer is free for the next batch.
      await producer.send({ topic: outputTopic, acks: -1, messages: out });
      govern.reset();
    },
  });
  return new Promise(() => undefined);
}

type Governor = ((value: Buffer | null) => Buffer | null) & { reset(): void };

/** Gives a view of one buffer, valid until `reset`; null where the row is withheld. */
function visitGovernor({ writerSchema, governedSchema, fieldKeyHex }: NodePathSettings): Governor {
  const whole = JSON.parse(writerSchema) as { fields: { name: string }[] };
  const writer = avsc.Type.forSchema(whole as unknown as avsc.Schema);
  const projected = { ...whole, fields: whole.fields.filter(({ name }) => name !== 'notes') };
  const reader = avsc.Type.forSchema(projected as unknown as avsc.Schema);
  const governed = avsc.Type.forSchema(JSON.parse(governedSchema) as avsc.Schema);
  const resolver = reader.createResolver(writer);
  const key = createSecretKey(Buffer.from(fieldKeyHex, 'hex'));
  const bands = new Map<number, string>();
  const out = Buffer.alloc(outputBytes);
  let position = 0;
  const govern = (value: Buffer | null): Buffer | null => {
    if (value?.[0] !== 0 || value.readUInt32BE(1) !== writerSchemaId) throw new Error('a value is not framed');
    const { value: decoded, offset } = reader.decode(value, headerBytes, resolver);
    if (offset !== value.length) throw new Error('a value is malformed');
    const visit = decoded as Visit;
    if ((visit['cost'] as number) < 50 || !departments.has(visit['dept'] as string)) return null;
    visit['residentId'] = createHmac('sha256', key)
      .update(visit['residentId'] as string, 'utf8')
      .digest('hex')
      .slice(0, 32);
    visit['name'] = maskAfterFirst(visit['name'] as string);
    visit['phone'] = maskMiddle(visit['phone'] as string);
    visit['birthDate'] = yearBand(visit['birthDate'] as number, bands);
    visit['districtCode'] = (visit['districtCode'] as string).slice(0, 4);
    visit['address'] = `${firstPoints(visit['address'] as string, 9)}***`;
    const start = position;
    const end = governed.encode(visit, out, start + headerBytes);
    if (end < 0) throw new Error('the output of a batch is full');
    out[start] = 0;
    out.writeUInt32BE(governedSchemaId, start + 1);
    position = end;
    return out.subarray(start, end);
  };
  return Object.assign(govern, {
    reset: () => {
      position = 0;
    },
  });
}

/** The UTF-16 length of the first `count` code points. */
function unitsOf(text: string, count: number): number {
  let units = 0;
  for (let point = 0; point < count && units < text.length; point += 1)
    units += (text.codePointAt(units) as number) > 0xffff ? 2 : 1;
  return units;
}

/** A text no longer than what is kept is replaced entirely. */
const firstPoints = (text: string, count: number): string => {
  const units = unitsOf(text, count);
  return units === text.length ? '' : text.slice(0, units);
};

function maskAfterFirst(text: string): string {
  const first = unitsOf(text, 1);
  let hidden = 0;
  for (let unit = first; unit < text.length; unit += (text.codePointAt(unit) as number) > 0xffff ? 2 : 1) hidden += 1;
  return hidden === 0 ? '*' : text.slice(0, first) + '*'.repeat(hidden);
}

/** Phones are digits, one unit each. */
const maskMiddle = (phone: string): string => (phone.length > 7 ? `${phone.slice(0, 3)}****${phone.slice(-4)}` : '****');

function yearBand(days: number, bands: Map<number, string>): string {
  const low = Math.floor(new Date(days * millisPerDay).getUTCFullYear() / 5) * 5;
  let text = bands.get(low);
  if (text === undefined) {
    text = `${String(low).padStart(4, '0')}/${String(low + 4).padStart(4, '0')}`;
    bands.set(low, text);
  }
  return text;
}
