/** A national platform: takes signed batches over HTTP and checks them with an independent implementation of Standard Webhooks. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { z } from 'zod';
import type { Tally } from './platform-process.ts';
import { runPlatform } from './platform-process.ts';
import { Recent } from './recent.ts';

const settings = z.strictObject({
  /** `whsec_` and base64. */
  secret: z.string(),
  /** The port of the last start; another one is taken when it is busy. 0 for any. */
  port: z.int().min(0).max(65_535),
});

/** CloudEvents 1.0.2, section 3.1, with the attributes that Sluice's README promises. */
const event = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().startsWith('urn:sluice:agreement:'),
  type: z.literal('sluice.governed-record.v1'),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  dataschema: z.string().startsWith('urn:sluice:schema:'),
  data: z.record(z.string(), z.unknown()),
});

const bodyBytesMax = 16 * 1024 * 1024;
const remembered = 200_000;

runPlatform(settings, async (config, tally) => {
  const intake = new Intake(config.secret, tally);
  const server = createServer((request, response) => void intake.take(request, response));
  const port = await listen(server, config.port).catch(() => listen(server, 0));
  return {
    ready: { url: `http://127.0.0.1:${port}/governed` },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
});

class Intake {
  readonly #webhook: Webhook;
  readonly #tally: Tally;
  readonly #batches = new Recent(remembered);
  readonly #events = new Recent(remembered);

  constructor(secret: string, tally: Tally) {
    this.#webhook = new Webhook(secret);
    this.#tally = tally;
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number): void => void response.writeHead(status).end();
    if (request.method !== 'POST' || request.url !== '/governed') return answer(404);
    if (request.headers['content-type'] !== 'application/cloudevents-batch+json') {
      this.#tally.problem('content-type');
      return answer(415);
    }
    const body = await readBody(request).catch(() => undefined);
    if (body === undefined) return answer(413);
    let events: unknown;
    try {
      events = this.#webhook.verify(body, headersOf(request));
    } catch (error) {
      this.#tally.problem(error instanceof WebhookVerificationError ? 'signature' : 'json');
      return answer(401);
    }
    const id = String(request.headers['webhook-id']);
    if (this.#batches.add(id)) {
      this.#tally.repeated += Array.isArray(events) ? events.length : 0;
      return answer(204);
    }
    for (const item of Array.isArray(events) ? (events as unknown[]) : []) this.#takeEvent(item);
    answer(204);
  }

  #takeEvent(item: unknown): void {
    this.#tally.received += 1;
    const parsed = event.safeParse(item);
    if (!parsed.success) return this.#tally.problem('cloudevents');
    if (this.#events.add(parsed.data.id)) {
      this.#tally.repeated += 1;
      return;
    }
    this.#tally.ok += 1;
    this.#tally.newestMs = Date.parse(parsed.data.time);
    this.#tally.example = parsed.data.data;
  }
}

const headersOf = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bodyBytesMax) throw new RangeError('the body is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
