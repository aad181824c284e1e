/** How an agreement changes its state: one table of what may happen in which state, and what comes of it. Pure. */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { TransferState } from './directive.ts';

/** Why an agreement does not deliver although it is not over. */
export interface Hold {
  /**
   * `party`: the assigner wants it. `policy`: its policy is looser than the baseline of its dataset. `kill`: the kill switch. `meter`: the volume of its
   * policy is used up. `period`: its period has not begun.
   */
  readonly kind: 'party' | 'policy' | 'kill' | 'meter' | 'period';
  /** Whose it is: a participant; for a kill its scope, such as `dataset/<id>`; for what its own terms say the agreement. */
  readonly of: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly at: string;
}

/** What the life of an agreement depends on. */
export interface Standing {
  readonly state: TransferState;
  readonly holds: readonly Hold[];
  /** The first moment when nothing is governed any more, milliseconds since the epoch; null without an end. */
  readonly expiresAtMs: number | null;
}

export type LifecycleEvent =
  | { readonly event: 'suspend'; readonly hold: Hold }
  | { readonly event: 'resume' }
  | { readonly event: 'kill'; readonly hold: Hold }
  | { readonly event: 'lift'; readonly of: string }
  | { readonly event: 'exhaust'; readonly hold: Hold }
  | { readonly event: 'begin' }
  | {
      readonly event: 'renew';
      readonly untilMs: number;
      readonly nowMs: number;
    }
  | { readonly event: 'expire'; readonly nowMs: number }
  | { readonly event: 'terminate' };

/** How long an agreement that is over can be renewed, milliseconds. */
export const renewableForMs = 30 * 24 * 60 * 60_000;

/** `moves`: something may come of it. `is-so`: nothing is left to do, which is a success. `illegal`: a conflict. */
type Verdict = 'moves' | 'is-so' | 'illegal';

/** The one table. A kill reaches an agreement that is over as well: renewed, it would go on. */
const verdicts: Readonly<Record<LifecycleEvent['event'], Readonly<Record<TransferState, Verdict>>>> = {
  suspend: {
    started: 'moves',
    suspended: 'moves',
    completed: 'illegal',
    terminated: 'illegal',
  },
  resume: {
    started: 'is-so',
    suspended: 'moves',
    completed: 'illegal',
    terminated: 'illegal',
  },
  kill: {
    started: 'moves',
    suspended: 'moves',
    completed: 'moves',
    terminated: 'illegal',
  },
  lift: {
    started: 'is-so',
    suspended: 'moves',
    completed: 'moves',
    terminated: 'illegal',
  },
  exhaust: {
    started: 'moves',
    suspended: 'moves',
    completed: 'is-so',
    terminated: 'is-so',
  },
  begin: {
    started: 'is-so',
    suspended: 'moves',
    completed: 'moves',
    terminated: 'is-so',
  },
  renew: {
    started: 'moves',
    suspended: 'moves',
    completed: 'moves',
    terminated: 'illegal',
  },
  expire: {
    started: 'moves',
    suspended: 'moves',
    completed: 'is-so',
    terminated: 'illegal',
  },
  terminate: {
    started: 'moves',
    suspended: 'moves',
    completed: 'illegal',
    terminated: 'is-so',
  },
};

/**
 * The standing after an event: the same object when nothing changes. Fails with `conflict` naming state and event; the caller says of which
 * agreement. `request-invalid` for a renewal that ends in the past.
 */
export function transition(standing: Standing, happening: LifecycleEvent): Result<Standing> {
  const verdict = verdicts[happening.event][standing.state];
  if (verdict === 'is-so') return ok(standing);
  if (verdict === 'illegal') return illegal(standing, happening);
  switch (happening.event) {
    case 'suspend':
    case 'kill':
    case 'exhaust':
      return ok(held(standing, happening.hold));
    case 'resume':
      return resumed(standing);
    case 'lift':
      return ok(without(standing, ({ kind, of }) => kind === 'kill' && of === happening.of));
    case 'begin':
      return ok(without(standing, ({ kind }) => kind === 'period'));
    case 'renew':
      return renewed(standing, happening.untilMs, happening.nowMs);
    case 'expire': {
      const isOver = standing.expiresAtMs !== null && standing.expiresAtMs <= happening.nowMs;
      return ok(isOver ? { ...standing, state: 'completed' } : standing);
    }
    case 'terminate':
      return ok({ ...standing, state: 'terminated' });
  }
}

const illegal = ({ state }: Standing, { event }: LifecycleEvent, why = ''): Result<Standing> =>
  fail('conflict', `it is ${state}, which does not allow ${event}${why}`);

const isSame =
  (one: Pick<Hold, 'kind' | 'of'>) =>
  ({ kind, of }: Hold): boolean =>
    kind === one.kind && of === one.of;

function held(standing: Standing, hold: Hold): Standing {
  if (standing.holds.some(isSame(hold))) return standing;
  return settled({ ...standing, holds: [...standing.holds, hold] });
}

function without(standing: Standing, goes: (hold: Hold) => boolean): Standing {
  const holds = standing.holds.filter((hold) => !goes(hold));
  return holds.length === standing.holds.length ? standing : settled({ ...standing, holds });
}

/** Why a hold stays when a party resumes; null for one that goes. What the terms hold is not a party's word to end, nor is a kill. */
const stays: Readonly<Record<Hold['kind'], ((hold: Hold) => string) | null>> = {
  party: null,
  policy: null,
  kill: ({ of }) => `${of} is killed, and must be lifted first`,
  meter: () => 'the volume of its policy is used up, and must be raised or renewed first',
  period: () => 'its period has not begun',
};

/** What else holds goes, and while nothing else does, that is said. */
function resumed(standing: Standing): Result<Standing> {
  const left = standing.holds.filter(({ kind }) => stays[kind] !== null);
  if (left.length > 0 && left.length === standing.holds.length)
    return illegal(standing, { event: 'resume' }, `: ${left.map((hold) => stays[hold.kind]?.(hold)).join('; ')}`);
  return ok(settled({ ...standing, holds: left }));
}

/** The standing under other terms: what the earlier ones held goes, and what these hold comes; the same object when that is nothing. */
export function underTerms(standing: Standing, holds: readonly Hold[]): Standing {
  const freed = without(standing, ({ kind, of }) => (kind === 'meter' || kind === 'period') && !holds.some(isSame({ kind, of })));
  return holds.reduce(held, freed);
}

function renewed(standing: Standing, untilMs: number, nowMs: number): Result<Standing> {
  const { state, expiresAtMs } = standing;
  if (untilMs <= nowMs) return fail('request-invalid', 'the new end is over already', '/until');
  if (state === 'completed' && (expiresAtMs === null || nowMs - expiresAtMs > renewableForMs))
    return illegal(standing, { event: 'renew', untilMs, nowMs }, ' any more: it was over too long ago');
  if (state !== 'completed' && untilMs === expiresAtMs) return ok(standing);
  // Another period has its own volume.
  const holds = standing.holds.filter(({ kind }) => kind !== 'meter');
  return ok(settled({ state: 'started', holds, expiresAtMs: untilMs }));
}

/** While it is not over, it is suspended exactly when something holds it. */
function settled(standing: Standing): Standing {
  const isOver = standing.state === 'completed' || standing.state === 'terminated';
  return isOver
    ? standing
    : {
        ...standing,
        state: standing.holds.length > 0 ? 'suspended' : 'started',
      };
}
