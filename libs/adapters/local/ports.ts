/** Ports on the loopback address: kept between starts where possible, free otherwise. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';

/**
 * One port for each name. A wanted port that is busy is the failure `port-busy`; a remembered one that is busy is replaced.
 * The choice is remembered in the file.
 */
export async function choosePorts<Name extends string>(
  file: string,
  names: readonly Name[],
  wanted: Partial<Record<Name, number>>,
): Promise<Result<Record<Name, number>>> {
  const remembered = readRemembered(file);
  const ports: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const explicit = wanted[name];
    if (explicit !== undefined) {
      if ((await bindable(explicit)) === undefined) return fail('port-busy', `port ${explicit} is in use by another program`);
      ports[name] = explicit;
      continue;
    }
    const kept = remembered[name];
    const port = (kept === undefined ? undefined : await bindable(kept)) ?? (await bindable(0));
    if (port === undefined) return fail('port-busy', 'no free port was found on 127.0.0.1');
    ports[name] = port;
  }
  writeFileSync(file, `${JSON.stringify(ports)}\n`);
  return ok(ports as Record<Name, number>);
}

/** Whether this process could listen on the port of 127.0.0.1 now. */
export const isPortFree = async (port: number): Promise<boolean> => (await bindable(port)) !== undefined;

function readRemembered(file: string): Record<string, number | undefined> {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
  } catch {
    return {};
  }
}

/** The port that a listener got (0 asks for any free one), or undefined when it is busy. The listener is closed again. */
function bindable(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
