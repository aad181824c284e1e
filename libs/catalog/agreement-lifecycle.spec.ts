/** The life of an agreement: what each event does, and what holds after any sequence of events. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Hold, LifecycleEvent, Standing } from './agreement-lifecycle.ts';
import { renewableForMs, transition, underTerms } from './agreement-lifecycle.ts';

const at = '2026-03-01T00:00:00.000Z';
const party: Hold = { kind: 'party', of: 'publisher', reason: '', at };
const killed = (of = 'dataset/d'): Hold => ({
  kind: 'kill',
  of,
  reason: 'leak',
  at,
});
const usedUp: Hold = { kind: 'meter', of: 'a', reason: '10 records', at };
const early: Hold = { kind: 'period', of: 'a', reason: '', at };
const started: Standing = { state: 'started', holds: [], expiresAtMs: 1_000 };

/** After each event in turn; the first failure ends it. */
function after(standing: Standing, ...events: LifecycleEvent[]): Standing | string {
  let now = standing;
  for (const event of events) {
    const next = transition(now, event);
    if (!next.ok) return `${next.failure.code}: ${next.failure.message}`;
    now = next.value;
  }
  return now;
}

describe('an agreement', () => {
  test('that is killed does not go on by resuming, but by lifting what holds it', () => {
    const held = after(started, { event: 'suspend', hold: party }, { event: 'kill', hold: killed() });
    expect(held).toMatchObject({
      state: 'suspended',
      holds: [party, killed()],
    });
    const still = after(held as Standing, { event: 'resume' });
    expect(still).toMatchObject({ state: 'suspended', holds: [killed()] });
    expect(after(still as Standing, { event: 'resume' })).toBe(
      'conflict: it is suspended, which does not allow resume: dataset/d is killed, and must be lifted first',
    );
    expect(after(still as Standing, { event: 'lift', of: 'dataset/other' })).toBe(still);
    expect(after(still as Standing, { event: 'lift', of: 'dataset/d' })).toMatchObject({ state: 'started', holds: [] });
  });

  test('whose volume is used up goes on by renewing or by other terms, not by resuming', () => {
    const spent = after(started, { event: 'suspend', hold: party }, { event: 'exhaust', hold: usedUp }) as Standing;
    const still = after(spent, { event: 'resume' });
    expect(still).toMatchObject({ state: 'suspended', holds: [usedUp] });
    expect(after(still as Standing, { event: 'resume' })).toMatch(/^conflict: .*: the volume of its policy is used up/);
    expect(after(still as Standing, { event: 'renew', untilMs: 5_000, nowMs: 10 })).toMatchObject({
      state: 'started',
      holds: [],
    });
    // A second attempt at the same renewal is no second volume.
    expect(after(still as Standing, { event: 'renew', untilMs: 1_000, nowMs: 10 })).toBe(still);
    expect(underTerms(spent, [])).toMatchObject({
      state: 'suspended',
      holds: [party],
    });
    expect(underTerms(spent, [usedUp])).toBe(spent);
    expect(after(started, { event: 'terminate' }, { event: 'exhaust', hold: usedUp })).toMatchObject({ state: 'terminated' });
  });

  test('whose period begins later is held until then, whatever its parties say', () => {
    const waiting = underTerms(started, [early]);
    expect(waiting).toMatchObject({ state: 'suspended', holds: [early] });
    expect(after(waiting, { event: 'resume' })).toMatch(/^conflict: .*: its period has not begun$/);
    const both = after(waiting, { event: 'suspend', hold: party }, { event: 'resume' });
    expect(both).toMatchObject({ state: 'suspended', holds: [early] });
    expect(after(both as Standing, { event: 'begin' })).toMatchObject({
      state: 'started',
      holds: [],
    });
    expect(after(waiting, { event: 'kill', hold: killed() }, { event: 'begin' })).toMatchObject({ holds: [killed()] });
    expect(after(waiting, { event: 'renew', untilMs: 5_000, nowMs: 10 })).toMatchObject({ state: 'suspended', holds: [early] });
    expect(after(started, { event: 'begin' })).toBe(started);
  });

  test('that is over can be renewed for thirty days, and killed before goes on suspended', () => {
    const over = after(started, { event: 'expire', nowMs: 1_000 }) as Standing;
    expect(over.state).toBe('completed');
    const renew = (nowMs: number): LifecycleEvent => ({
      event: 'renew',
      untilMs: nowMs + 5,
      nowMs,
    });
    expect(after(over, renew(1_000 + renewableForMs))).toMatchObject({
      state: 'started',
    });
    expect(after(over, renew(1_001 + renewableForMs))).toMatch(/^conflict: it is completed, which does not allow renew any more/);
    expect(after(over, { event: 'kill', hold: killed() }, renew(2_000))).toMatchObject({ state: 'suspended' });
    expect(after(over, { event: 'renew', untilMs: 2_000, nowMs: 2_000 })).toMatch(/^request-invalid/);
    expect(after(over, { event: 'resume' })).toBe('conflict: it is completed, which does not allow resume');
  });

  test('does not expire before its time, nor without one', () => {
    expect(after(started, { event: 'expire', nowMs: 999 })).toBe(started);
    const endless = { ...started, expiresAtMs: null };
    expect(after(endless, { event: 'expire', nowMs: 1e15 })).toBe(endless);
  });

  test('is the same object when an event is repeated: nothing to store, nothing to publish', () => {
    for (const event of [
      { event: 'suspend', hold: party },
      { event: 'kill', hold: killed() },
      { event: 'terminate' },
      { event: 'expire', nowMs: 2_000 },
    ] as const) {
      const once = after(started, event) as Standing;
      expect(after(once, event)).toBe(once);
    }
    expect(after(started, { event: 'resume' })).toBe(started);
  });
});

const scope = fc.constantFrom('agreement/a', 'dataset/d', 'participant/p');
const clock = fc.integer({ min: 1, max: 3 * renewableForMs });
const anyEvent: fc.Arbitrary<LifecycleEvent> = fc.oneof(
  fc.constant<LifecycleEvent>({ event: 'suspend', hold: party }),
  fc.constant<LifecycleEvent>({
    event: 'suspend',
    hold: { ...party, kind: 'policy', of: 'd' },
  }),
  fc.constant<LifecycleEvent>({ event: 'resume' }),
  fc.constant<LifecycleEvent>({ event: 'exhaust', hold: usedUp }),
  fc.constant<LifecycleEvent>({ event: 'begin' }),
  scope.map((of): LifecycleEvent => ({ event: 'kill', hold: killed(of) })),
  scope.map((of): LifecycleEvent => ({ event: 'lift', of })),
  fc.tuple(clock, clock).map(
    ([nowMs, untilMs]): LifecycleEvent => ({
      event: 'renew',
      nowMs,
      untilMs,
    }),
  ),
  clock.map((nowMs): LifecycleEvent => ({ event: 'expire', nowMs })),
  fc.constant<LifecycleEvent>({ event: 'terminate' }),
);

/** What is wrong with a step; null for nothing. `move` is the transition under test. */
function faultOf(move: typeof transition, events: readonly LifecycleEvent[]): string | null {
  let now: Standing = underTerms({ ...started, expiresAtMs: renewableForMs }, [early]);
  let hasBegun = false;
  const kills = new Set<string>();
  for (const event of events) {
    const next = move(now, event);
    if (!next.ok) {
      if (next.failure.code !== 'conflict' && next.failure.code !== 'request-invalid') return `fails with ${next.failure.code}`;
      continue;
    }
    const { state, holds } = next.value;
    if (now.state === 'terminated' && next.value !== now) return 'goes on after it was terminated';
    if (now.state === 'completed' && state !== 'completed' && event.event !== 'renew')
      return `goes on after its end by ${event.event}`;
    if (event.event === 'kill') kills.add(event.hold.of);
    if (event.event === 'lift') kills.delete(event.of);
    if (event.event === 'begin') hasBegun = true;
    if (state === 'started' && !hasBegun) return 'delivers before its period';
    const wasSpent = now.holds.some(({ kind }) => kind === 'meter');
    if (wasSpent && state === 'started' && event.event !== 'renew') return 'goes on beyond its volume';
    if (kills.size > 0 && state === 'started') return 'delivers while it is killed';
    if ([...kills].some((of) => !holds.some((hold) => hold.kind === 'kill' && hold.of === of))) return 'forgets a kill';
    if (state === 'started' && holds.length > 0) return 'delivers while something holds it';
    if (state === 'suspended' && holds.length === 0) return 'is suspended by nothing';
    now = next.value;
  }
  return null;
}

describe('after any sequence of events', () => {
  const sequences = fc.array(anyEvent, { maxLength: 30 });

  test('what is terminated stays so, what is killed does not deliver, and it is suspended exactly when something holds it', () => {
    fc.assert(
      fc.property(sequences, (events) => {
        expect(faultOf(transition, events)).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(['kill', 'meter', 'period'])('a planted fault is found: resuming that lifts what is held by %s', (lifted) => {
    const faulty: typeof transition = (standing, event) => {
      if (event.event !== 'resume' || standing.state !== 'suspended') return transition(standing, event);
      const holds = standing.holds.filter(({ kind }) => kind !== lifted && kind !== 'party' && kind !== 'policy');
      return {
        ok: true,
        value: {
          ...standing,
          state: holds.length === 0 ? 'started' : 'suspended',
          holds,
        },
      };
    };
    const found = fc.check(
      fc.property(sequences, (events) => faultOf(faulty, events) === null),
      { numRuns: 2_000 },
    );
    expect(found.failed).toBe(true);
  });
});
