/** What Kafka has against what it should have: the last comparison, and one now. */
import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { z } from 'zod';

import type { Reconciliation } from '../../../libs/adapters/postgres/index.ts';
import { FailureError, fail, unwrap } from '../../../libs/base/index.ts';
import { readerOf, requireOperator, requireRole } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { planeToken } from './tokens.ts';

const counts = z.record(z.string(), z.int());

const reconciliationAnswer = z
  .strictObject({
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime(),
    found: counts.describe('How many differences there were, by kind.'),
    mended: counts.describe('How many of them are gone.'),
    reported: z.array(z.string()).describe('What only people can mend.'),
  })
  .meta({ id: 'Reconciliation' });

type ReconciliationView = z.infer<typeof reconciliationAnswer>;

const view = ({ startedAt, endedAt, report }: Reconciliation): ReconciliationView => ({
  startedAt: startedAt.toISOString(),
  endedAt: endedAt.toISOString(),
  found: { ...report.found },
  mended: { ...report.mended },
  reported: [...report.reported],
});

@Controller('v1/reconciliation')
@NeedsScope('admin')
export class ReconcileController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Get()
  @Describe({
    id: 'getReconciliation',
    summary: 'What the last comparison of Kafka with the database found and mended',
    tag: 'platform',
    answer: reconciliationAnswer,
  })
  async last(@CurrentCaller() caller: Caller): Promise<ReconciliationView> {
    unwrap(requireRole(caller, 'operator', 'auditor'));
    const last = unwrap(await this.#plane.database.asCaller(readerOf(caller), (stores) => stores.kills.lastReconciliation()));
    if (last === null) throw new FailureError(fail('not-found', 'nothing was compared yet').failure);
    return view(last);
  }

  @Post()
  @Describe({ id: 'reconcile', summary: 'Compares now, and mends', tag: 'platform', answer: reconciliationAnswer })
  @HttpCode(200)
  async run(@CurrentCaller() caller: Caller): Promise<ReconciliationView> {
    unwrap(requireOperator(caller));
    return view(unwrap(await this.#plane.reconcile()));
  }
}
