/** Runs one database call and turns what PostgreSQL may answer into a Failure; what it should never answer stays thrown. */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';

/** SQLSTATE classes and codes that mean "not now": connection, shutdown, too many connections, cancelled, deadlock, serialization. */
const unreachableState = /^(?:08|57P|53300|57014|40001|40P01|55P03)/;
const unreachableText =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|query read timeout|not queryable/i;
const unreachableErrno = /^(?:ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_AGAIN)/;

/** Wrong credentials or a missing database at start: an operator's matter, told with PostgreSQL's own sentence. */
const refusedState = /^(?:28|3D000)/;

export async function attempt<T>(action: string, call: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await call());
  } catch (error) {
    const failure = failureOf(action, error);
    if (failure === null) throw error;
    return failure;
  }
}

function failureOf(action: string, error: unknown): ReturnType<typeof fail> | null {
  if (!isError(error)) return null;
  const code = codeOf(error);
  // A connection that died takes its query runner with it.
  const isReleased = error.name === 'QueryRunnerAlreadyReleasedError';
  if (isReleased || unreachableErrno.test(code) || unreachableText.test(error.message)) {
    return fail('database-unreachable', `${action}: PostgreSQL did not answer`);
  }
  if (unreachableState.test(code)) return fail('database-unreachable', `${action}: PostgreSQL is busy or stopping (${code})`);
  if (refusedState.test(code)) return fail('database-unreachable', `${action}: ${error.message}`);
  if (code === '23503') return fail('not-found', `${action}: it refers to something that does not exist`);
  if (code === '23505') return fail('conflict', `${action}: it exists already`);
  if (code === '22021' || code === '22P05') return fail('request-invalid', `${action}: a text holds a NUL character`);
  return null;
}

/** The driver's code, also where TypeORM wrapped the error or Node joined several connection attempts. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('driverError' in error && isError(error.driverError)) return codeOf(error.driverError);
  if ('errors' in error && Array.isArray(error.errors) && isError(error.errors[0])) return codeOf(error.errors[0]);
  return '';
}

/** By form, not by class: an error of Node's own code may come from another realm. */
function isError(value: unknown): value is Error {
  return (
    typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string' && 'name' in value
  );
}
