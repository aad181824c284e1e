/** The one list of stages; apps pass it to the compiler. */
import type { Stage } from '../govern/index.ts';
import { band } from './band/band.ts';
import { constant } from './constant/constant.ts';
import { dateShift } from './date-shift/date-shift.ts';
import { dateTruncate } from './date-truncate/date-truncate.ts';
import { dictionary } from './dictionary/dictionary.ts';
import { drop } from './drop/drop.ts';
import { filter } from './filter/filter.ts';
import { fpe } from './fpe/fpe.ts';
import { geo } from './geo/geo.ts';
import { hashBucket } from './hash-bucket/hash-bucket.ts';
import { ipPrefix } from './ip-prefix/ip-prefix.ts';
import { keep } from './keep/keep.ts';
import { mask } from './mask/mask.ts';
import { noise } from './noise/noise.ts';
import { alwaysNull } from './null/null.ts';
import { prefix } from './prefix/prefix.ts';
import { pseudonymize } from './pseudonymize/pseudonymize.ts';
import { region } from './region/region.ts';
import { round } from './round/round.ts';
import { scrub } from './scrub/scrub.ts';
import { tokenize } from './tokenize/tokenize.ts';
import { topCode } from './top-code/top-code.ts';

/** By name. */
export const stages: readonly Stage[] = [
  band,
  constant,
  dateShift,
  dateTruncate,
  dictionary,
  drop,
  filter,
  fpe,
  geo,
  hashBucket,
  ipPrefix,
  keep,
  mask,
  noise,
  alwaysNull,
  prefix,
  pseudonymize,
  region,
  round,
  scrub,
  tokenize,
  topCode,
];

export type { FpeOrigin } from './fpe/fpe.ts';
export { decryptDigits } from './fpe/fpe.ts';
export { finderOf, findIdentifiers } from './scrub/find-identifiers.ts';
export type { Finding, IdentifierKind } from './scrub/identifier-kinds.ts';
export { identifierKinds } from './scrub/identifier-kinds.ts';
export type { TokenOrigin } from './tokenize/tokenize.ts';
export { detokenize } from './tokenize/tokenize.ts';
