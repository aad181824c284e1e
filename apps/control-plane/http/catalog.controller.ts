/** Participants, accounts and datasets. */
import { Controller, Get, Inject, Param, Put, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import type { Account, Participant } from '../../../libs/adapters/postgres/index.ts';
import { FailureError, fail, limits, unwrap } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import { putAccount } from '../commands/put-account.ts';
import type { DatasetView } from '../commands/put-dataset.ts';
import { datasetView, putDataset } from '../commands/put-dataset.ts';
import { putParticipant } from '../commands/put-participant.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller } from './account-guard.ts';
import { accountInput, datasetInput, id as idInput, participantInput } from './inputs.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const smallBytesMax = 64 * 1024;
const datasetBytesMax = 2 * limits.schemaBytesMax + smallBytesMax;

type AccountView = Omit<Account, 'secretHash'>;

const accountView = ({ name, participant }: AccountView): AccountView => ({ name, participant });

@Controller('v1')
export class CatalogController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Put('participants/:id')
  async putParticipant(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<Participant> {
    const input = await readJson(request, smallBytesMax, participantInput);
    return unwrap(await putParticipant(this.#plane, caller, { id: checked(id, idInput, 'id'), ...input }));
  }

  @Get('participants')
  async listParticipants(@CurrentCaller() caller: Caller): Promise<Participant[]> {
    unwrap(requireOperator(caller));
    return unwrap(await this.#plane.database.stores.participants.list());
  }

  @Get('participants/:id')
  async getParticipant(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Participant> {
    unwrap(requireOperator(caller));
    return found(unwrap(await this.#plane.database.stores.participants.find(checked(id, idInput, 'id'))));
  }

  @Put('accounts/:name')
  async putAccount(
    @CurrentCaller() caller: Caller,
    @Param('name') name: string,
    @Req() request: FastifyRequest,
  ): Promise<AccountView> {
    const input = await readJson(request, smallBytesMax, accountInput);
    return accountView(unwrap(await putAccount(this.#plane, caller, { name: checked(name, idInput, 'name'), ...input })));
  }

  @Get('accounts')
  async listAccounts(@CurrentCaller() caller: Caller): Promise<AccountView[]> {
    unwrap(requireOperator(caller));
    return unwrap(await this.#plane.database.stores.participants.listAccounts()).map(accountView);
  }

  @Get('accounts/:name')
  async getAccount(@CurrentCaller() caller: Caller, @Param('name') name: string): Promise<AccountView> {
    unwrap(requireOperator(caller));
    return accountView(found(unwrap(await this.#plane.database.stores.participants.findAccount(checked(name, idInput, 'name')))));
  }

  @Put('datasets/:id')
  async putDataset(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<DatasetView> {
    const { title, ...input } = await readJson(request, datasetBytesMax, datasetInput);
    const named = { id: checked(id, idInput, 'id'), titleZh: title.zh, titleEn: title.en };
    return unwrap(await putDataset(this.#plane, caller, { ...named, ...input }));
  }

  @Get('datasets')
  async listDatasets(): Promise<DatasetView[]> {
    return unwrap(await this.#plane.database.stores.datasets.list()).map(datasetView);
  }

  @Get('datasets/:id')
  async getDataset(@Param('id') id: string): Promise<DatasetView> {
    return datasetView(found(unwrap(await this.#plane.database.stores.datasets.find(checked(id, idInput, 'id')))));
  }
}

function found<T>(value: T | null): T {
  if (value === null) throw new FailureError(fail('not-found', 'there is no such thing').failure);
  return value;
}
