/** Bodies, read whole and bounded: a transaction must not wait for a slow caller. */
import { Readable } from 'node:stream';

import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

import { FailureError, fail } from '../../../libs/base/index.ts';
import { jsonDepth, jsonDepthMax } from '../json-depth.ts';

/** Bytes of all bodies that are being read or worked on at once. */
const heldBytesMax = 256 * 1024 * 1024;
let heldBytes = 0;

/** Runs `work` with the body. Throws `request-too-large` over `bytesMax`, `rate-limited` when all callers together hold too much. */
export async function withBody<T>(request: FastifyRequest, bytesMax: number, work: (body: Buffer) => Promise<T>): Promise<T> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bytesMax) throw failed('request-too-large', `the body is over ${bytesMax} bytes`);
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of bodyOf(request)) {
      bytes += part.length;
      heldBytes += part.length;
      if (bytes > bytesMax) throw failed('request-too-large', `the body is over ${bytesMax} bytes`);
      if (heldBytes > heldBytesMax) throw failed('rate-limited', 'too much is being sent at once');
      parts.push(part);
    }
    return await work(Buffer.concat(parts));
  } finally {
    heldBytes -= bytes;
  }
}

/** The JSON body checked against a schema. Throws `request-invalid` naming the place; what is there is not quoted. */
export function readJson<T>(request: FastifyRequest, bytesMax: number, schema: z.ZodType<T>): Promise<T> {
  return withBody(request, bytesMax, (body) => {
    const text = body.toString('utf8').replace(/^\uFEFF/, '');
    if (jsonDepth(text) > jsonDepthMax) throw failed('request-invalid', `the body is nested deeper than ${jsonDepthMax}`);
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw failed('request-invalid', 'the body is not JSON');
    }
    return Promise.resolve(checked(json, schema));
  });
}

/** A value checked against a schema, or a thrown `request-invalid`. `above` says what the value is when it is not the body. */
export function checked<T>(value: unknown, schema: z.ZodType<T>, above = ''): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = `${above}/${(issue?.path ?? []).map(String).join('/')}`.replace(/(?<=.)\/$/, '');
  throw failed('request-invalid', `${at}: ${issue?.message ?? 'not valid'}`, at);
}

function bodyOf(request: FastifyRequest): AsyncIterable<Buffer> {
  const body = request.body as Readable | null | undefined;
  // Leaving early must not close the connection: the refusal is still to be sent over it.
  return body === null || body === undefined ? Readable.from([]) : body.iterator({ destroyOnReturn: false });
}

const failed = (...parts: Parameters<typeof fail>): FailureError => new FailureError(fail(...parts).failure);
