/** How keyed stages name the key that they need. */
import { z } from 'zod';
import type { PlannedField, TransformAction } from '../govern/index.ts';

/** A setting of stages whose outputs may have to be equal for equal values of several fields. */
export const keyDomain = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/)
  .optional()
  .describe(
    'Fields of one agreement with the same domain share the key, so that their results can be joined; left out, each field has its own',
  );

/** One key for each stage and field, or for each stage and domain: a path begins with a slash, a domain is set off by a colon. */
export const keyLabel = (stage: string, { path }: Pick<PlannedField, 'path'>, domain?: string): string =>
  domain === undefined ? `${stage}${path}` : `${stage}:${domain}`;

/**
 * Whether results of a rule join with those of no other field than the other rule's do: it has its key for itself, or both are of one domain. Holds where
 * both are of one stage; domains of different stages have different keys.
 */
export const joinsNoFurther = (mine: string | undefined, other: string | undefined): boolean =>
  mine === undefined || mine === other;

/** The 32 bytes that the host resolved; a transform with a label is never bound without them. */
export function keyOf(stage: string, need: Parameters<TransformAction['reference']>[0]): Uint8Array {
  if (need === undefined) throw new Error(`${stage}: the key is missing`);
  return need.key;
}
