/** Whether one plan of a place lets out at most what another one does: what holds for every stage, once. The stage itself answers for the rest. */
import { canonicalJson } from '../base/index.ts';
import type { Otherwise } from '../odrl/index.ts';
import type { AtLeast, FieldAction, FieldPlan, PlannedField, Stage } from './stage.ts';

/** What a weighing needs of a plan. */
export type WeighedPlan = Pick<FieldPlan, 'action' | 'otherwise' | 'stage' | 'config'>;

/** Nothing of a value leaves: the field is gone, or the same in every record. */
export const showsNothing = ({ kind }: FieldAction): boolean => kind === 'drop' || kind === 'null' || kind === 'constant';

/**
 * Whether `mine` lets out at most what `other` does of the field that both are on, by what becomes of values that fit and of those that do not.
 * A rule that keeps everything is the least there is, one of which nothing leaves the most.
 */
export function weighPlans(mine: WeighedPlan, other: WeighedPlan, field: PlannedField, stages: readonly Stage[]): AtLeast {
  if (showsNothing(mine.action)) return 'yes';
  // Every value fits it and leaves whole, so that whatever is made of the value is a function of what leaves.
  if (other.action.kind === 'keep') return 'yes';
  if (showsNothing(other.action) || mine.action.kind === 'keep') return 'no';
  const stage = stages.find(({ name }) => name === mine.stage);
  if (stage === undefined || stage.scope === 'row') return 'incomparable';
  const verdict = isSame(mine, other) ? 'yes' : stage.weigh(mine.config, { stage: other.stage, config: other.config }, field);
  return verdict !== 'yes' || otherwiseHolds(mine, other) ? verdict : 'no';
}

const isSame = (mine: WeighedPlan, other: WeighedPlan): boolean =>
  mine.stage === other.stage && canonicalJson(mine.config) === canonicalJson(other.config);

/**
 * What does not fit refuses its record, or becomes what it becomes under the other rule. A constant might be a result of the other rule too, so that it
 * hides there which values did not fit: only under the very same rule it hides the same here.
 */
function otherwiseHolds(mine: WeighedPlan, other: WeighedPlan): boolean {
  if (mine.otherwise === 'refuse') return true;
  if (mine.otherwise === 'null') return other.otherwise === 'null';
  return isSame(mine, other) && sameOtherwise(mine.otherwise, other.otherwise);
}

const sameOtherwise = (mine: Otherwise, other: Otherwise): boolean => canonicalJson(mine) === canonicalJson(other);
