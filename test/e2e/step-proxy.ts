/** A proxy that counts the steps by which a process changes Kafka or PostgreSQL, and holds the one back at which it is to die. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { FrameSplitter, readHead } from '../fault/kafka-frames.ts';

export interface StepProxy {
  readonly port: number;
  close(): Promise<void>;
}

/** Asked before each step; false keeps it, and everything behind it, from going on. */
type MayPass = (step: string) => boolean;

/** @param cut chunks of a connection -> each part to forward, with the name of the step that it is, or null for one that changes nothing. */
async function open(
  target: number,
  cut: () => (chunk: Buffer) => [Buffer, string | null][],
  mayPass: MayPass,
): Promise<StepProxy> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({
      host: '127.0.0.1',
      port: target,
      noDelay: true,
    });
    const parts = cut();
    let isHeld = false;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk: Buffer) => {
      for (const [bytes, step] of parts(chunk)) {
        isHeld ||= step !== null && !mayPass(step);
        if (!isHeld) upstream.write(bytes);
      }
    });
    upstream.on('data', (chunk: Buffer) => void client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Api keys of the Kafka protocol that change what a cluster has. */
const kafkaSteps: Readonly<Record<number, string>> = {
  19: 'CreateTopics',
  20: 'DeleteTopics',
  30: 'CreateAcls',
  31: 'DeleteAcls',
  49: 'AlterClientQuotas',
  51: 'AlterUserScramCredentials',
};

/** In front of a broker, for what goes to any broker; records go to the leaders that it names, past the proxy. */
export const openKafkaSteps = (target: number, mayPass: MayPass): Promise<StepProxy> =>
  open(
    target,
    () => {
      const splitter = new FrameSplitter();
      return (chunk) =>
        splitter.push(chunk).map((frame) => {
          const size = Buffer.alloc(4);
          size.writeInt32BE(frame.length);
          const step = kafkaSteps[readHead(frame).apiKey];
          return [Buffer.concat([size, frame]), step === undefined ? null : `Kafka ${step}`];
        });
    },
    mayPass,
  );

/** In front of PostgreSQL: a statement that writes, and the end of a transaction, named after what it wrote last. A driver sends each in one piece. */
export const openPostgresSteps = (target: number, mayPass: MayPass): Promise<StepProxy> =>
  open(
    target,
    () => {
      let last = '';
      return (chunk) => {
        const text = chunk.toString('latin1');
        const [, verb, table] = /\b(INSERT INTO|UPDATE|DELETE FROM) "?(\w+)/.exec(text) ?? [];
        if (verb !== undefined) last = `${verb} ${table}`;
        const step = verb === undefined ? (/\bCOMMIT\b/.test(text) ? `COMMIT of ${last}` : null) : last;
        return [[chunk, step === null ? null : `PostgreSQL ${step}`]];
      };
    },
    mayPass,
  );
