/** What the kill switch cuts: one agreement, all of a dataset, or all of a participant; as it is noted, and asked before something new begins. */
import type { Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';

export type KillKind = 'agreement' | 'dataset' | 'participant';

export interface KillTarget {
  readonly kind: KillKind;
  readonly id: string;
}

/** Its name in the table and among the holds of agreements. */
export const scopeOf = ({ kind, id }: KillTarget): string => `${kind}/${id}`;

/** Fails with `conflict` when the dataset or one of the parties is killed. */
export async function checkNotKilled(
  stores: Pick<Stores, 'kills'>,
  {
    dataset,
    assigner,
    assignee,
  }: {
    readonly dataset: string;
    readonly assigner: string;
    readonly assignee: string;
  },
): Promise<Result<void>> {
  const scopes = [`dataset/${dataset}`, `participant/${assigner}`, `participant/${assignee}`];
  const killed = await stores.kills.among(scopes);
  if (!killed.ok) return killed;
  const [first] = killed.value;
  return first === undefined ? ok(undefined) : fail('conflict', `${first.scope} is killed: nothing begins until it is lifted`);
}
