/**
 * The whole flow as three people: a publisher describes and offers, a subscriber finds, tries, asks and reads with clients that know nothing of Sluice,
 * an operator looks on, cuts and lets go on. Each act goes on where the one before ended.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, TopicReader, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import { wipePostgres } from '../../libs/adapters/local/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Answer, Person } from './flow-people.ts';
import {
  applyAs,
  ask,
  dataset,
  offer,
  publisher,
  rawIdentifier,
  subscriber,
  visitOf,
  writeCatalog,
  writeParties,
} from './flow-people.ts';
import type { OtlpReceiver } from './otlp-receiver.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';
import type { RunningSluice } from './running-sluice.ts';
import { startSluice } from './running-sluice.ts';
import type { JavaReader } from './subscriber/java-reader.ts';
import { missingPrograms, propertiesOf, startJavaReader, subscriberClassPath } from './subscriber/java-reader.ts';
import { hasPythonClient, runPython } from './subscriber/python-reader.ts';

/** What the answered credential holds, as far as the clients here need it. */
interface Credential {
  readonly username: string;
  readonly password: string;
  readonly topic: string;
  readonly streamUrl: string;
  readonly snippets: Record<'java' | 'python' | 'curl', string>;
}

interface Governed {
  readonly residentId: string;
  readonly phone: string;
  readonly department: string;
  readonly number: number;
}

const firstVisits = 60;
const backlogVisits = 1_500;
/** Few to a batch, so that a client that reads slowly has only a little of the backlog in hand. */
const visitsEach = 25;
const reads = [...Array(firstVisits).keys()];

let sluice: RunningSluice;
let otlp: OtlpReceiver;
let directory: string;
let classPath: string;
let operator: Person;
let cluster: Cluster;
let agreement: string;
let credential: Credential;
const readers: JavaReader[] = [];

const missing = missingPrograms();
/** A test that cannot run on this machine is not there: what ends a run counts passed and failed alone. */
const notHere = (_name: string, _run: () => Promise<void>, _timeoutMs: number): void => undefined;
const testJava = missing.length === 0 ? test : notHere;
const named = (name: string): string =>
  missing.length === 0 ? name : `${name} (without Java's part: there is no ${missing.join(' and no ')})`;

const as = (person: Person, request: readonly [string, string, unknown?], expected = 200): Promise<Answer> =>
  ask(sluice.address, person, request, expected);

beforeAll(async () => {
  if (missing.length === 0) classPath = subscriberClassPath();
  directory = mkdtempSync(path.join(os.tmpdir(), 'sluice-flow-'));
  otlp = await startOtlpReceiver();
  sluice = await startSluice({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.endpoint } });
  operator = sluice.ownAccount;
  cluster = unwrap(await Cluster.open({ brokers: sluice.brokers, clientId: 'flow', sasl: sluice.kafkaAdmin }));
}, 300_000);

afterAll(async () => {
  for (const reader of readers) reader.stop();
  await cluster?.close();
  await sluice?.stop();
  await otlp?.stop();
  if (sluice !== undefined) wipePostgres(path.join(sluice.directory, 'postgres'));
  sluice?.remove();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

/** Asks until the answer is not null. */
async function eventually<T>(look: () => Promise<T | null> | T | null): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`not within a minute: ${look.toString()}`);
    await sleep(50);
  }
}

async function publish(from: number, count: number): Promise<void> {
  for (let number = from; number < from + count; number += visitsEach) {
    const rows = Array.from({ length: Math.min(visitsEach, from + count - number) }, (_, index) => visitOf(number + index));
    const { body } = await as(publisher, ['POST', `/v1/datasets/${dataset}/records`, rows]);
    expect(body).toMatchObject({ accepted: rows.length, refused: 0 });
  }
}

/** How far the governed topic is, all partitions together. Markers of transactions count too. */
async function governedEnd(): Promise<bigint> {
  const ends = unwrap(await topicOffsets(cluster, topicNames.governed(dataset, agreement), 'latest'));
  return [...ends.values()].reduce((sum, end) => sum + BigInt(end), 0n);
}

async function newCredential(overlapSeconds: number): Promise<Credential> {
  return (await as(subscriber, ['POST', `/v1/agreements/${agreement}/credentials`, { overlapSeconds }], 201)).body;
}

/** What the answered program for a shell prints. */
async function readByCurl({ snippets }: Credential): Promise<Governed[]> {
  const { stdout } = await promisify(execFile)('sh', ['-c', snippets.curl], { maxBuffer: 16 * 1024 * 1024 });
  expect(stdout).not.toMatch(rawIdentifier);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { data: Governed }).data);
}

/** A Java reader whose properties are the answered ones; `more` are what a subscriber sets for itself. */
function readByJava(of: Credential, records: number, more: { workMs?: number; properties?: string } = {}): JavaReader {
  const properties = path.join(directory, `${of.username}.properties`);
  writeFileSync(properties, propertiesOf(of.snippets.java) + (more.properties ?? ''), { mode: 0o600 });
  const { workMs = 0 } = more;
  const reader = startJavaReader(classPath, { properties, topic: of.topic, records, workMs });
  readers.push(reader);
  return reader;
}

async function toEnd(reader: JavaReader): Promise<Governed[]> {
  const code = await reader.ended;
  if (code !== 0) throw new Error(`the Java reader ended with ${code}: ${reader.said().slice(-2_000)}`);
  return recordsOf(reader);
}

function recordsOf({ lines }: JavaReader): Governed[] {
  expect(lines.join('\n')).not.toMatch(rawIdentifier);
  return lines.map((line) => JSON.parse(line) as Governed);
}

const numbersOf = (records: readonly Governed[]): number[] => records.map(({ number }) => number).toSorted((a, b) => a - b);

/** Governed as the agreement says: a masked phone, a token of a resident, and the rest as it was. */
function expectGoverned(records: readonly Governed[]): void {
  for (const { residentId, phone, department, number } of records) {
    expect([phone, department]).toEqual([`138****${String(number).padStart(4, '0')}`, '内科']);
    expect(residentId).toHaveLength(32);
  }
  expect(new Set(records.map(({ residentId }) => residentId)).size).toBe(records.length);
}

describe('the publisher', () => {
  test('describes a dataset, its rights, a baseline and an offer in YAML, which is applied', async () => {
    writeParties(path.join(directory, 'parties'));
    writeCatalog(path.join(directory, 'catalog'));
    expect(await applyAs(sluice.address, operator, path.join(directory, 'parties'))).toContain('2 to add');
    for (const { name, secret } of [publisher, subscriber])
      await as(operator, ['PUT', `/v1/accounts/${name}`, { participant: name, secret }]);
    expect(await applyAs(sluice.address, publisher, path.join(directory, 'catalog'))).toContain('6 to add');
    expect(await applyAs(sluice.address, publisher, path.join(directory, 'catalog'))).toContain(
      '0 to add, 0 to change, 0 to cut, 6',
    );
  }, 60_000);

  test('sends records over HTTP', () => publish(0, firstVisits), 60_000);
});

describe('the subscriber', () => {
  test('finds the dataset by Chinese words, and reads what it is made of', async () => {
    const { body } = await as(subscriber, ['GET', `/v1/datasets?q=${encodeURIComponent('门诊 明细')}`]);
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([dataset]);
    const { body: found } = await as(subscriber, ['GET', `/v1/datasets/${dataset}`]);
    expect(found).toMatchObject({ level: 'L2', title: { zh: '门诊就诊明细' } });
    expect(found.fields).toContainEqual(expect.objectContaining({ path: '/phone', tag: 'direct-identifier' }));
  });

  test('tries the offer on real records, and sees them governed alone', async () => {
    const { body } = await as(subscriber, ['POST', `/v1/offers/${offer}/dry-run`, { purpose: 'research', samples: 5 }]);
    expect(body.samples).toHaveLength(5);
    expectGoverned(body.samples.map(({ after }: { after: Governed }) => after));
    expect(JSON.stringify(body)).not.toMatch(rawIdentifier);
  });

  test('asks, and its agreement is made by the approval of the publisher', async () => {
    const { body: request } = await as(subscriber, ['POST', '/v1/requests', { offer, purpose: 'research' }], 201);
    expect(request).toMatchObject({ state: 'submitted', waitsFor: 'assigner' });
    ({ agreement } = request);
    const { body: approved } = await as(publisher, ['POST', `/v1/requests/${request.id}/approve`, {}]);
    expect(approved).toMatchObject({ state: 'granted', waitsFor: null });
    const { body: made } = await as(subscriber, ['GET', `/v1/agreements/${agreement}`]);
    expect(made.state).toBe('started');
    expect(made.programs.map(({ programHash }: { programHash: string }) => programHash)).toEqual(
      Object.values(request.programHashes),
    );
  });

  test('gets its credential this once', async () => {
    credential = await newCredential(0);
    const { body } = await as(subscriber, ['GET', `/v1/agreements/${agreement}/credentials`]);
    expect(body.items).toMatchObject([{ generation: 1, username: credential.username, state: 'active' }]);
    expect(JSON.stringify(body)).not.toContain(credential.password);
  });

  test('reads by the answered curl line what was there before it asked', async () => {
    const records = await eventually(async () => {
      const there = await readByCurl(credential);
      return there.length === firstVisits ? there : null;
    });
    expect(numbersOf(records)).toEqual(reads);
    expectGoverned(records);
  }, 90_000);

  testJava(
    named('reads the same with an unmodified Java client and the answered properties'),
    async () => {
      const records = await toEnd(readByJava(credential, firstVisits));
      expect(numbersOf(records)).toEqual(reads);
      expectGoverned(records);
    },
    90_000,
  );

  // Where it is not installed the program is compiled alone, by `snippets.spec.ts`.
  const testPython = hasPythonClient() ? test : notHere;
  testPython(
    'reads the same by the answered Python program',
    async () => {
      const printed = await runPython(credential.snippets.python, directory, firstVisits);
      expect(printed.join('\n')).not.toMatch(rawIdentifier);
      const numbers = printed.map((line) => Number(/'number': (\d+)/.exec(line)?.[1]));
      expect(numbers.toSorted((a, b) => a - b)).toEqual(reads);
      for (const line of printed) expect(line).toMatch(/'phone': '138\*{4}\d{4}'/);
    },
    90_000,
  );

  test('finds no raw identifier in the topic itself, keys and headers included', async () => {
    const reader = unwrap(await TopicReader.open(cluster, { topic: credential.topic, from: 'earliest' }));
    const seen: string[] = [];
    while (seen.length < firstVisits)
      for (const { key, value, headers } of unwrap(await reader.poll(200)))
        seen.push([key, value, ...headers.flat()].map((bytes) => Buffer.from(bytes ?? []).toString('latin1')).join('\n'));
    await reader.close();
    expect(seen.filter((text) => rawIdentifier.test(text))).toEqual([]);
    expect(rawIdentifier.test(JSON.stringify(visitOf(0)))).toBe(true);
  }, 60_000);
});

describe('the operator', () => {
  test('sees in the audit trail who did what, and in the events what became of it', async () => {
    const { body: trail } = await as(operator, ['GET', '/v1/audit?limit=200']);
    const did = trail.items.map(({ account, route, outcome }: Record<string, unknown>) => `${account} ${route} ${outcome}`);
    for (const entry of [
      `${operator.name} putParticipant 200`,
      `${publisher.name} putDataset 200`,
      `${publisher.name} putOffer 200`,
      `${publisher.name} postRecords 200`,
      `${subscriber.name} makeRequest 201`,
      `${publisher.name} approveRequest 200`,
      `${subscriber.name} issueCredential 201`,
    ])
      expect(did).toContain(entry);
    const events = await eventually(async () => {
      const { body } = await as(operator, ['GET', '/v1/events?limit=200']);
      const types: string[] = body.items.map(({ type }: { type: string }) => type);
      return types.includes('sluice.credential.issued.v1') ? types.toReversed() : null;
    });
    const flow = [
      'dataset.changed',
      'offer.changed',
      'request.submitted',
      'agreement.started',
      'request.granted',
      'credential.issued',
    ];
    expect(flow.map((type) => events.indexOf(`sluice.${type}.v1`)).every((at, index, all) => at > (all[index - 1] ?? -1))).toBe(
      true,
    );
    expect(JSON.stringify([trail, events])).not.toContain(credential.password);
  });

  test('gets traces and figures that name the agreement, and no record', async () => {
    await eventually(() => {
      const text = otlp.received().toString('latin1');
      return text.includes(agreement) && text.includes('sluice.agreement.records') ? true : null;
    });
    expect(otlp.received().toString('latin1')).not.toMatch(rawIdentifier);
  }, 90_000);

  test(named(
    'kills the agreement: a Java reader in the middle of a backlog gets nothing more, and the stream ends',
  ), async () => {
    const endBefore = await governedEnd();
    await publish(firstVisits, backlogVisits);
    await eventually(async () => ((await governedEnd()) - endBefore >= BigInt(backlogVisits) ? true : null));
    // A reader that is slow at its work, and takes little at a time.
    const slow = { workMs: 400, properties: 'max.partition.fetch.bytes=1024\nfetch.max.bytes=1024\n' };
    const reader = missing.length === 0 ? readByJava(credential, backlogVisits, slow) : null;
    const streamed = follow(credential);
    await eventually(() => (reader?.lines.length === 0 ? null : true));
    await eventually(() => (streamed.received().includes('id:') ? true : null));
    const { body } = await as(operator, ['POST', `/v1/agreements/${agreement}/kill`, { reason: '安全事件演练' }]);
    expect(body).toMatchObject({ agreements: 1, users: 1 });
    if (reader !== null) {
      expect(await reader.ended).not.toBe(0);
      expect(reader.said()).toMatch(/Not authorized to|authorization failed/i);
      expect(recordsOf(reader).length).toBeLessThan(backlogVisits);
    }
    await streamed.ended;
    expect(streamed.received()).not.toMatch(rawIdentifier);
    const { body: held } = await as(subscriber, ['GET', `/v1/agreements/${agreement}`]);
    expect(held).toMatchObject({ state: 'suspended', holds: [{ kind: 'kill' }] });
    await as(subscriber, ['POST', `/v1/agreements/${agreement}/credentials`, {}], 409);
    await as(publisher, ['POST', `/v1/agreements/${agreement}/resume`], 409);
  }, 120_000);

  test('lifts it, and with the next credential everything is read that had come', async () => {
    await as(operator, ['POST', `/v1/agreements/${agreement}/lift`]);
    await publish(firstVisits + backlogVisits, visitsEach);
    credential = await newCredential(0);
    const wanted = firstVisits + backlogVisits + visitsEach;
    const records = await eventually(async () => {
      const there = await readByCurl(credential);
      return there.length >= wanted ? there : null;
    });
    expect(records).toHaveLength(wanted);
    expectGoverned(records);
  }, 120_000);
});

describe('the publisher again', () => {
  test('suspends, and nothing new comes; resumes, and what came meanwhile follows', async () => {
    const { body } = await as(publisher, ['POST', `/v1/agreements/${agreement}/suspend`]);
    expect(body.state).toBe('suspended');
    const before = await governedEnd();
    await publish(2_000, visitsEach);
    expect(await governedEnd()).toBe(before);
    await as(publisher, ['POST', `/v1/agreements/${agreement}/resume`]);
    const came = await eventually(async () => {
      const there = await readByCurl(credential);
      return there.filter(({ number }) => number >= 2_000).length === visitsEach ? there : null;
    });
    expectGoverned(came);
  }, 90_000);
});

describe('the subscriber again', () => {
  test('changes its credential without a gap: the old and the new one read, until the old one is ended', async () => {
    const next = await newCredential(3_600);
    expect(next.username).not.toBe(credential.username);
    expect(await readByCurl(credential)).toEqual(await readByCurl(next));
    await as(subscriber, ['DELETE', `/v1/agreements/${agreement}/credentials/${generationOf(credential)}`], 204);
    await expect(eventually(() => readByCurl(credential).then(() => null))).rejects.toThrow(/401/);
    expect((await readByCurl(next)).length).toBeGreaterThan(firstVisits);
    credential = next;
  }, 90_000);
});

const generationOf = ({ username }: Credential): number => Number(/\.g(\d+)$/.exec(username)?.[1]);

/** Follows the stream as a browser would: what came, and when it ended. */
function follow({ username, password, streamUrl }: Credential): { received(): string; readonly ended: Promise<void> } {
  let text = '';
  const read = async (): Promise<void> => {
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const response = await fetch(streamUrl, { headers: { authorization, accept: 'text/event-stream' } });
    expect(response.status).toBe(200);
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) text += Buffer.from(part).toString();
  };
  const ended = read();
  // It may fail before anybody waits for it.
  ended.catch(() => undefined);
  return { received: () => text, ended };
}
