/** An agreement that would go on is held where it is looser than its dataset's baseline by now. */
import type { Agreement } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { Hold, Standing } from '../../../libs/catalog/index.ts';
import { transition } from '../../../libs/catalog/index.ts';
import type { ControlPlane } from '../plane.ts';
import { checkStillTightens } from './change-agreement-state.ts';
import { columnsOf } from './move-agreement.ts';

/** For what moves without a person who could be told that it may not. `next` is what it would become, with this standing. */
export async function holdLooser(plane: ControlPlane, next: Agreement, standing: Standing): Promise<Result<Agreement>> {
  if (standing.state !== 'started') return ok(next);
  const tightens = await checkStillTightens(plane, next);
  if (tightens.ok || tightens.failure.code !== 'policy-loosens') return tightens.ok ? ok(next) : tightens;
  const hold: Hold = {
    kind: 'policy',
    of: next.dataset,
    reason: 'looser than the baseline',
    at: new Date().toISOString(),
  };
  const held = transition(standing, { event: 'suspend', hold });
  return held.ok ? ok({ ...next, ...columnsOf(held.value) }) : held;
}
