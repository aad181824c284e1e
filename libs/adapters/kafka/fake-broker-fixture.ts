/** A broker that says what a test tells it to: it cuts requests apart, and answers by a script. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { apiVersionsCall, saslAuthenticateCall, saslHandshakeCall } from './wire-call.ts';
import type { WireCall } from './wire-call.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export interface FakeRequest {
  readonly key: number;
  readonly correlationId: number;
  readonly body: WireReader;
  readonly socket: Socket;
  /** Answers with this body. */
  reply(body: WireWriter): void;
}

export const joined = (writer: WireWriter): Buffer => Buffer.concat([...writer.parts()]);

/** A whole answer, with its length. Header 1 has tagged fields. */
export function frameOf(correlationId: number, body: Buffer, tagged = true): Buffer {
  const header = new WireWriter().int32(0).int32(correlationId);
  if (tagged) header.tags();
  const frame = Buffer.concat([joined(header), body]);
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}

/** A call of the tests: the broker sends bytes back, with the time to be silent for in front. */
export const echoCall: WireCall<Buffer, Buffer> = {
  name: 'Echo',
  key: 99,
  version: 0,
  header: 2,
  write: (writer, bytes) => writer.bytes(bytes).tags(),
  read: (reader) => ({ throttleMs: reader.int32(), value: Buffer.from(reader.bytes()) }),
};

/** The same, with an answer that lives on. */
export const keptCall: WireCall<Buffer, { bytes: Buffer; release: () => void }> = {
  name: 'Kept',
  key: 98,
  version: 0,
  header: 2,
  keeps: true,
  write: (writer, bytes) => writer.bytes(bytes).tags(),
  read: (reader, lease) => ({ throttleMs: reader.int32(), value: { bytes: reader.bytes(), release: lease.release } }),
};

export const echoAnswer = (bytes: Buffer, throttleMs = 0): WireWriter => new WireWriter().int32(throttleMs).bytes(bytes);

export class FakeBroker {
  /** Keys of all requests, in order of arrival. */
  readonly keys: number[] = [];
  /** Api versions that it says it has: key -> newest. */
  readonly versions = new Map([
    [apiVersionsCall.key, 4],
    [saslHandshakeCall.key, 1],
    [saslAuthenticateCall.key, 2],
    [echoCall.key, 0],
    [keptCall.key, 0],
  ]);
  readonly sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #answer: (request: FakeRequest) => void;

  private constructor(answer: (request: FakeRequest) => void, tls: { cert: string; key: string } | undefined) {
    this.#answer = answer;
    const serve = (socket: Socket): void => this.#serve(socket);
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  }

  static async open(answer: (request: FakeRequest) => void, tls?: { cert: string; key: string }): Promise<FakeBroker> {
    const broker = new FakeBroker(answer, tls);
    await new Promise<void>((resolve) => broker.#server.listen(0, '127.0.0.1', resolve));
    return broker;
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0);
        this.#take(rest.subarray(4, end), socket);
        rest = rest.subarray(end);
      }
    });
  }

  #take(frame: Buffer, socket: Socket): void {
    const body = new WireReader(frame);
    const key = body.int16();
    body.int16();
    const correlationId = body.int32();
    body.shortString();
    if (key !== saslHandshakeCall.key) body.tags();
    this.keys.push(key);
    const tagged = key !== saslHandshakeCall.key && key !== apiVersionsCall.key;
    const reply = (answer: WireWriter): void => void socket.write(frameOf(correlationId, joined(answer), tagged));
    if (key !== apiVersionsCall.key) this.#answer({ key, correlationId, body, socket, reply });
    else {
      const writer = new WireWriter().int16(0);
      writer.array([...this.versions], ([api, newest]) => writer.int16(api).int16(0).int16(newest));
      reply(writer.int32(0).tags());
    }
  }
}
