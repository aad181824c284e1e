/** Participants, and the accounts that act for them. */
import { Controller, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import type { Participant, ParticipantState } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { AccountView } from '../commands/account-view.ts';
import { accountView } from '../commands/account-view.ts';
import { findAccount, listAccounts } from '../commands/find-account.ts';
import { findParticipant, listParticipants } from '../commands/find-participant.ts';
import { putAccount } from '../commands/put-account.ts';
import { putParticipant } from '../commands/put-participant.ts';
import { setParticipantState } from '../commands/set-participant-state.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { IfMatch } from './etag.ts';
import { accountAnswer, accountInput, participantAnswer, participantInput } from './identity-schemas.ts';
import { id as idInput } from './inputs.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const bodyBytesMax = 64 * 1024;
const listQuery = z.strictObject({ ...pageQuery });

@Controller('v1')
@NeedsScope('admin')
export class ParticipantsController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Put('participants/:id')
  @Describe({
    id: 'putParticipant',
    summary: 'Creates or changes a participant; its state stays',
    tag: 'participants',
    body: participantInput,
    answer: participantAnswer,
    etag: true,
  })
  async putParticipant(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @IfMatch() ifMatch: string | null,
    @Req() request: FastifyRequest,
  ): Promise<Participant> {
    const input = await readJson(request, bodyBytesMax, participantInput);
    return unwrap(await putParticipant(this.#plane, caller, { id: checked(id, idInput, 'id'), ...input, ifMatch }));
  }

  @Get('participants')
  @Describe({
    id: 'listParticipants',
    summary: "The caller's own participant; all, in the order of ids, for operators and auditors",
    tag: 'participants',
    query: listQuery,
    answer: pageOf(participantAnswer),
  })
  async listParticipants(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<Participant>> {
    const { limit, cursor } = checked(asked, listQuery, '?');
    const page = { after: readCursor(cursor, idInput), most: limit + 1 };
    const rows = unwrap(await listParticipants(this.#plane, caller, page));
    return toPage(
      rows,
      limit,
      ({ id }) => id,
      (row) => row,
    );
  }

  @Get('participants/:id')
  @Describe({ id: 'getParticipant', summary: 'A participant', tag: 'participants', answer: participantAnswer, etag: true })
  async getParticipant(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Participant> {
    return unwrap(await findParticipant(this.#plane, caller, checked(id, idInput, 'id')));
  }

  @Post('participants/:id/suspend')
  @Describe({
    id: 'suspendParticipant',
    summary: 'Refuses every account of a participant from now on',
    tag: 'participants',
    answer: participantAnswer,
  })
  @HttpCode(200)
  suspend(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Participant> {
    return this.#setState(caller, id, 'suspended');
  }

  @Post('participants/:id/resume')
  @Describe({ id: 'resumeParticipant', summary: 'Lets a participant in again', tag: 'participants', answer: participantAnswer })
  @HttpCode(200)
  resume(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Participant> {
    return this.#setState(caller, id, 'active');
  }

  @Put('accounts/:name')
  @Describe({
    id: 'putAccount',
    summary: 'Creates or changes an account; with a secret it is a Kafka user as well',
    tag: 'accounts',
    body: accountInput,
    answer: accountAnswer,
    etag: true,
  })
  async putAccount(
    @CurrentCaller() caller: Caller,
    @Param('name') name: string,
    @IfMatch() ifMatch: string | null,
    @Req() request: FastifyRequest,
  ): Promise<AccountView> {
    const { oidc, ...input } = await readJson(request, bodyBytesMax, accountInput);
    const subject = { oidcIssuer: oidc?.issuer ?? null, oidcSubject: oidc?.subject ?? null };
    const account = { name: checked(name, idInput, 'name'), ...input, ...subject, ifMatch };
    return accountView(unwrap(await putAccount(this.#plane, caller, account)));
  }

  @Get('accounts')
  @Describe({
    id: 'listAccounts',
    summary: "Accounts of the caller's participant; all, in the order of names, for operators and auditors",
    tag: 'accounts',
    query: listQuery,
    answer: pageOf(accountAnswer),
  })
  async listAccounts(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<AccountView>> {
    const { limit, cursor } = checked(asked, listQuery, '?');
    const page = { after: readCursor(cursor, idInput), most: limit + 1 };
    return toPage(unwrap(await listAccounts(this.#plane, caller, page)), limit, ({ name }) => name, accountView);
  }

  @Get('accounts/:name')
  @Describe({ id: 'getAccount', summary: 'An account, without its secret', tag: 'accounts', answer: accountAnswer, etag: true })
  async getAccount(@CurrentCaller() caller: Caller, @Param('name') name: string): Promise<AccountView> {
    return accountView(unwrap(await findAccount(this.#plane, caller, checked(name, idInput, 'name'))));
  }

  async #setState(caller: Caller, id: string, state: ParticipantState): Promise<Participant> {
    return unwrap(await setParticipantState(this.#plane, caller, { id: checked(id, idInput, 'id'), state }));
  }
}
