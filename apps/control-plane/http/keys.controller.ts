/** Data keys: their epochs, rotation, shredding, and wrapping anew. */
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { fail, FailureError, unwrap } from '../../../libs/base/index.ts';
import type { KeyOwner } from '../../../libs/catalog/index.ts';
import { listKeys } from '../commands/find-keys.ts';
import type { RewrapOutcome } from '../commands/rewrap-keys.ts';
import { rewrapKeys } from '../commands/rewrap-keys.ts';
import type { Rotation } from '../commands/rotate-key.ts';
import { rotateKey } from '../commands/rotate-key.ts';
import type { BlastRadius, ShownRadius } from '../commands/shred-key.ts';
import { showBlastRadius, shredKey } from '../commands/shred-key.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { id as idInput } from './inputs.ts';
import { epochAnswer, radiusAnswer, rewrapAnswer, rotationAnswer, shreddedAnswer, shredInput } from './key-schemas.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const bodyBytesMax = 4 * 1024;

const rotateQuery = z.strictObject({
  breaksCompaction: z
    .enum(['true', 'false'])
    .default('false')
    .describe('`true` where the topic is compacted and its keys change with the data key: the old ones stay in it for ever.'),
});

const rewrapQuery = z.strictObject({
  most: z.coerce.number().int().min(1).max(10_000).default(1_000).describe('Keys that one call wraps anew.'),
});

type Epoch = z.infer<typeof epochAnswer>;

@Controller('v1')
export class KeysController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Get('agreements/:id/keys')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'listAgreementKeys',
    summary: 'Epochs of the data key of an agreement, the oldest first; never a key',
    tag: 'keys',
    answer: z.strictObject({ items: z.array(epochAnswer) }),
  })
  async list(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<{ items: Epoch[] }> {
    const epochs = unwrap(await listKeys(this.#plane, caller, checked(id, idInput, 'id')));
    return { items: epochs.map(({ epoch, state, createdAt }) => ({ epoch, state, createdAt: createdAt.toISOString() })) };
  }

  @Post('agreements/:id/keys/rotate')
  @NeedsScope('agreements:write')
  @Describe({
    id: 'rotateAgreementKey',
    summary: 'Governs under a new data key from the next transaction on',
    tag: 'keys',
    query: rotateQuery,
    answer: rotationAnswer,
  })
  @HttpCode(200)
  async rotate(@CurrentCaller() caller: Caller, @Param('id') id: string, @Query() asked: unknown): Promise<Rotation> {
    const { breaksCompaction } = checked(asked, rotateQuery, '?');
    const input = { agreement: checked(id, idInput, 'id'), breaksCompaction: breaksCompaction === 'true' };
    return unwrap(await rotateKey(this.#plane, caller, input));
  }

  @Get('agreements/:id/keys/shred')
  @NeedsScope('agreements:write')
  @Describe({
    id: 'showAgreementBlastRadius',
    summary: 'What shredding the data key of an agreement would destroy for good',
    tag: 'keys',
    answer: radiusAnswer,
  })
  showOfAgreement(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ShownRadius> {
    return this.#show(caller, 'agreement', id);
  }

  @Post('agreements/:id/keys/shred')
  @NeedsScope('agreements:write')
  @Describe({
    id: 'shredAgreementKey',
    summary: 'Destroys every data key of an agreement that is over',
    tag: 'keys',
    body: shredInput,
    answer: shreddedAnswer,
  })
  @HttpCode(200)
  shredAgreement(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<BlastRadius> {
    return this.#shred(caller, 'agreement', id, request);
  }

  @Get('datasets/:id/keys/shred')
  @NeedsScope('catalog:write')
  @Describe({
    id: 'showDatasetBlastRadius',
    summary: 'What shredding the keys of a dataset and of all its agreements would destroy for good',
    tag: 'keys',
    answer: radiusAnswer,
  })
  showOfDataset(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ShownRadius> {
    return this.#show(caller, 'dataset', id);
  }

  @Post('datasets/:id/keys/shred')
  @NeedsScope('catalog:write')
  @Describe({
    id: 'shredDatasetKey',
    summary: 'Destroys the key of a dataset, and those of its agreements, which are all over',
    tag: 'keys',
    body: shredInput,
    answer: shreddedAnswer,
  })
  @HttpCode(200)
  shredDataset(@CurrentCaller() caller: Caller, @Param('id') id: string, @Req() request: FastifyRequest): Promise<BlastRadius> {
    return this.#shred(caller, 'dataset', id, request);
  }

  @Post('keys/rewrap')
  @NeedsScope('admin')
  @Describe({
    id: 'rewrapKeys',
    summary: 'Wraps what older master keys wrapped under the newest one; again until `more` is false',
    tag: 'keys',
    query: rewrapQuery,
    answer: rewrapAnswer,
  })
  @HttpCode(200)
  async rewrap(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<RewrapOutcome> {
    return unwrap(await rewrapKeys(this.#plane, caller, checked(asked, rewrapQuery, '?').most));
  }

  async #show(caller: Caller, kind: KeyOwner['kind'], id: string): Promise<ShownRadius> {
    return unwrap(await showBlastRadius(this.#plane, caller, { kind, id: checked(id, idInput, 'id') }));
  }

  async #shred(caller: Caller, kind: KeyOwner['kind'], id: string, request: FastifyRequest): Promise<BlastRadius> {
    const owner = { kind, id: checked(id, idInput, 'id') };
    const { confirm, digest } = await readJson(request, bodyBytesMax, shredInput);
    if (confirm !== owner.id)
      throw new FailureError(fail('request-invalid', `confirm must be the id of the ${kind}`, '/confirm').failure);
    return unwrap(await shredKey(this.#plane, caller, owner, digest));
  }
}
