import { describe, expect, test } from '@jest/globals';
import type { KafkaSettings } from './kafka-properties.ts';
import { serverProperties } from './kafka-properties.ts';

const single: KafkaSettings = {
  dataDirectory: 'data',
  ports: { client: 1001, controller: 1002 },
  adminPassword: 'a',
  controllerPassword: 'c',
  transactionScanMs: 1_000,
};
const read = (settings: KafkaSettings): Record<string, string> =>
  Object.fromEntries(
    serverProperties(settings)
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

describe("the broker's configuration", () => {
  test('gives the partitions of a member that was killed to others within seconds', () => {
    expect(read(single)).toMatchObject({
      'group.consumer.session.timeout.ms': '6000',
      'group.consumer.min.session.timeout.ms': '6000',
      'group.consumer.heartbeat.interval.ms': '1500',
      'group.consumer.min.heartbeat.interval.ms': '1000',
    });
  });

  test('of one broker votes for itself and replicates nothing', () => {
    expect(read(single)).toMatchObject({
      'node.id': '1',
      'controller.quorum.voters': '1@127.0.0.1:1002',
      'default.replication.factor': '1',
      'min.insync.replicas': '1',
      'transaction.state.log.replication.factor': '1',
      listeners: 'CLIENT://127.0.0.1:1001,CONTROLLER://127.0.0.1:1002',
    });
  });

  test("of one broker among several knows the others, and replicates Kafka's own topics as well", () => {
    const nodes = [
      { id: 1, controllerPort: 1002 },
      { id: 2, controllerPort: 2002 },
      { id: 3, controllerPort: 3002 },
    ];
    const cluster = { clusterId: 'c', nodeId: 2, nodes, replicationFactor: 3, inSyncReplicasMin: 2 };
    expect(read({ ...single, cluster })).toMatchObject({
      'node.id': '2',
      'controller.quorum.voters': '1@127.0.0.1:1002,2@127.0.0.1:2002,3@127.0.0.1:3002',
      'default.replication.factor': '3',
      'min.insync.replicas': '2',
      'offsets.topic.replication.factor': '3',
      'transaction.state.log.replication.factor': '3',
      'transaction.state.log.min.isr': '2',
    });
  });

  test('with a proxied listener advertises the port of the proxy there alone, and asks for a password as elsewhere', () => {
    const proxied = read({ ...single, proxied: { port: 1003, advertisedPort: 9003 } });
    expect(proxied).toMatchObject({
      listeners: 'CLIENT://127.0.0.1:1001,CONTROLLER://127.0.0.1:1002,PROXIED://127.0.0.1:1003',
      'advertised.listeners': 'CLIENT://127.0.0.1:1001,PROXIED://127.0.0.1:9003',
      'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT,PROXIED:SASL_PLAINTEXT',
      'listener.name.proxied.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    });
  });
});
