import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { unwrap } from '../../base/index.ts';
import type { KafkaService } from './index.ts';
import { kafkaJarsDirectory, startKafka } from './index.ts';

describe('an embedded Kafka broker', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-kafka-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const start = () => startKafka({ directory, jarsDirectory: kafkaJarsDirectory() });

  test('keeps its records, its port and its password over a restart, and takes no one without the password', async () => {
    const first = unwrap(await start());
    try {
      const admin = client(first).admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] });
      await admin.disconnect();
      const producer = client(first).producer();
      await producer.connect();
      await producer.send({ topic: 'kept', messages: [{ partition: 0, value: 'one' }] });
      await producer.disconnect();
      await expect(
        client({ ...first, adminPassword: 'wrong' })
          .admin()
          .connect(),
      ).rejects.toThrow(/[Aa]uthentication/);
    } finally {
      await first.stop();
    }
    const second = unwrap(await start());
    try {
      expect(second.brokers).toEqual(first.brokers);
      expect(second.adminPassword).toBe(first.adminPassword);
      const admin = client(second).admin();
      await admin.connect();
      expect(await admin.fetchTopicOffsets('kept')).toEqual([{ partition: 0, offset: '1', high: '1', low: '0' }]);
      await admin.disconnect();
      expect(statSync(path.join(directory, 'admin.secret')).mode & 0o077).toBe(0);
      expect(statSync(path.join(directory, 'server.properties')).mode & 0o077).toBe(0);
      const commandLine = `/proc/${second.pid}/cmdline`;
      if (existsSync(commandLine)) expect(readFileSync(commandLine, 'utf8')).not.toContain(second.adminPassword);

      const other = await startKafka({
        directory: path.join(directory, 'other'),
        jarsDirectory: kafkaJarsDirectory(),
        ports: { client: Number(second.brokers[0]?.split(':')[1]) },
      });
      expect(other).toMatchObject({ ok: false, failure: { code: 'port-busy' } });
    } finally {
      await second.stop();
    }
  });

  test('says in one sentence that Java is missing, or why the broker ended', async () => {
    const without = await startKafka({
      directory: path.join(directory, 'nojava'),
      jarsDirectory: kafkaJarsDirectory(),
      java: 'no-such-java',
    });
    expect(without).toMatchObject({ ok: false, failure: { code: 'java-missing' } });
    const broken = await startKafka({ directory: path.join(directory, 'nojars'), jarsDirectory: path.join(directory, 'empty') });
    expect(broken).toMatchObject({
      ok: false,
      failure: { code: 'service-failed', message: expect.stringContaining('StorageTool') },
    });
  });
});

const client = ({ brokers, adminUsername: username, adminPassword: password }: KafkaService) =>
  new kafkajs.Kafka({
    clientId: 'test',
    brokers: [...brokers],
    sasl: { mechanism: 'scram-sha-512', username, password },
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 3 },
  });
