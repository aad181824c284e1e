/** The epochs of an agreement's data key, for its parties. */
import type { DataKeyEpoch } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { findAgreement } from './find-agreement.ts';

/** The oldest first. Never a key. */
export async function listKeys(plane: ControlPlane, caller: Caller, agreement: string): Promise<Result<DataKeyEpoch[]>> {
  const seen = await findAgreement(plane, caller, agreement);
  if (!seen.ok) return seen;
  return plane.database.asCaller(readerOf(caller), (stores) => stores.dataKeys.epochs('agreement', [agreement]));
}
