/** Records over HTTP. */
import { Controller, Headers, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { fail, FailureError, unwrap } from '../../../libs/base/index.ts';
import { requireParticipant } from '../caller.ts';
import type { Intake } from '../intake/intake.ts';
import type { RecordsAnswer, RecordsFormat } from '../intake/take-request.ts';
import { takeRequest } from '../intake/take-request.ts';
import { traced } from '../intake/traced.ts';
import type { Caller } from '../plane.ts';
import { CurrentCaller } from './account-guard.ts';
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

@Controller('v1/datasets')
export class RecordsController {
  readonly #intake: Intake;

  constructor(@Inject(intakeToken) intake: Intake) {
    this.#intake = intake;
  }

  @Post(':id/records')
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
    checkIdempotencyKey(idempotencyKey);
    const dataset = unwrap(await this.#intake.database.stores.datasets.find(checked(id, idInput, 'id')));
    if (dataset === null) throw failed('not-found', `there is no dataset ${id}`);
    unwrap(requireParticipant(caller, dataset.publisher, 'the publisher'));
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

function checkIdempotencyKey(key: string | undefined): void {
  if (key !== undefined && !/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key)) {
    throw failed('request-invalid', 'the Idempotency-Key must be 1 to 255 printable ASCII characters');
  }
}

const failed = (...parts: Parameters<typeof fail>): FailureError => new FailureError(fail(...parts).failure);
