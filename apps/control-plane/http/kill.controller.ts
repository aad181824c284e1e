/** The kill switch of an agreement, a dataset and a participant. */
import { Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { unwrap } from '../../../libs/base/index.ts';
import type { KillOutcome } from '../commands/kill.ts';
import { kill } from '../commands/kill.ts';
import type { KillKind } from '../commands/kill-scopes.ts';
import type { LiftOutcome } from '../commands/lift.ts';
import { lift } from '../commands/lift.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { id as idInput, line } from './inputs.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const bodyBytesMax = 4 * 1024;

const killInput = z.strictObject({ reason: line(400).describe('Shown to the parties.') }).meta({ id: 'KillInput' });

const killAnswer = z
  .strictObject({ scope: z.string(), agreements: z.int(), users: z.int() })
  .describe('Agreements that it holds, and Kafka users that were cut off.')
  .meta({ id: 'Killed' });

const liftAnswer = z
  .strictObject({ scope: z.string(), agreements: z.int() })
  .describe('Agreements that it holds no longer.')
  .meta({ id: 'Lifted' });

@Controller('v1')
export class KillController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Post('agreements/:id/kill')
  @NeedsScope('agreements:write')
  @Describe({
    id: 'killAgreement',
    summary: 'Cuts an agreement off within a second, on connections that are open as well',
    tag: 'agreements',
    body: killInput,
    answer: killAnswer,
  })
  @HttpCode(200)
  killAgreement(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<KillOutcome> {
    return this.#kill(caller, 'agreement', id, request);
  }

  @Post('agreements/:id/lift')
  @NeedsScope('agreements:write')
  @Describe({ id: 'liftAgreement', summary: 'Lets a killed agreement go on', tag: 'agreements', answer: liftAnswer })
  @HttpCode(200)
  liftAgreement(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<LiftOutcome> {
    return this.#lift(caller, 'agreement', id);
  }

  @Post('datasets/:id/kill')
  @NeedsScope('admin')
  @Describe({
    id: 'killDataset',
    summary: 'Cuts every agreement on a dataset off, and lets none begin',
    tag: 'datasets',
    body: killInput,
    answer: killAnswer,
  })
  @HttpCode(200)
  killDataset(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<KillOutcome> {
    return this.#kill(caller, 'dataset', id, request);
  }

  @Post('datasets/:id/lift')
  @NeedsScope('admin')
  @Describe({ id: 'liftDataset', summary: 'Lets the agreements on a killed dataset go on', tag: 'datasets', answer: liftAnswer })
  @HttpCode(200)
  liftDataset(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<LiftOutcome> {
    return this.#lift(caller, 'dataset', id);
  }

  @Post('participants/:id/kill')
  @NeedsScope('admin')
  @Describe({
    id: 'killParticipant',
    summary: 'Suspends a participant and cuts off all that it sends and receives',
    tag: 'participants',
    body: killInput,
    answer: killAnswer,
  })
  @HttpCode(200)
  killParticipant(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<KillOutcome> {
    return this.#kill(caller, 'participant', id, request);
  }

  @Post('participants/:id/lift')
  @NeedsScope('admin')
  @Describe({
    id: 'liftParticipant',
    summary: 'Lets a killed participant in again, and its agreements go on',
    tag: 'participants',
    answer: liftAnswer,
  })
  @HttpCode(200)
  liftParticipant(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<LiftOutcome> {
    return this.#lift(caller, 'participant', id);
  }

  async #kill(caller: Caller, kind: KillKind, id: string, request: FastifyRequest): Promise<KillOutcome> {
    const { reason } = await readJson(request, bodyBytesMax, killInput);
    return unwrap(await kill(this.#plane, caller, { kind, id: checked(id, idInput, 'id') }, reason));
  }

  async #lift(caller: Caller, kind: KillKind, id: string): Promise<LiftOutcome> {
    return unwrap(await lift(this.#plane, caller, { kind, id: checked(id, idInput, 'id') }));
  }
}
