/** The API key by which this installation calls its own API: made anew at each start, readable by the owner alone. */
import { renameSync, writeFileSync } from 'node:fs';

import { makeApiKey } from '../control-plane/api-key.ts';

/** Writes a new key to the file (mode 0600) and answers it; the one of the start before ends with this start. */
export function newOwnKey(file: string): string {
  const { key } = makeApiKey();
  const draft = `${file}.part`;
  writeFileSync(draft, `${key}\n`, { mode: 0o600 });
  renameSync(draft, file);
  return key;
}
