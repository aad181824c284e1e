/**
 * What a route is, said once beside its handler: the OpenAPI document, the audit trail, retries and ETags all go by it.
 * `openapi.spec.ts` fails for a handler that has no description.
 */
import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';

export type Tag =
  | 'platform'
  | 'participants'
  | 'accounts'
  | 'datasets'
  | 'policies'
  | 'requests'
  | 'agreements'
  | 'keys'
  | 'records'
  | 'audit'
  | 'registry';

/** One answer besides a problem. */
export interface Answer {
  readonly description: string;
  /** Absent for an answer without a body. Give a named component with `.meta({ id: 'Agreement' })`. */
  readonly schema?: z.ZodType;
  /** `application/json` when absent. */
  readonly mediaTypes?: readonly string[];
}

export interface RouteDescription {
  /** Its operationId, unique over all routes: `putDataset`. */
  readonly id: string;
  readonly summary: string;
  readonly tag: Tag;
  /** The JSON body. */
  readonly body?: z.ZodType;
  /** Bodies that are not JSON, or not JSON alone: a schema, or null for text that a schema cannot say, by media type. */
  readonly bodies?: Readonly<Record<string, z.ZodType | null>>;
  /** Query parameters. */
  readonly query?: z.ZodObject;
  /** Headers that the handler reads, besides those of `Describe` itself: a sentence each, by name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of status 200. `answers` where there are others. */
  readonly answer?: z.ZodType;
  readonly answers?: Readonly<Record<number, Answer>>;
  /** Whether the answer of a GET or PUT carries an ETag, so that `If-None-Match` and `If-Match` work on the route. */
  readonly etag?: boolean;
  /** Whether reading it shows a value that is protected elsewhere: then each read is in the audit trail. */
  readonly showsClear?: boolean;
  /** Whether the handler itself serves the header `Idempotency-Key`. Every other POST has it served for it. */
  readonly ownIdempotency?: boolean;
}

export const routeDescription = 'sluice:route';

/** Goes above a handler, with Nest's own decorators. */
export const Describe = (description: RouteDescription): MethodDecorator => SetMetadata(routeDescription, description);
