/** An OTLP/HTTP endpoint that keeps what it is sent, as bytes. */
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';

export interface OtlpReceiver {
  readonly endpoint: string;
  received(): Buffer;
  stop(): Promise<void>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      bodies.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    received: () => Buffer.concat(bodies),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
