/** From the call that approves to the first governed record at an ordinary Kafka client, with records coming all the time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { wipePostgres } from '../../../libs/adapters/local/index.ts';
import { codecOf, frame, fromJson, parseSchema } from '../../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../../libs/base/index.ts';
import {
  applyAs,
  ask,
  dataset,
  offer,
  publisher,
  subscriber,
  visitOf,
  writeCatalog,
  writeParties,
} from '../../e2e/flow-people.ts';
import type { RunningSluice } from '../../e2e/running-sluice.ts';
import { startSluice } from '../../e2e/running-sluice.ts';

/** One request, milliseconds: each step from the end of the one before. */
export interface GrantTimes {
  readonly approveMs: number;
  readonly credentialMs: number;
  /** From the credential to the first record: connecting and joining a group included. */
  readonly firstRecordMs: number;
  readonly totalMs: number;
}

const recordEveryMs = 20;
const recordWithinMs = 60_000;

export async function measureGrants(count: number, progress: (text: string) => void): Promise<GrantTimes[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-grant-bench-'));
  const sluice = await startSluice();
  let feed: { stop(): Promise<void> } | undefined;
  try {
    await describe(sluice, directory);
    feed = await startFeed(sluice);
    const times: GrantTimes[] = [];
    for (let index = 0; index < count; index += 1) {
      times.push(await grantOnce(sluice));
      progress(`grant: ${times.at(-1)?.totalMs.toFixed(0)} ms`);
    }
    return times;
  } finally {
    await feed?.stop();
    await sluice.stop();
    wipePostgres(path.join(sluice.directory, 'postgres'));
    sluice.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function describe(sluice: RunningSluice, directory: string): Promise<void> {
  const { address, ownAccount } = sluice;
  writeParties(path.join(directory, 'parties'));
  writeCatalog(path.join(directory, 'catalog'));
  await applyAs(address, ownAccount, path.join(directory, 'parties'));
  for (const { name, secret } of [publisher, subscriber])
    await ask(address, ownAccount, ['PUT', `/v1/accounts/${name}`, { participant: name, secret }]);
  await applyAs(address, publisher, path.join(directory, 'catalog'));
}

/** One record every 20 ms by a Kafka client of the publisher's. */
async function startFeed({ address, brokers }: RunningSluice): Promise<{ stop(): Promise<void> }> {
  const topic = topicNames.raw(dataset);
  const { body } = await ask(address, publisher, ['GET', `/registry/subjects/${topic}-value/versions/latest`]);
  const schema = unwrap(parseSchema(body.schema));
  const codec = codecOf(schema);
  const sasl = { mechanism: 'scram-sha-512', username: publisher.name, password: publisher.secret } as const;
  const kafka = new Kafka({ clientId: 'bench-feed', brokers: [...brokers], sasl, logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  await producer.connect();
  const stopping = new AbortController();
  const send = async (): Promise<void> => {
    for (let number = 0; !stopping.signal.aborted; number = (number + 1) % 9_000) {
      const visit = visitOf(number);
      const value = Buffer.from(frame(body.id, unwrap(codec.encode(unwrap(fromJson(schema, visit))))));
      await producer.send({ topic, messages: [{ key: visit.residentId, value }] });
      await sleep(recordEveryMs);
    }
  };
  const sending = send();
  // It is looked at when the feed is stopped.
  sending.catch(() => undefined);
  return {
    stop: async () => {
      stopping.abort();
      try {
        await sending;
      } finally {
        await producer.disconnect();
      }
    },
  };
}

async function grantOnce({ address }: RunningSluice): Promise<GrantTimes> {
  const { body: request } = await ask(address, subscriber, ['POST', '/v1/requests', { offer, purpose: 'research' }], 201);
  const began = performance.now();
  const { body: approved } = await ask(address, publisher, ['POST', `/v1/requests/${request.id}/approve`, {}]);
  if (approved.state !== 'granted') throw new Error(`the request is ${approved.state}, not granted`);
  const approvedAt = performance.now();
  const { body: credential } = await ask(
    address,
    subscriber,
    ['POST', `/v1/agreements/${request.agreement}/credentials`, {}],
    201,
  );
  const credentialAt = performance.now();
  await firstRecord(credential);
  const readAt = performance.now();
  await ask(address, publisher, ['POST', `/v1/agreements/${request.agreement}/terminate`]);
  return {
    approveMs: approvedAt - began,
    credentialMs: credentialAt - approvedAt,
    firstRecordMs: readAt - credentialAt,
    totalMs: readAt - began,
  };
}

interface Credential {
  readonly username: string;
  readonly password: string;
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly groupPrefix: string;
}

/** As the answered program for Node reads, without decoding. */
async function firstRecord({ username, password, bootstrapServers, topic, groupPrefix }: Credential): Promise<void> {
  const sasl = { mechanism: 'scram-sha-512', username, password } as const;
  const kafka = new Kafka({ clientId: 'bench-reader', brokers: bootstrapServers.split(','), sasl, logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `${groupPrefix}bench`, readUncommitted: false });
  let timer: NodeJS.Timeout | undefined;
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no governed record came')), recordWithinMs);
      consumer.run({ eachMessage: async () => resolve() }).catch(reject);
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
}
