/** Erasures of subjects, and the duties that come of them. */
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { unwrap } from '../../../libs/base/index.ts';
import type { Erasure } from '../commands/erase-subject.ts';
import { eraseSubject } from '../commands/erase-subject.ts';
import type { DutySubjects, DutyView } from '../commands/find-duty.ts';
import { dutyView, findDuty, findDutySubjects, listDuties } from '../commands/find-duty.ts';
import { proveDuty } from '../commands/prove-duty.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { id as idInput } from './inputs.ts';
import { dutyAnswer, dutySubjectsAnswer, erasureAnswer, erasureInput, proofInput } from './key-schemas.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const bodyBytesMax = 16 * 1024;

const dutyId = z.uuid();

const listQuery = z.strictObject({
  agreement: idInput.exactOptional(),
  state: z.enum(['open', 'proved']).exactOptional(),
  ...pageQuery,
});

@Controller('v1')
export class DutiesController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Post('datasets/:id/erasures')
  @NeedsScope('catalog:write')
  @Describe({
    id: 'eraseSubject',
    summary: 'Withholds every later record of a subject, and opens the duties to delete what was delivered',
    tag: 'keys',
    body: erasureInput,
    answer: erasureAnswer,
  })
  @HttpCode(200)
  async erase(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<Erasure> {
    const dataset = checked(id, idInput, 'id');
    const { subject } = await readJson(request, bodyBytesMax, erasureInput);
    return unwrap(await eraseSubject(this.#plane, caller, { dataset, subject }));
  }

  @Get('duties')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'listDuties',
    summary: 'Duties that the caller is a party of; all for the operator',
    tag: 'keys',
    query: listQuery,
    answer: pageOf(dutyAnswer),
  })
  async list(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<DutyView>> {
    const { limit, cursor, ...filter } = checked(asked, listQuery, '?');
    const after = readCursor(cursor, dutyId);
    const query = { ...filter, ...(after === null ? {} : { after }), limit: limit + 1 };
    return toPage(unwrap(await listDuties(this.#plane, caller, query)), limit, ({ id }) => id, dutyView);
  }

  @Get('duties/:id')
  @NeedsScope('agreements:read')
  @Describe({ id: 'getDuty', summary: 'A duty', tag: 'keys', answer: dutyAnswer })
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<DutyView> {
    return dutyView(unwrap(await findDuty(this.#plane, caller, checked(id, dutyId, 'id'))));
  }

  @Get('duties/:id/subjects')
  @NeedsScope('agreements:write')
  @Describe({
    id: 'getDutySubjects',
    summary: 'What stands for the subject in the records that the assignee was given; for the assignee, while the duty is open',
    tag: 'keys',
    answer: dutySubjectsAnswer,
    showsClear: true,
  })
  async subjects(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<DutySubjects> {
    return unwrap(await findDutySubjects(this.#plane, caller, checked(id, dutyId, 'id')));
  }

  @Post('duties/:id/prove')
  @NeedsScope('agreements:write')
  @Describe({
    id: 'proveDuty',
    summary: 'Says that it was done, with evidence',
    tag: 'keys',
    body: proofInput,
    answer: dutyAnswer,
  })
  @HttpCode(200)
  async prove(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<DutyView> {
    const duty = checked(id, dutyId, 'id');
    const { evidence } = await readJson(request, bodyBytesMax, proofInput);
    return unwrap(await proveDuty(this.#plane, caller, { id: duty, evidence }));
  }
}
