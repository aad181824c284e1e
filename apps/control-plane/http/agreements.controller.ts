/** Agreements: put, read, explain, suspend, resume, renew, terminate. */
import { Controller, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { limits, unwrap } from '../../../libs/base/index.ts';
import type { AgreementItem, AgreementView } from '../commands/agreement-view.ts';
import { agreementItem, agreementView } from '../commands/agreement-view.ts';
import type { StateChange } from '../commands/change-agreement-state.ts';
import { changeAgreementState } from '../commands/change-agreement-state.ts';
import type { AgreementExplanation } from '../commands/explain-agreement.ts';
import { explainAgreement } from '../commands/explain-agreement.ts';
import { findAgreement, listAgreements } from '../commands/find-agreement.ts';
import { putAgreement } from '../commands/put-agreement.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { agreementAnswer, agreementItemAnswer, explanationAnswer, renewInput } from './agreement-schemas.ts';
import { Describe } from './describe.ts';
import { IfMatch } from './etag.ts';
import { agreementInput, id as idInput } from './inputs.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { parsePolicyText } from './policy-text.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const agreementBytesMax = 2 * limits.policyBytesMax;
const renewBytesMax = 4 * 1024;

const listQuery = z.strictObject({
  dataset: idInput.exactOptional(),
  state: z.enum(['started', 'suspended', 'completed', 'terminated']).exactOptional(),
  ...pageQuery,
});

@Controller('v1/agreements')
@NeedsScope('agreements:write')
export class AgreementsController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Put(':id')
  @Describe({
    id: 'putAgreement',
    summary: 'Creates or changes an agreement: compiles, provisions, publishes',
    tag: 'agreements',
    body: agreementInput.meta({ id: 'AgreementInput' }),
    answer: agreementAnswer,
    etag: true,
  })
  async put(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @IfMatch() ifMatch: string | null,
    @Req() request: FastifyRequest,
  ): Promise<AgreementView> {
    const { policy, delivery } = await readJson(request, agreementBytesMax, agreementInput);
    const parsed = typeof policy === 'string' ? unwrap(parsePolicyText(policy)) : policy;
    return unwrap(await putAgreement(this.#plane, caller, { id: checked(id, idInput, 'id'), policy: parsed, delivery, ifMatch }));
  }

  @Get()
  @NeedsScope('agreements:read')
  @Describe({
    id: 'listAgreements',
    summary: 'Agreements that the caller is a party of, in the order of their ids; all for the operator',
    tag: 'agreements',
    query: listQuery,
    answer: pageOf(agreementItemAnswer),
  })
  async list(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<AgreementItem>> {
    const { limit, cursor, ...filter } = checked(asked, listQuery, '?');
    const after = readCursor(cursor, idInput);
    const query = { ...filter, ...(after === null ? {} : { after }), limit: limit + 1 };
    return toPage(unwrap(await listAgreements(this.#plane, caller, query)), limit, ({ id }) => id, agreementItem);
  }

  @Get(':id')
  @NeedsScope('agreements:read')
  @Describe({ id: 'getAgreement', summary: 'An agreement', tag: 'agreements', answer: agreementAnswer, etag: true })
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    const agreement = unwrap(await findAgreement(this.#plane, caller, checked(id, idInput, 'id')));
    return agreementView(agreement, agreement.programs);
  }

  @Get(':id/explain')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'explainAgreement',
    summary: 'What leaves under an agreement, one table for each Program',
    tag: 'agreements',
    answer: explanationAnswer,
  })
  async explain(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementExplanation> {
    return unwrap(await explainAgreement(this.#plane, caller, checked(id, idInput, 'id')));
  }

  @Post(':id/suspend')
  @Describe({
    id: 'suspendAgreement',
    summary: 'Stops new records; the place is kept',
    tag: 'agreements',
    answer: agreementAnswer,
  })
  @HttpCode(200)
  suspend(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    return this.#change(caller, id, { change: 'suspend' });
  }

  @Post(':id/resume')
  @Describe({ id: 'resumeAgreement', summary: 'Goes on where it stopped', tag: 'agreements', answer: agreementAnswer })
  @HttpCode(200)
  resume(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    return this.#change(caller, id, { change: 'resume' });
  }

  @Post(':id/terminate')
  @Describe({ id: 'terminateAgreement', summary: 'Ends it for good', tag: 'agreements', answer: agreementAnswer })
  @HttpCode(200)
  terminate(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    return this.#change(caller, id, { change: 'terminate' });
  }

  @Post(':id/renew')
  @Describe({
    id: 'renewAgreement',
    summary: 'Gives it another end, also within 30 days after the old one',
    tag: 'agreements',
    body: renewInput,
    answer: agreementAnswer,
  })
  @HttpCode(200)
  async renew(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<AgreementView> {
    const { until } = await readJson(request, renewBytesMax, renewInput);
    return this.#change(caller, id, { change: 'renew', until: new Date(until) });
  }

  async #change(caller: Caller, id: string, change: StateChange): Promise<AgreementView> {
    return unwrap(await changeAgreementState(this.#plane, caller, checked(id, idInput, 'id'), change));
  }
}
