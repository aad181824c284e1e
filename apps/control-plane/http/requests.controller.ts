/** From an offer to a grant: sample, dry run, request, approval. */
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { unwrap } from '../../../libs/base/index.ts';
import { decideRequest, withdrawRequest } from '../commands/decide-request.ts';
import type { DryRun } from '../commands/dry-run.ts';
import { findRequest, listRequests, viewRequest, viewRequests } from '../commands/find-request.ts';
import { makeRequest } from '../commands/make-request.ts';
import type { RequestView } from '../commands/request-view.ts';
import { tryOffer, tryRequest } from '../commands/try-request.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { id as idInput } from './inputs.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked, readJson } from './read-body.ts';
import { decisionInput, dryRunAnswer, dryRunInput, requestAnswer, requestInput } from './request-schemas.ts';
import { planeToken } from './tokens.ts';

const bodyBytesMax = 256 * 1024;

const listQuery = z.strictObject({
  dataset: idInput.exactOptional(),
  state: z.enum(['submitted', 'approved', 'granted', 'rejected', 'withdrawn']).exactOptional(),
  ...pageQuery,
});
const samplesQuery = z.strictObject({ samples: z.coerce.number().int().min(0).max(20).default(5) });

@Controller('v1')
export class RequestsController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Post('offers/:id/dry-run')
  @HttpCode(200)
  @NeedsScope('catalog:read')
  @Describe({
    id: 'tryOffer',
    summary: 'What the caller would receive under an offer, with a governed sample; raw values for the publisher alone',
    tag: 'requests',
    body: dryRunInput,
    answer: dryRunAnswer,
    showsClear: true,
  })
  async tryOffer(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<DryRun> {
    const { until, samples, ...asked } = await readJson(request, bodyBytesMax, dryRunInput);
    const untilMs = until === null ? null : Date.parse(until);
    const offer = checked(id, idInput, 'id');
    return unwrap(await tryOffer(this.#plane, caller, { ...asked, offer, untilMs }, samples));
  }

  @Post('requests')
  @HttpCode(201)
  @NeedsScope('agreements:write')
  @Describe({
    id: 'makeRequest',
    summary: 'Asks for a dataset under an offer',
    tag: 'requests',
    body: requestInput,
    answers: { 201: { description: 'The request', schema: requestAnswer } },
  })
  async make(@CurrentCaller() caller: Caller, @Req() request: FastifyRequest): Promise<RequestView> {
    const { until, ...input } = await readJson(request, bodyBytesMax, requestInput);
    return unwrap(await makeRequest(this.#plane, caller, { ...input, untilMs: until === null ? null : Date.parse(until) }));
  }

  @Get('requests')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'listRequests',
    summary: 'Requests that the caller made or that were made to it, in the order of their making',
    tag: 'requests',
    query: listQuery,
    answer: pageOf(requestAnswer),
  })
  async list(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<RequestView>> {
    const { limit, cursor, ...filter } = checked(asked, listQuery, '?');
    const after = readCursor(cursor, z.string().max(64));
    const found = unwrap(
      await listRequests(this.#plane, caller, { ...filter, ...(after === null ? {} : { after }), limit: limit + 1 }),
    );
    const { items, next } = toPage(
      found,
      limit,
      ({ id }) => id,
      (one) => one,
    );
    return { items: unwrap(await viewRequests(this.#plane, items)), next };
  }

  @Get('requests/:id')
  @NeedsScope('agreements:read')
  @Describe({ id: 'getRequest', summary: 'A request', tag: 'requests', answer: requestAnswer, etag: true })
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<RequestView> {
    const found = unwrap(await findRequest(this.#plane, caller, checked(id, idInput, 'id')));
    return unwrap(await viewRequest(this.#plane, found));
  }

  @Get('requests/:id/dry-run')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'tryRequest',
    summary: 'What would leave under a request, before it is approved; raw values for the publisher and the operator alone',
    tag: 'requests',
    query: samplesQuery,
    answer: dryRunAnswer,
    showsClear: true,
  })
  async tryRequest(@CurrentCaller() caller: Caller, @Param('id') id: string, @Query() asked: unknown): Promise<DryRun> {
    const { samples } = checked(asked, samplesQuery, '?');
    return unwrap(await tryRequest(this.#plane, caller, checked(id, idInput, 'id'), samples));
  }

  @Post('requests/:id/approve')
  @HttpCode(200)
  @NeedsScope('agreements:write')
  @Describe({
    id: 'approveRequest',
    summary: 'Approves; the last approval makes the agreement and grants access',
    tag: 'requests',
    body: decisionInput,
    answer: requestAnswer,
  })
  approve(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<RequestView> {
    return this.#decide(caller, id, 'approved', request);
  }

  @Post('requests/:id/reject')
  @HttpCode(200)
  @NeedsScope('agreements:write')
  @Describe({ id: 'rejectRequest', summary: 'Rejects for good', tag: 'requests', body: decisionInput, answer: requestAnswer })
  reject(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<RequestView> {
    return this.#decide(caller, id, 'rejected', request);
  }

  @Post('requests/:id/withdraw')
  @HttpCode(200)
  @NeedsScope('agreements:write')
  @Describe({ id: 'withdrawRequest', summary: 'Takes the request back', tag: 'requests', answer: requestAnswer })
  async withdraw(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<RequestView> {
    return unwrap(await withdrawRequest(this.#plane, caller, checked(id, idInput, 'id')));
  }

  async #decide(caller: Caller, id: string, decision: 'approved' | 'rejected', request: FastifyRequest): Promise<RequestView> {
    const { reason } = await readJson(request, bodyBytesMax, decisionInput);
    return unwrap(await decideRequest(this.#plane, caller, { id: checked(id, idInput, 'id'), decision, reason }));
  }
}
