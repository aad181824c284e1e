/** One kind of request of the Kafka protocol, and the three that open a connection. Source: Apache Kafka protocol guide. */
import type { Lease } from './buffer-pool.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** `throttleMs` is what the broker asks the connection to keep silent for (KIP-219). */
export interface Answered<A> {
  readonly throttleMs: number;
  readonly value: A;
}

export interface WireCall<Q, A> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** 2: request header 2 and answer header 1, with tagged fields. 1: neither. `mixed`: request header 2, answer header 0. */
  readonly header: 2 | 1 | 'mixed';
  /** The answer's bytes live on in what `read` returns, which releases the lease in time. */
  readonly keeps?: true;
  readonly write: (writer: WireWriter, question: Q) => void;
  readonly read: (reader: WireReader, lease: Lease) => Answered<A>;
}

export interface ApiVersions {
  readonly errorCode: number;
  /** Api key -> oldest and newest version. */
  readonly ranges: ReadonlyMap<number, readonly [oldest: number, newest: number]>;
}

export const apiVersionsCall: WireCall<undefined, ApiVersions> = {
  name: 'ApiVersions',
  key: 18,
  version: 3,
  header: 'mixed',
  write: (writer) => writer.string('sluice').string('0').tags(),
  read: (reader) => {
    const errorCode = reader.int16();
    // A broker that does not know this version answers in the oldest one.
    if (errorCode !== 0) return { throttleMs: 0, value: { errorCode, ranges: new Map() } };
    const ranges = new Map(reader.array(() => [reader.int16(), [reader.int16(), reader.int16()]] as const));
    return { throttleMs: reader.int32(), value: { errorCode, ranges } };
  },
};

/** Answers the error code. */
export const saslHandshakeCall: WireCall<string, number> = {
  name: 'SaslHandshake',
  key: 17,
  version: 1,
  header: 1,
  write: (writer, mechanism) => writer.shortString(mechanism),
  read: (reader) => ({ throttleMs: 0, value: reader.int16() }),
};

export interface SaslAnswer {
  readonly errorCode: number;
  readonly message: Buffer;
  /** How long the authentication holds (KIP-368); 0 for as long as the connection. */
  readonly sessionLifetimeMs: number;
}

export const saslAuthenticateCall: WireCall<Buffer, SaslAnswer> = {
  name: 'SaslAuthenticate',
  key: 36,
  version: 2,
  header: 2,
  write: (writer, message) => writer.bytes(message).tags(),
  read: (reader) => {
    const errorCode = reader.int16();
    reader.string();
    const message = Buffer.from(reader.bytes());
    return { throttleMs: 0, value: { errorCode, message, sessionLifetimeMs: Number(reader.int64()) } };
  },
};
