/** The one list of stages; apps pass it to the compiler. */
import type { Stage } from '../govern/index.ts';
import { filter } from './filter/filter.ts';
import { generalize } from './generalize/generalize.ts';
import { keep } from './keep/keep.ts';
import { mask } from './mask/mask.ts';
import { pseudonymize } from './pseudonymize/pseudonymize.ts';
import { suppress } from './suppress/suppress.ts';

export const stages: readonly Stage[] = [filter, generalize, keep, mask, pseudonymize, suppress];
