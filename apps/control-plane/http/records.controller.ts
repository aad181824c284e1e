/** Records over HTTP. */
import { Controller, Headers, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import { fail, FailureError, unwrap } from '../../../libs/base/index.ts';
import { requireParticipant } from '../caller.ts';
import type { Intake } from '../intake/intake.ts';
import type { RecordsAnswer, RecordsFormat } from '../intake/take-request.ts';
import { takeRequest } from '../intake/take-request.ts';
import { traced } from '../intake/traced.ts';
import type { Caller } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { checkIdempotencyKey } from './idempotency.ts';
import { fieldPath, id as idInput } from './inputs.ts';
import { checked, withBody } from './read-body.ts';
import { intakeToken } from './tokens.ts';

/** Largest body, bytes. */
const bodyBytesMax = 32 * 1024 * 1024;

const formats: Readonly<Record<string, RecordsFormat>> = {
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/json': 'json',
  'text/csv': 'csv',
};

const tallyAnswer = z
  .strictObject({
    accepted: z.int(),
    refused: z.int(),
    problems: z
      .array(
        z.strictObject({
          line: z.int().describe('Line, element or row, from 1.'),
          field: z.string().nullable(),
          code: z.string(),
          message: z.string().describe('Never holds a value.'),
        }),
      )
      .max(100),
  })
  .meta({ id: 'Tally' });

@Controller('v1/datasets')
@NeedsScope('records:write')
export class RecordsController {
  readonly #intake: Intake;

  constructor(@Inject(intakeToken) intake: Intake) {
    this.#intake = intake;
  }

  @Post(':id/records')
  @Describe({
    id: 'postRecords',
    summary: 'Takes records: each row is checked, good ones go in in one Kafka transaction',
    tag: 'records',
    query: z.object({ key: z.string().optional().describe('Path of the field whose text becomes the record key.') }),
    headers: {
      'Idempotency-Key': '1 to 255 printable ASCII characters: a retry with the same key gets the first answer, for 7 days.',
      'traceparent': 'W3C Trace Context: the records carry on this trace.',
    },
    bodies: { 'application/x-ndjson': null, 'application/json': z.array(z.record(z.string(), z.unknown())), 'text/csv': null },
    answers: {
      200: { description: 'All rows went in', schema: tallyAnswer },
      207: { description: 'Some rows went in', schema: tallyAnswer },
      422: { description: 'No row went in', schema: tallyAnswer },
    },
    ownIdempotency: true,
  })
  async post(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query('key') key: unknown,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Headers('traceparent') traceparent: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RecordsAnswer['tally']> {
    const format = formatOf(request.headers['content-type'], request.headers['content-encoding']);
    if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey);
    const dataset = unwrap(await this.#intake.database.stores.datasets.find(checked(id, idInput, 'id')));
    if (dataset === null) throw failed('not-found', `there is no dataset ${id}`);
    unwrap(requireParticipant(caller, dataset.publisher, 'the publisher', 'publisher'));
    const keyField = key === undefined ? dataset.keyField : checked(key, fieldPath, 'key');
    const answer = await withBody(request, bodyBytesMax, (body) =>
      traced(dataset.id, traceparent ?? null, (headers) =>
        takeRequest(this.#intake, {
          dataset,
          participant: caller.participant,
          format,
          body,
          keyField,
          idempotencyKey: idempotencyKey ?? null,
          headers,
        }),
      ),
    );
    const { tally, replayed } = unwrap(answer);
    if (replayed) reply.header('idempotency-replayed', 'true');
    reply.status(tally.refused === 0 ? 200 : tally.accepted === 0 ? 422 : 207);
    return tally;
  }
}

function formatOf(contentType: string | undefined, encoding: string | undefined): RecordsFormat {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const format = Object.hasOwn(formats, type.trim()) ? formats[type.trim()] : undefined;
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  if (encoding !== undefined && encoding !== 'identity')
    throw failed('media-type-unsupported', 'send the body without Content-Encoding');
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))
    throw failed('media-type-unsupported', 'the text must be UTF-8');
  if (format !== undefined) return format;
  throw failed('media-type-unsupported', 'the content type must be application/x-ndjson, application/json or text/csv');
}

const failed = (...parts: Parameters<typeof fail>): FailureError => new FailureError(fail(...parts).failure);
