/**
 * Emits the module of a Program. `run(from, to)` scans and checks each record to its exact end, evaluates the row conditions, and only then
 * writes; `check(from, to)`, where the host has the last word on some values, does all but the writing and asks the host. The module's only import
 * is its memory. No text of the schema is in it but constants of the policy and defaults.
 */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { fixedGrowthMax } from '../../records/index.ts';
import { ModuleWriter } from '../../wasm/index.ts';
import { addDates } from './dates.ts';
import type { Emission, EmitInput } from './emission.ts';
import { Constants } from './emission.ts';
import { addKernel } from './kernel.ts';
import { fixedGrowth } from './plan-walk.ts';
import { isAsked } from './transform-code.ts';
import { RunCode } from './run-code.ts';
import { nodeCode } from './walk.ts';

const moduleBytesMax = 1024 * 1024;

/** Fails with `plan-invalid` and a message that begins with "lowering" when the module would be too large. */
export function emitModule(input: EmitInput): Result<Uint8Array> {
  const fixed = fixedGrowth(input.plans.fields, input.tree);
  if (fixed > fixedGrowthMax)
    return fail('plan-invalid', `lowering: the constants of the policy would add ${fixed} bytes to a record`);
  const module = new ModuleWriter();
  const emission = emissionOf(module, input);
  const asks = emission.state.occurrences.size > 0;
  if (asks) new RunCode(emission, input, module.function(['i32', 'i32'], ['i32'], 'check').code, 'check').emit();
  new RunCode(emission, input, module.function(['i32', 'i32'], ['i32'], 'run').code, asks ? 'answered' : 'whole').emit();
  if (emission.constants.length > fixedGrowthMax)
    return fail('plan-invalid', 'lowering: the defaults of the schema are too large');
  emission.constants.finish();
  const bytes = module.finish(1);
  if (bytes.length > moduleBytesMax) return fail('plan-invalid', `lowering: the module would have ${bytes.length} bytes`);
  return ok(bytes);
}

function emissionOf(module: ModuleWriter, { plans }: EmitInput): Emission {
  const kernel = addKernel(module);
  const global = (): number => module.global();
  const occurrences = new Map<number, number>();
  const subjects = new Map<string, { start: number; length: number }>();
  const replaced = new Map<number, number>();
  plans.fields.forEach(({ action, otherwise }, index) => {
    if (action.kind === 'transform' && otherwise !== 'refuse') replaced.set(index, global());
    if (action.kind !== 'transform' || !isAsked({ action })) return;
    occurrences.set(index, global());
    if (action.subject !== undefined && !subjects.has(action.subject))
      subjects.set(action.subject, { start: global(), length: global() });
  });
  return {
    module,
    kernel,
    dates: addDates(module),
    functions: {
      checking: new Map(),
      trusting: new Map(),
      emptyItems: global(),
    },
    plans,
    state: {
      gatherCount: global(),
      askCount: global(),
      full: global(),
      refusedPlan: global(),
      answer: global(),
      record: global(),
      outStop: global(),
      replaced,
      occurrences,
      subjects,
    },
    checks: new Map(),
    writes: new Map(),
    constants: new Constants(module),
    nodes: nodeCode,
  };
}
