/** One connection to one broker for the record path: pipelined requests written as views, answers read into buffers that are there already. */
import type { Socket } from 'node:net';
import { connect as connectSocket, isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import type { Failure, Result } from '../../base/index.ts';
import { during, fail, ok } from '../../base/index.ts';
import type { BufferPool, Lease } from './buffer-pool.ts';
import { FrameReader } from './frame-reader.ts';
import { kafkaCodes } from './kafka-codes.ts';
import type { SaslOptions } from './sasl.ts';
import { mechanismOf, runSasl } from './sasl.ts';
import { tlsFault } from './tls-faults.ts';
import type { Answered, WireCall } from './wire-call.ts';
import { apiVersionsCall, saslAuthenticateCall, saslHandshakeCall } from './wire-call.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export interface TlsOptions {
  /** PEM; the system's authorities unless given. */
  readonly ca?: string;
  /** PEM of the client's own certificate and key, for brokers that ask for one. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the broker's certificate must carry; the host it is reached at unless given. */
  readonly serverName?: string;
}

export interface RecordConnectionOptions {
  readonly clientId: string;
  readonly pool: BufferPool;
  readonly tls?: boolean | TlsOptions;
  readonly sasl?: SaslOptions;
  /** What will be called: the broker must speak these versions. */
  readonly calls?: readonly { readonly name: string; readonly key: number; readonly version: number }[];
  /** An answer over this breaks the connection; half of the pool unless given. */
  readonly frameBytesMax?: number;
  /** For the connection itself, and again for each answer that opens or authenticates it; 5 s unless given. */
  readonly connectTimeoutMs?: number;
  /** From sending to the whole answer, not counting what this side holds up; for requests that bring no time of their own. */
  readonly requestTimeoutMs?: number;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

interface Exchange {
  readonly call: WireCall<unknown, unknown>;
  readonly question: unknown;
  readonly settle: (result: Result<unknown>) => void;
  readonly timeoutMs: number;
  correlationId: number;
  timer: NodeJS.Timeout | undefined;
}

const connectTimeoutMsDefault = 5_000;
const requestTimeoutMsDefault = 10_000;

const noLease: Lease = { bytes: Buffer.alloc(0), release: () => undefined };

export class RecordConnection {
  readonly #options: RecordConnectionOptions;
  readonly #reader: FrameReader;
  readonly #socket: Socket;
  /** Sent and unanswered, in order of sending: the broker answers in that order. */
  readonly #inFlight: Exchange[] = [];
  /** Not sent yet, because the connection is muted or authenticates. */
  #held: Exchange[] = [];
  #correlationId = 0;
  #muted: NodeJS.Timeout | undefined;
  #authenticating = false;
  #reauthentication: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;
  #failure: Failure | undefined;

  private constructor(address: BrokerAddress, options: RecordConnectionOptions) {
    this.#options = options;
    const sink = {
      keeps: () => this.#inFlight[0]?.call.keeps === true,
      frame: (bytes: Buffer, lease: Lease | undefined) => this.#onFrame(bytes, lease),
      resume: () => this.#socket.resume(),
      broken: (why: string) => this.#break(`the broker sent ${why}`),
    };
    this.#reader = new FrameReader(options.pool, sink, options.frameBytesMax ?? options.pool.bytesMax / 2);
    const onread = { buffer: () => this.#reader.next(), callback: (count: number) => this.#reader.take(count) };
    const { host, port } = address;
    this.#socket =
      options.tls === undefined || options.tls === false
        ? connectSocket({ host, port, onread })
        : connectTls({ host, port, ...tlsOptions(options.tls, host), onread } as ConnectionOptions);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => this.#onError(error));
    this.#socket.on('close', () => this.#break('the connection was closed'));
  }

  /** Connects, checks the broker's versions and authenticates. Fails with `broker-unreachable` or `unauthenticated`. */
  static async open(address: BrokerAddress, options: RecordConnectionOptions): Promise<Result<RecordConnection>> {
    const connection = new RecordConnection(address, options);
    const opened = await connection.#open();
    if (opened.ok) return ok(connection);
    connection.close();
    return during(`connecting to ${address.host}:${address.port}`, opened.failure);
  }

  get usable(): boolean {
    return this.#failure === undefined;
  }

  /**
   * Sends one request behind those already sent. Fails with the reason when the connection breaks before the answer is there, and breaks
   * it when that takes longer than `timeoutMs`.
   */
  request<Q, A>(call: WireCall<Q, A>, question: Q, timeoutMs?: number): Promise<Result<A>> {
    return this.#ask(call, question, this.#muted !== undefined || this.#authenticating, timeoutMs);
  }

  /** Ends the connection; what is unanswered fails. */
  close(): void {
    this.#break('the connection was closed');
  }

  /** A broker that swallows what opens a connection is away, and that shows sooner than a late answer to anything else. */
  get #openingTimeoutMs(): number {
    return this.#options.connectTimeoutMs ?? connectTimeoutMsDefault;
  }

  async #open(): Promise<Result<void>> {
    const connected = await this.#connected();
    if (!connected.ok) return connected;
    const versions = await this.#ask(apiVersionsCall, undefined, false, this.#openingTimeoutMs);
    if (!versions.ok) return versions;
    const { errorCode, ranges } = versions.value;
    const lacking = (this.#options.calls ?? []).find(({ key, version }) => {
      const [oldest, newest] = ranges.get(key) ?? [0, -1];
      return version < oldest || version > newest;
    });
    if (errorCode !== kafkaCodes.none || lacking !== undefined) {
      const what = lacking === undefined ? '' : `; ${lacking.name} ${lacking.version} is missing`;
      return fail('broker-unreachable', `Kafka 4.0 or newer is needed${what}`);
    }
    return this.#authenticate();
  }

  #connected(): Promise<Result<void>> {
    const event = this.#options.tls === undefined || this.#options.tls === false ? 'connect' : 'secureConnect';
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#break('no answer in time'), this.#openingTimeoutMs);
      this.#socket.once(event, () => {
        clearTimeout(timer);
        resolve(ok(undefined));
      });
      this.#socket.once('close', () => {
        clearTimeout(timer);
        resolve({ ok: false, failure: this.#failure ?? fail('broker-unreachable', 'the connection was closed').failure });
      });
    });
  }

  async #authenticate(): Promise<Result<void>> {
    const { sasl } = this.#options;
    if (sasl === undefined) return ok(undefined);
    const handshake = await this.#ask(saslHandshakeCall, mechanismOf(sasl), false, this.#openingTimeoutMs);
    if (!handshake.ok) return handshake;
    if (handshake.value !== kafkaCodes.none) return fail('unauthenticated', `the broker does not take ${mechanismOf(sasl)}`);
    let lifetimeMs = 0;
    const done = await runSasl(sasl, async (message) => {
      const answered = await this.#ask(saslAuthenticateCall, message, false, this.#openingTimeoutMs);
      if (!answered.ok) return answered;
      if (answered.value.errorCode !== kafkaCodes.none) return fail('unauthenticated', 'the credentials were refused');
      lifetimeMs = answered.value.sessionLifetimeMs;
      return ok(answered.value.message);
    });
    if (!done.ok) return done;
    if (lifetimeMs > 0) this.#planReauthentication(lifetimeMs);
    return done;
  }

  /** KIP-368: the broker closes a connection whose authentication is older than its lifetime, so it is renewed before that. */
  #planReauthentication(lifetimeMs: number): void {
    this.#reauthentication = setTimeout(() => void this.#reauthenticate(), Math.min(lifetimeMs * 0.8, 2 ** 31 - 1));
    this.#reauthentication.unref();
  }

  async #reauthenticate(): Promise<void> {
    this.#authenticating = true;
    if (this.#inFlight.length > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    if (!this.usable) return;
    const done = await this.#authenticate();
    this.#authenticating = false;
    if (done.ok) this.#sendHeld();
    else this.#fail(during('authenticating again', done.failure).failure);
  }

  #ask<Q, A>(call: WireCall<Q, A>, question: Q, hold: boolean, timeoutMs?: number): Promise<Result<A>> {
    return new Promise((resolve) => {
      if (this.#failure !== undefined) {
        resolve({ ok: false, failure: this.#failure });
        return;
      }
      const exchange: Exchange = {
        // The pair of call and question is taken apart only in #send and #onFrame, which put the same call to its own question and answer.
        call: call as unknown as WireCall<unknown, unknown>,
        question,
        settle: (result) => resolve(result as Result<A>),
        timeoutMs: timeoutMs ?? this.#options.requestTimeoutMs ?? requestTimeoutMsDefault,
        correlationId: 0,
        timer: undefined,
      };
      if (hold) this.#held.push(exchange);
      else this.#send(exchange);
    });
  }

  #send(exchange: Exchange): void {
    const { call } = exchange;
    this.#correlationId = (this.#correlationId + 1) & 0x7fff_ffff;
    exchange.correlationId = this.#correlationId;
    const header = new WireWriter(64 + this.#options.clientId.length * 4);
    const body = new WireWriter();
    header.int32(0).int16(call.key).int16(call.version).int32(exchange.correlationId).shortString(this.#options.clientId);
    if (call.header !== 1) header.tags();
    call.write(body, exchange.question);
    const [head] = header.parts();
    head?.writeInt32BE(header.byteLength - 4 + body.byteLength, 0);
    this.#inFlight.push(exchange);
    this.#startTimer(exchange);
    this.#socket.cork();
    for (const part of header.parts()) this.#socket.write(part);
    for (const part of body.parts()) this.#socket.write(part);
    // On the next turn, so that what is asked for together leaves together.
    process.nextTick(() => this.#socket.uncork());
  }

  #startTimer(exchange: Exchange): void {
    exchange.timer = setTimeout(() => {
      // What arrived while this process was busy is read first.
      setImmediate(() => {
        if (this.#inFlight.includes(exchange)) this.#onLate(exchange);
      });
    }, exchange.timeoutMs);
  }

  #onLate(exchange: Exchange): void {
    // While this side has no room for answers, their lateness is not the broker's.
    if (this.#reader.waiting) this.#startTimer(exchange);
    else this.#break(`no answer to ${exchange.call.name} in time`);
  }

  #onFrame(bytes: Buffer, lease: Lease | undefined): void {
    const exchange = this.#inFlight[0];
    if (exchange === undefined || bytes.readInt32BE(0) !== exchange.correlationId) {
      lease?.release();
      this.#break('the broker answered what was not asked');
      return;
    }
    let answered: Answered<unknown>;
    try {
      const reader = new WireReader(bytes.subarray(4));
      if (exchange.call.header === 2) reader.tags();
      answered = exchange.call.read(reader, lease ?? noLease);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      lease?.release();
      this.#break(`the broker's answer to ${exchange.call.name} is malformed`);
      return;
    }
    this.#inFlight.shift();
    clearTimeout(exchange.timer);
    if (exchange.call.keeps !== true) lease?.release();
    if (answered.throttleMs > 0) this.#mute(answered.throttleMs);
    exchange.settle(ok(answered.value));
    if (this.#inFlight.length === 0) this.#onIdle?.();
  }

  /** KIP-219: the answer comes at once and says how long this connection is to be silent. */
  #mute(throttleMs: number): void {
    clearTimeout(this.#muted);
    this.#muted = setTimeout(() => {
      this.#muted = undefined;
      this.#sendHeld();
    }, throttleMs);
  }

  #sendHeld(): void {
    if (this.#muted !== undefined || this.#authenticating || !this.usable) return;
    const held = this.#held;
    this.#held = [];
    for (const exchange of held) this.#send(exchange);
  }

  /** A certificate that does not fit stays one: `at` is `tls` then. */
  #onError(error: Error): void {
    const fault = tlsFault(error);
    if (fault === undefined) this.#break(reasonOf(error));
    else this.#fail(fail('broker-unreachable', fault, 'tls').failure);
  }

  #break(why: string): void {
    this.#fail(fail('broker-unreachable', why).failure);
  }

  /** Everything that waits fails with this, once. */
  #fail(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    clearTimeout(this.#muted);
    clearTimeout(this.#reauthentication);
    this.#reader.close();
    this.#socket.destroy();
    const waiting = [...this.#inFlight, ...this.#held];
    this.#inFlight.length = 0;
    this.#held = [];
    for (const { timer } of waiting) clearTimeout(timer);
    for (const { settle } of waiting) settle({ ok: false, failure });
    this.#onIdle?.();
  }
}

/** Options for node:tls. A server name is never an address (RFC 6066, section 3); the certificate is then checked against the address. */
export function tlsOptions(tls: true | TlsOptions, host: string): ConnectionOptions {
  const { ca, cert, key, serverName } = tls === true ? ({} as TlsOptions) : tls;
  const servername = serverName ?? (isIP(host) === 0 ? host : '');
  return {
    ...(servername === '' ? {} : { servername }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** A system's error by its name, such as ECONNREFUSED. */
const reasonOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : 'the connection failed';
