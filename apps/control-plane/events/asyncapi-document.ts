/** Makes the AsyncAPI 3.0 document of the topics: what each carries, who writes it and who may read it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import { topicNames } from '../../../libs/base/index.ts';
import { cloudEvent } from './cloud-event.ts';

type Json = Readonly<Record<string, unknown>>;

interface Channel {
  readonly address: string;
  readonly description: string;
  /** Parameters of the address with what they are. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly message: string;
  readonly compacted: boolean;
  /** What an application outside does with it; internal topics have none. */
  readonly operation?: { readonly name: string; readonly action: 'send' | 'receive'; readonly summary: string };
}

const avro = 'application/vnd.apache.avro+json;version=1.9.0';
const kafkaBinding = '0.5.0';
const dataset = { dataset: 'Id of the dataset.' };

/** By the names of `topicNames`. */
const channels: Readonly<Record<keyof typeof topicNames, Channel>> = {
  raw: {
    address: topicNames.raw('{dataset}'),
    description: 'A feed as its publisher writes it. Only the data plane reads it.',
    parameters: dataset,
    message: 'feedRecord',
    compacted: false,
    operation: { name: 'publishFeed', action: 'send', summary: 'A publisher writes records of its dataset.' },
  },
  governed: {
    address: topicNames.governed('{dataset}', '{agreement}'),
    description:
      'What leaves under one agreement. Only its credential reads it, in groups whose name begins with `{agreement}.`; `isolation.level=read_committed` has each record once.',
    parameters: { ...dataset, agreement: 'Id of the agreement.' },
    message: 'governedRecord',
    compacted: false,
    operation: { name: 'readGovernedStream', action: 'receive', summary: 'A subscriber reads its governed stream.' },
  },
  quarantine: {
    address: topicNames.quarantine('{dataset}'),
    description: 'Refused records: why, where, and the original sealed to the publisher.',
    parameters: dataset,
    message: 'quarantined',
    compacted: false,
    operation: {
      name: 'readQuarantine',
      action: 'receive',
      summary: 'An operator, or the publisher with its key, reads what was refused.',
    },
  },
  receipts: {
    address: topicNames.receipts,
    description: 'One Receipt for each agreement, input partition and transaction, chained per partition.',
    message: 'receipt',
    compacted: false,
    operation: { name: 'readReceipts', action: 'receive', summary: 'A ledger reads Receipts.' },
  },
  events: {
    address: topicNames.events,
    description:
      'The lifecycle of participants, datasets and agreements, as CloudEvents. In order for one subject; one may come twice.',
    message: 'lifecycleEvent',
    compacted: false,
    operation: { name: 'followLifecycle', action: 'receive', summary: 'Whoever must know follows what happens to things.' },
  },
  deadLetters: {
    address: topicNames.deadLetters,
    description:
      'Governed records that the receiver of a webhook refused for good. `GET /v1/agreements/{id}/dead-letters` shows them.',
    message: 'internalJson',
    compacted: false,
  },
  directives: {
    address: topicNames.directives,
    description:
      'The full state of each agreement by its id; a lower revision than one seen is ignored. Only the control plane writes it.',
    message: 'internalJson',
    compacted: true,
  },
  suppressions: {
    address: topicNames.suppressions,
    description: 'Erased subjects by keyed digests: the data plane withholds their records. Only the control plane writes it.',
    message: 'internalJson',
    compacted: true,
  },
  positions: {
    address: topicNames.positions,
    description: 'Which agreement stands apart from the others of its dataset, and where. The data plane alone.',
    message: 'internalJson',
    compacted: true,
  },
  dispositions: {
    address: topicNames.dispositions,
    description: 'What became of records that were redriven. The data plane alone.',
    message: 'internalJson',
    compacted: true,
  },
  audit: {
    address: topicNames.audit,
    description: 'Openings of sealed originals by redrives.',
    message: 'internalJson',
    compacted: false,
  },
  intake: {
    address: topicNames.intake,
    description: 'What was taken in over HTTP and from files, so that a retry is safe. The control plane alone.',
    message: 'internalJson',
    compacted: true,
  },
};

/** Equal input gives equal text. */
export function asyncApiDocument(): Json {
  const operations = Object.entries(channels).flatMap(([name, { operation }]) =>
    operation === undefined
      ? []
      : [
          [
            operation.name,
            { action: operation.action, channel: { $ref: `#/channels/${name}` }, summary: operation.summary },
          ] as const,
        ],
  );
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Sluice topics',
      version: '0.1.0',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      description: 'Kafka topics of Sluice. Values in Avro are in Confluent wire format, with the schemas of the registry.',
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(Object.entries(channels).map(([name, channel]) => [name, channelOf(channel)])),
    operations: Object.fromEntries(operations),
    components: { messages: messages() },
  };
}

function channelOf({ address, description, parameters, message, compacted }: Channel): Json {
  return {
    address,
    description,
    ...(parameters === undefined
      ? {}
      : {
          parameters: Object.fromEntries(Object.entries(parameters).map(([name, text]) => [name, { description: text }])),
        }),
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
    bindings: {
      kafka: { topicConfiguration: { 'cleanup.policy': [compacted ? 'compact' : 'delete'] }, bindingVersion: kafkaBinding },
    },
  };
}

function messages(): Json {
  const registered = { schemaIdLocation: 'payload', schemaIdPayloadEncoding: '4', bindingVersion: kafkaBinding };
  const { $schema: _, ...event } = z.toJSONSchema(cloudEvent) as Record<string, unknown>;
  return {
    feedRecord: {
      title: 'A record of a feed',
      contentType: 'avro/binary',
      payload: { type: 'string', format: 'binary', description: 'Of a schema of the subject `raw.{dataset}-value`.' },
      bindings: { kafka: registered },
    },
    governedRecord: {
      title: 'A governed record',
      contentType: 'avro/binary',
      payload: { type: 'string', format: 'binary', description: 'Of a schema of the subject `gov.{dataset}.{agreement}-value`.' },
      bindings: { kafka: registered },
    },
    quarantined: { title: 'A refused record', contentType: 'avro/binary', payload: avroPayload('quarantined') },
    receipt: { title: 'A Receipt', contentType: 'avro/binary', payload: avroPayload('receipt') },
    lifecycleEvent: {
      title: 'A lifecycle event',
      contentType: 'application/json',
      payload: event,
      bindings: { kafka: { key: { type: 'string', description: 'The `subject`.' }, bindingVersion: kafkaBinding } },
    },
    internalJson: {
      title: 'Of Sluice alone: its form may change with any release',
      contentType: 'application/json',
      payload: { type: 'object' },
    },
  };
}

const avroPayload = (name: string): Json => ({
  schemaFormat: avro,
  schema: JSON.parse(readFileSync(join(repositoryRoot(), 'proto-schemas', 'avro', `${name}.avsc`), 'utf8')) as unknown,
});
