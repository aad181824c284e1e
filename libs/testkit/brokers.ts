/** Brokers of a test's own: one or several, each of which can be killed hard and started again, with a listener for a proxy beside the ordinary one. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { KafkaService } from '../adapters/local/index.ts';
import { choosePorts, kafkaJarsDirectory, newClusterId, startKafka } from '../adapters/local/index.ts';
import { unwrap } from '../base/index.ts';

export interface TestBrokersOptions {
  /** Holds the data of all. Made when missing; the caller removes it. */
  readonly directory: string;
  /** Topics have a replica on each broker; with three, two must be in sync for a write. */
  readonly count: 1 | 3;
  /** The port of the proxy in front of each broker, index = broker id - 1: what the proxied listener advertises. */
  readonly proxyPorts: readonly number[];
}

export interface TestBroker {
  readonly id: number;
  /** Of the ordinary listener. */
  readonly port: number;
  /** Of the listener that the proxy connects to. */
  readonly proxiedPort: number;
  /** SIGKILL: nothing is flushed, nothing handed over. */
  kill(): Promise<void>;
  /** Starts it again on its data. */
  start(): Promise<void>;
}

export interface TestBrokers {
  readonly nodes: readonly TestBroker[];
  /** `host:port` of the ordinary listeners. */
  readonly addresses: readonly string[];
  readonly username: string;
  readonly password: string;
  stop(): Promise<void>;
}

/** Starts all of them at once and waits until each serves. */
export async function startTestBrokers(options: TestBrokersOptions): Promise<TestBrokers> {
  const { directory, count, proxyPorts } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const names = ids.flatMap((id) => [`client${id}`, `controller${id}`, `proxied${id}`]);
  const ports = unwrap(await choosePorts(path.join(directory, 'ports.json'), names, {}));
  const port = (name: string): number => ports[name] as number;
  const clusterId = newClusterId();
  const services = new Map<number, KafkaService>();
  const start = async (id: number): Promise<void> => {
    const started = await startKafka({
      directory: path.join(directory, `broker-${id}`),
      jarsDirectory: kafkaJarsDirectory(),
      ports: { client: port(`client${id}`), controller: port(`controller${id}`) },
      cluster: {
        clusterId,
        nodeId: id,
        nodes: ids.map((other) => ({ id: other, controllerPort: port(`controller${other}`) })),
        replicationFactor: count,
        inSyncReplicasMin: count === 3 ? 2 : 1,
        secretsDirectory: path.join(directory, 'secrets'),
      },
      proxied: { port: port(`proxied${id}`), advertisedPort: proxyPorts[id - 1] ?? 0 },
    });
    services.set(id, unwrap(started));
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...services.values()].map((service) => service.stop()));
  };
  const outcomes = await Promise.allSettled(ids.map(start));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const first = services.get(1) as KafkaService;
  return {
    nodes: ids.map((id) => ({
      id,
      port: port(`client${id}`),
      proxiedPort: port(`proxied${id}`),
      kill: async () => {
        const service = services.get(id) as KafkaService;
        process.kill(service.pid, 'SIGKILL');
        await service.ended;
      },
      start: () => start(id),
    })),
    addresses: ids.map((id) => `127.0.0.1:${port(`client${id}`)}`),
    username: first.adminUsername,
    password: first.adminPassword,
    stop,
  };
}
