/** `GET /v1/streams/{agreement}`: a governed stream as server-sent events or as NDJSON, for subscribers that have no Kafka client. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Controller, Get, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Failure } from '../../../libs/base/index.ts';
import { errorCatalogue, fail, parseBasic, parseId, problemMediaType, problemOf } from '../../../libs/base/index.ts';
import type { StreamStart } from './governed-stream.ts';
import { cursorCharactersMax } from './stream-cursor.ts';
import type { OpenStream, Streams } from './streams.ts';

export const streamsToken = Symbol('streams');

/** A poll returns this often without records, so that an end is noticed, milliseconds. */
const pollMs = 400;
/** Without records something is sent this often: proxies cut silent connections, and a reader that is gone is noticed. */
const heartbeatMs = 15_000;
const limitMax = 1_000_000;

const query = z.strictObject({
  cursor: z.string().max(cursorCharactersMax).optional(),
  from: z.union([z.enum(['earliest', 'latest']), z.iso.datetime({ offset: true })]).optional(),
  follow: z.enum(['true', 'false']).optional(),
  limit: z.coerce.number().int().min(1).max(limitMax).optional(),
});

/** How records, silence and a failure are written. */
interface Form {
  readonly type: string;
  record(event: string, cursor: string): string;
  readonly silence: string;
  failure(problem: string): string;
}

const sse: Form = {
  type: 'text/event-stream',
  record: (event, cursor) => `id: ${cursor}\ndata: ${event}\n\n`,
  silence: ': nothing new\n\n',
  failure: (problem) => `event: problem\ndata: ${problem}\n\n`,
};

/** Each line is the event with one more member, `cursor`. A line that has `code` instead is the failure that ended the stream. */
const ndjson: Form = {
  type: 'application/x-ndjson',
  record: (event, cursor) => `${event.slice(0, -1)},"cursor":"${cursor}"}\n`,
  silence: '\n',
  failure: (problem) => `${problem}\n`,
};

@Controller('v1/streams')
export class StreamsController {
  readonly #streams: Streams;

  constructor(@Inject(streamsToken) streams: Streams) {
    this.#streams = streams;
  }

  @Get(':agreement')
  async read(
    @Param('agreement') agreement: string,
    @Query() asked: unknown,
    @Headers('accept') accept: string | undefined,
    @Headers('authorization') authorization: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const form = formOf(accept);
    if (form === null)
      return refuse(reply, fail('media-type-unsupported', 'accept text/event-stream or application/x-ndjson').failure);
    const parsed = query.safeParse(asked);
    if (!parsed.success)
      return refuse(reply, fail('request-invalid', `?${parsed.error.issues[0]?.path.join('/') ?? ''} is not valid`).failure);
    const basic = parseBasic(authorization);
    if (basic === null || !parseId('agreement', agreement).ok)
      return refuse(reply, fail('unauthenticated', 'send the Kafka credential of the agreement with HTTP Basic').failure);
    const { follow, limit } = parsed.data;
    const opened = await this.#streams.open(
      agreement,
      { username: basic.name, password: basic.secret },
      startOf(parsed.data, lastEventId),
    );
    if (!opened.ok) return refuse(reply, opened.failure);
    const { raw } = reply.hijack();
    const until = {
      follow: follow === undefined ? form === sse : follow === 'true',
      limit: limit ?? Number.POSITIVE_INFINITY,
    };
    try {
      raw.writeHead(200, {
        'content-type': `${form.type}; charset=utf-8`,
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
        'sluice-cursor': opened.value.stream.cursor,
      });
      // The reader learns at once that it is connected.
      if (form === sse) raw.write(form.silence);
      else raw.flushHeaders();
      await pump(opened.value, raw, form, until, goneSignal(raw));
    } finally {
      await opened.value.close();
      raw.end();
    }
  }
}

/** Sends until the reader is gone, the agreement changes, everything asked for was sent, or something fails. */
async function pump(
  { stream, ended, maySend, delivered }: OpenStream,
  raw: ServerResponse,
  form: Form,
  until: { follow: boolean; limit: number },
  gone: AbortSignal,
): Promise<void> {
  const over = AbortSignal.any([ended, gone]);
  let left = until.limit;
  let spokenMs = performance.now();
  while (!over.aborted) {
    const items = await stream.poll(pollMs);
    // What was read before the end was known is not sent after it.
    if (over.aborted) return;
    if (!items.ok) {
      raw.write(form.failure(JSON.stringify(problemOf(items.failure))));
      return;
    }
    const sent = items.value.slice(0, left);
    left -= sent.length;
    for (const { event, cursor } of sent) {
      if (!(await maySend(over))) return;
      if (!raw.write(form.record(event, cursor))) await once(raw, 'drain', { signal: over }).catch(() => undefined);
    }
    if (sent.length > 0) {
      delivered(sent.length);
      spokenMs = performance.now();
    }
    if (left <= 0 || (!until.follow && stream.caughtUp)) return;
    if (performance.now() - spokenMs > heartbeatMs) {
      raw.write(form.silence);
      spokenMs = performance.now();
    }
  }
}

function formOf(accept: string | undefined): Form | null {
  const types = (accept ?? '*/*').toLowerCase();
  if (/text\/event-stream/.test(types)) return sse;
  return /application\/(?:x-)?ndjson|\*\/\*|application\/\*/.test(types) ? ndjson : null;
}

/** A cursor goes before `Last-Event-ID`, which a browser's EventSource sends when it connects again. */
function startOf({ cursor, from }: z.infer<typeof query>, lastEventId: string | undefined): StreamStart {
  const known = cursor ?? (lastEventId === undefined || lastEventId === '' ? undefined : lastEventId);
  if (known !== undefined) return { cursor: known };
  if (from === undefined || from === 'earliest' || from === 'latest') return from ?? 'earliest';
  return { timestampMs: Date.parse(from) };
}

/** Of the answer, not of the request: that one closes when it has been read. */
function goneSignal(raw: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  raw.once('close', abort);
  raw.once('error', abort);
  return gone.signal;
}

function refuse(reply: FastifyReply, failure: Failure): void {
  if (failure.code === 'unauthenticated') reply.header('www-authenticate', 'Basic realm="sluice streams", charset="UTF-8"');
  if (failure.retriable) reply.header('retry-after', '1');
  void reply
    .status(errorCatalogue[failure.code].status)
    .header('cache-control', 'no-store')
    .type(problemMediaType)
    .send(JSON.stringify(problemOf(failure)));
}
