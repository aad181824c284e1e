/** Agreements: put, read, explain, suspend, resume, terminate. */
import { Controller, Get, HttpCode, Inject, Param, Post, Put, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { limits, unwrap } from '../../../libs/base/index.ts';
import type { AgreementView } from '../commands/agreement-view.ts';
import { agreementView } from '../commands/agreement-view.ts';
import type { StateChange } from '../commands/change-agreement-state.ts';
import { changeAgreementState } from '../commands/change-agreement-state.ts';
import type { AgreementExplanation } from '../commands/explain-agreement.ts';
import { explainAgreement } from '../commands/explain-agreement.ts';
import { findAgreement, listAgreements } from '../commands/find-agreement.ts';
import { putAgreement } from '../commands/put-agreement.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller } from './account-guard.ts';
import { agreementInput, id as idInput } from './inputs.ts';
import { parsePolicyText } from './policy-text.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const agreementBytesMax = 2 * limits.policyBytesMax;

@Controller('v1/agreements')
export class AgreementsController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Put(':id')
  async put(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<AgreementView> {
    const { policy, delivery } = await readJson(request, agreementBytesMax, agreementInput);
    const parsed = typeof policy === 'string' ? unwrap(parsePolicyText(policy)) : policy;
    return unwrap(await putAgreement(this.#plane, caller, { id: checked(id, idInput, 'id'), policy: parsed, delivery }));
  }

  @Get()
  async list(@CurrentCaller() caller: Caller): Promise<AgreementView[]> {
    return unwrap(await listAgreements(this.#plane, caller)).map(agreementView);
  }

  @Get(':id')
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    return agreementView(unwrap(await findAgreement(this.#plane, caller, checked(id, idInput, 'id'))));
  }

  @Get(':id/explain')
  async explain(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementExplanation> {
    return unwrap(await explainAgreement(this.#plane, caller, checked(id, idInput, 'id')));
  }

  @Post(':id/suspend')
  @HttpCode(200)
  suspend(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    return this.#change(caller, id, 'suspend');
  }

  @Post(':id/resume')
  @HttpCode(200)
  resume(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    return this.#change(caller, id, 'resume');
  }

  @Post(':id/terminate')
  @HttpCode(200)
  terminate(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgreementView> {
    return this.#change(caller, id, 'terminate');
  }

  async #change(caller: Caller, id: string, change: StateChange): Promise<AgreementView> {
    return unwrap(await changeAgreementState(this.#plane, caller, { id: checked(id, idInput, 'id'), change }));
  }
}
