/** A proxy in front of Kafka brokers that can tell requests apart, and delays, drops, swallows or answers them as told. */
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorAnswer } from './error-answers.ts';
import type { ApiName, RequestHead } from './kafka-frames.ts';
import { FrameSplitter, framed, knownApi, readHead } from './kafka-frames.ts';

/** One request or answer on its way. */
export interface Passing {
  readonly clientId: string;
  /** Undefined when the proxy cannot read this api or version; such frames only pass. */
  readonly api: ApiName | undefined;
  /** Index of the broker. */
  readonly broker: number;
  /** Without the size. */
  readonly frame: Buffer;
}

/**
 * `black-hole`: this frame and everything behind it on the connection, in both directions, is swallowed while the connection stays open.
 * `answer`: the request never reaches the broker.
 */
export type Act =
  | { readonly kind: 'pass' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'black-hole' }
  | { readonly kind: 'answer'; readonly code: number };

export interface Rule {
  readonly clientId: string;
  readonly api: ApiName;
  readonly on: 'request' | 'answer';
  readonly act: Act;
  /** How often it applies. */
  readonly times: number;
  readonly when?: (passing: Passing) => boolean;
  /** Told at each application: of a frame that passes, after it was written. */
  readonly hit?: () => void;
}

export interface PlacedRule {
  hits(): number;
  remove(): void;
}

interface Pending {
  readonly head: RequestHead;
  readonly forged: Buffer | undefined;
}

export class KafkaProxy {
  readonly #servers: Server[];
  readonly #targets: (number | undefined)[];
  readonly #sockets = new Set<Socket>();
  readonly #rules = new Set<{ readonly rule: Rule; left: number }>();
  readonly #watchers = new Set<(on: 'request' | 'answer', passing: Passing) => void>();
  readonly ports: readonly number[];

  private constructor(servers: Server[]) {
    this.#servers = servers;
    this.#targets = servers.map(() => undefined);
    this.ports = servers.map((server) => (server.address() as AddressInfo).port);
  }

  /** Listens on a free port for each broker. Where they are is told later, because they must know these ports first. */
  static async open(brokers: number): Promise<KafkaProxy> {
    const servers = await Promise.all(
      Array.from({ length: brokers }, async () => {
        const server = createServer({ noDelay: true });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return server;
      }),
    );
    const proxy = new KafkaProxy(servers);
    servers.forEach((server, broker) => server.on('connection', (client) => proxy.#join(client, broker)));
    return proxy;
  }

  /** The port of each broker, in the order of `ports`. */
  lead(targets: readonly number[]): void {
    targets.forEach((port, broker) => {
      this.#targets[broker] = port;
    });
  }

  add(rule: Rule): PlacedRule {
    const placed = { rule, left: rule.times };
    this.#rules.add(placed);
    return { hits: () => rule.times - placed.left, remove: () => void this.#rules.delete(placed) };
  }

  /** Sees every frame before any rule does. Gives back how to end that. */
  watch(watcher: (on: 'request' | 'answer', passing: Passing) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #join(client: Socket, broker: number): void {
    const port = this.#targets[broker];
    if (port === undefined) {
      client.destroy();
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port, noDelay: true });
    const link = new Link(client, upstream, broker, (on, passing) => this.#apply(on, passing));
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        link.drop();
      });
    }
    client.on('data', (chunk: Buffer) => link.fromClient(chunk));
    upstream.on('data', (chunk: Buffer) => link.fromBroker(chunk));
  }

  #apply(on: 'request' | 'answer', passing: Passing): Rule | undefined {
    for (const watcher of this.#watchers) watcher(on, passing);
    for (const placed of this.#rules) {
      const { rule } = placed;
      if (rule.on !== on || rule.api !== passing.api || rule.clientId !== passing.clientId || placed.left === 0) continue;
      if (rule.when?.(passing) === false) continue;
      placed.left -= 1;
      return rule;
    }
    return undefined;
  }
}

type Decide = (on: 'request' | 'answer', passing: Passing) => Rule | undefined;

/** A connection of a client and the one to its broker. Frames are taken in order, one after the other in each direction. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #broker: number;
  readonly #decide: Decide;
  readonly #requests = new FrameSplitter();
  readonly #answers = new FrameSplitter();
  /** A broker answers the requests of a connection in their order. */
  readonly #pending: Pending[] = [];
  #requestTail: Promise<void> = Promise.resolve();
  #answerTail: Promise<void> = Promise.resolve();
  #swallows = false;

  constructor(client: Socket, upstream: Socket, broker: number, decide: Decide) {
    this.#client = client;
    this.#upstream = upstream;
    this.#broker = broker;
    this.#decide = decide;
  }

  fromClient(chunk: Buffer): void {
    for (const frame of this.#requests.push(chunk)) this.#requestTail = this.#requestTail.then(() => this.#request(frame));
  }

  fromBroker(chunk: Buffer): void {
    for (const frame of this.#answers.push(chunk)) this.#answerTail = this.#answerTail.then(() => this.#answer(frame));
  }

  drop(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  async #request(frame: Buffer): Promise<void> {
    if (this.#swallows) return;
    const head = readHead(frame);
    const rule = this.#decide('request', this.#passing(head, frame));
    if (rule !== undefined && !(await this.#act(rule.act))) {
      rule.hit?.();
      return;
    }
    const forged = rule?.act.kind === 'answer' ? errorAnswer(head, frame, rule.act.code) : undefined;
    this.#pending.push({ head, forged });
    if (forged === undefined) this.#upstream.write(framed(frame));
    else this.#flushForged();
    rule?.hit?.();
  }

  async #answer(frame: Buffer): Promise<void> {
    if (this.#swallows) return;
    const pending = this.#pending.shift();
    if (pending === undefined || pending.head.correlation !== frame.readInt32BE(0)) {
      this.drop();
      return;
    }
    const rule = this.#decide('answer', this.#passing(pending.head, frame));
    if (rule !== undefined && !(await this.#act(rule.act))) {
      rule.hit?.();
      return;
    }
    this.#client.write(framed(frame));
    rule?.hit?.();
    this.#flushForged();
  }

  /** Forged answers wait for those of the requests before them. */
  #flushForged(): void {
    while (this.#pending[0]?.forged !== undefined) this.#client.write(framed(this.#pending.shift()?.forged as Buffer));
  }

  /** False when the frame goes no further. */
  async #act(act: Act): Promise<boolean> {
    if (act.kind === 'drop') this.drop();
    if (act.kind === 'black-hole') this.#swallows = true;
    if (act.kind === 'delay') await sleep(act.ms);
    return act.kind !== 'drop' && act.kind !== 'black-hole';
  }

  #passing(head: RequestHead, frame: Buffer): Passing {
    return { clientId: head.clientId, api: knownApi(head), broker: this.#broker, frame };
  }
}
