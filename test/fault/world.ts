/** Everything around the data planes of a fault run: brokers behind a proxy, a registry, keys, directives, the load and a reader. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { Cluster, DirectiveLog, KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import { LocalFileVault, openSigner } from '../../libs/adapters/kms/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { WrappedKey } from '../../libs/catalog/index.ts';
import { decodeReceipt } from '../../libs/ledger/index.ts';
import type { TestBrokers } from '../../libs/testkit/index.ts';
import { approvingLog, startTestBrokers } from '../../libs/testkit/index.ts';
import type { FeedNames } from './evidence.ts';
import { topicsOf } from './evidence.ts';
import type { AgreementName } from './feed.ts';
import { agreementNames, approvedAt, feedSchema, writerSchemaId } from './feed.ts';
import type { ClientPlace, SeenRecord } from './java-clients.ts';
import { CommittedReader, LoadClient } from './java-clients.ts';
import { Load } from './load.ts';
import type { PlaneSettings } from './plane-process.ts';
import { clientIdOf, PlaneProcess } from './plane-process.ts';
import { KafkaProxy } from './proxy.ts';
import { until } from './until.ts';

export interface WorldOptions {
  readonly brokers: 1 | 3;
  readonly partitions: number;
  readonly seed: number;
  /** Told each governed record as the reader gets it. */
  readonly onRecord?: (record: SeenRecord) => void;
}

const logLinesShown = 12;
/** How long a supervisor waits before it starts a process again. */
const supervisorPauseMs = 500;
const startedSentence = 'The data plane has started';

export class FaultWorld {
  readonly names: FeedNames;
  readonly proxy: KafkaProxy;
  readonly brokers: TestBrokers;
  readonly place: ClientPlace;
  readonly load: Load;
  readonly early: CommittedReader;
  readonly planes = new Map<string, PlaneProcess>();
  /** In hex, as it stands in requests. */
  readonly directivesTopicId: string;
  /** A sentence for each data plane that gave up starting, as one does that reaches no broker for long. */
  readonly couldNotStart: string[] = [];
  /** A sentence for each data plane that ended at work, though nobody had told it to. */
  readonly endedByThemselves: string[] = [];
  #closing = false;
  readonly #parts: WorldParts;
  readonly #revisions = new Map<AgreementName, number>();
  readonly #dataKeys = new Map<AgreementName, WrappedKey>();

  private constructor(parts: WorldParts) {
    this.#parts = parts;
    ({
      names: this.names,
      proxy: this.proxy,
      brokers: this.brokers,
      place: this.place,
      load: this.load,
      early: this.early,
      directivesTopicId: this.directivesTopicId,
    } = parts);
  }

  static async open(options: WorldOptions): Promise<FaultWorld> {
    const undo: (() => unknown)[] = [];
    try {
      const parts = await build(options, undo);
      const world = new FaultWorld({ ...parts, undo });
      for (const agreement of agreementNames) await world.direct(agreement);
      return world;
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  /** Publishes the agreement's next revision. */
  async direct(agreement: AgreementName): Promise<void> {
    const { vault, directives, sealTo } = this.#parts;
    const id = this.names.agreements[agreement];
    const revision = (this.#revisions.get(agreement) ?? 0) + 1;
    this.#revisions.set(agreement, revision);
    const dataKey = this.#dataKeys.get(agreement) ?? unwrap(await vault.wrap(randomBytes(32), `agreement/${id}`));
    this.#dataKeys.set(agreement, dataKey);
    unwrap(
      await directives.publish({
        version: 1,
        agreement: id,
        dataset: this.names.dataset,
        assigner: 'hospital',
        assignee: 'lab',
        revision,
        state: 'started',
        programs: [approvedAt(agreement, revision)],
        dataKey,
        sealTo,
        delivery: { kind: 'kafka' },
      }),
    );
  }

  /** Starts a data plane under this name, in place of an earlier one that has ended. One that ends by itself is started again, as a supervisor would. */
  start(instance: string): PlaneProcess {
    const plane = new PlaneProcess(instance, this.#parts.settings, ({ log }) => {
      const last = log.trimEnd().split('\n').slice(-logLinesShown).join(' | ');
      // One sentence and the end is how it says that it cannot start. Anything else is a fault.
      if (log.includes(startedSentence) || /\n\s+at /.test(log))
        this.endedByThemselves.push(`${instance} ended by itself: ${last}`);
      else this.couldNotStart.push(`${instance} could not start: ${last}`);
      setTimeout(() => {
        if (this.planes.get(instance) === plane && !this.#closing) this.start(instance);
      }, supervisorPauseMs).unref();
    });
    this.planes.set(instance, plane);
    this.#parts.started.push(plane);
    return plane;
  }

  /** It leaves when it runs, and starts otherwise. */
  comeOrGo(instance: string): void {
    const plane = this.planes.get(instance);
    if (plane?.running === true) void plane.leave();
    else this.start(instance);
  }

  /** The one that runs, or ran last, under this name. */
  plane(instance: string): PlaneProcess {
    const plane = this.planes.get(instance);
    if (plane === undefined) throw new Error(`there is no data plane "${instance}"`);
    return plane;
  }

  /** Resolves with true when a Produce of this data plane has been answered, with false after `timeoutMs`. */
  async produces(instance: string, timeoutMs = 40_000): Promise<boolean> {
    let produced = false;
    const end = this.proxy.watch((on, { api, clientId }) => {
      produced ||= on === 'answer' && api === 'produce' && clientId === clientIdOf(instance);
    });
    await until(() => produced, timeoutMs);
    end();
    return produced;
  }

  /** Records of the input that Receipts account for, for the agreement that has the fewest. */
  accounted(): number {
    const counts = agreementNames.map((name) => this.#parts.counted.get(this.names.agreements[name]) ?? 0);
    return Math.min(...counts);
  }

  /** Waits until the raw topic has no open transaction: what is committed behind one is not to be read before it has ended. */
  async feedEnded(timeoutMs = 60_000): Promise<void> {
    const raw = topicNames.raw(this.names.dataset);
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const stable = unwrap(await this.#parts.admin.endOffsets(raw, 'read_committed'));
      const all = unwrap(await this.#parts.admin.endOffsets(raw, 'read_uncommitted'));
      if (all.every((end, partition) => end === stable[partition])) return;
      if (Date.now() > deadline) throw new Error('a transaction of the load stays open');
      await sleep(250);
    }
  }

  /** What all data planes wrote to their output. */
  planeLogs(): string[] {
    return this.#parts.started.map(({ log }) => log);
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const step of this.#parts.undo.reverse()) await step();
  }
}

type WorldParts = Awaited<ReturnType<typeof build>> & { readonly undo: (() => unknown)[] };

async function build(options: WorldOptions, undo: (() => unknown)[]) {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-fault-'));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const proxy = await KafkaProxy.open(options.brokers);
  undo.push(() => proxy.close());
  const brokers = await startTestBrokers({
    directory: path.join(directory, 'brokers'),
    count: options.brokers,
    proxyPorts: proxy.ports,
  });
  undo.push(() => brokers.stop());
  proxy.lead(brokers.nodes.map(({ proxiedPort }) => proxiedPort));

  const { addresses, username, password } = brokers;
  const cluster = unwrap(await Cluster.open({ brokers: addresses, clientId: 'fault-run', sasl: { username, password } }));
  undo.push(() => cluster.close());
  const names: FeedNames = {
    dataset: `visits-${options.seed}`,
    agreements: { open: `open-${options.seed}`, keyed: `keyed-${options.seed}` },
  };
  const { partitions } = options;
  const raw = topicNames.raw(names.dataset);
  const admin = new KafkaAdmin(cluster);
  unwrap(
    await admin.createTopics([
      { name: raw, partitions },
      ...topicsOf(names).map((name) => ({ name, partitions: name === topicNames.receipts ? 1 : partitions })),
    ]),
  );
  const keyFile = path.join(directory, 'master.key');
  const { signer } = unwrap(await openSigner({ keyFile }));
  const directives = approvingLog(unwrap(await DirectiveLog.open(cluster, signer, 'fault-run')), signer);
  undo.push(() => directives.close());
  const [topic] = await cluster.topics([topicNames.directives]);

  const vault = unwrap(await LocalFileVault.open(keyFile));
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const { publicKey } = await suite.kem.generateKeyPair();
  const sealTo = Buffer.from(await suite.kem.serializePublicKey(publicKey)).toString('base64url');
  const registry = await startRegistry();
  undo.push(() => new Promise((resolve) => registry.close(resolve)));

  const place: ClientPlace = { addresses, username, password, directory };
  const counted = new Map<string, number>();
  const early = await CommittedReader.open(place, topicsOf(names), (record) => {
    if (record.topic === topicNames.receipts) count(record, counted);
    options.onRecord?.(record);
  });
  undo.push(() => early.stop());
  const client = await LoadClient.open(place, raw, `load-${options.seed}-`);
  undo.push(() => client.stop());
  const started: PlaneProcess[] = [];
  undo.push(async () => {
    for (const plane of started) if (plane.running) plane.kill();
    await Promise.all(started.map((plane) => plane.gone()));
  });
  const settings: PlaneSettings = {
    brokers: proxy.ports.map((port) => `127.0.0.1:${port}`),
    username,
    password,
    registryUrl: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`,
    keyFile,
  };
  return {
    names,
    proxy,
    brokers,
    admin,
    place,
    load: new Load(client, options.seed, partitions),
    early,
    directivesTopicId: (topic?.topicId ?? '').replaceAll('-', ''),
    vault,
    directives,
    sealTo,
    settings,
    started,
    counted,
  };
}

function count({ value }: SeenRecord, counted: Map<string, number>): void {
  const receipt = decodeReceipt(value ?? Buffer.alloc(0));
  if (!receipt.ok) return;
  const { agreement, inputCount } = receipt.value;
  counted.set(agreement, (counted.get(agreement) ?? 0) + Number(inputCount));
}

/** A schema registry that knows the feed's schema alone. */
async function startRegistry(): Promise<Server> {
  const server = createServer((request, response) => {
    const known = request.url === `/schemas/ids/${writerSchemaId}`;
    const body = known ? { schema: feedSchema.text } : { error_code: 40403, message: 'no such schema' };
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
