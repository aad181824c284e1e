/** Asks for the Kafka credential of an agreement, as its subscriber does: by the public API, with the account of its own. */
import { z } from 'zod';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import { ApiClient } from './api-client.ts';
import type { LoadedAgreement } from './load.ts';
import type { DemoSecrets } from './secrets.ts';

export interface DemoCredential {
  readonly username: string;
  readonly password: string;
}

const answer = z.object({ username: z.string(), password: z.string() });

/** A new one: nobody is there any more who has the one before, so that it ends at once. */
export async function demoCredential(
  apiAddress: string,
  secrets: Pick<DemoSecrets, 'accounts'>,
  { id, assignee }: Pick<LoadedAgreement, 'id' | 'assignee'>,
): Promise<Result<DemoCredential>> {
  const api = new ApiClient(apiAddress, {
    name: assignee,
    secret: secrets.accounts[assignee] ?? '',
  });
  const body = JSON.stringify({ overlapSeconds: 0 });
  const issued = await api.send('POST', `/v1/agreements/${id}/credentials`, body, { 'content-type': 'application/json' });
  return issued.ok ? ok(answer.parse(issued.value.body)) : during(`asking for a credential of ${id}`, issued.failure);
}
