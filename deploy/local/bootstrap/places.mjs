/** Where things are. Everything else is relative to the repository's root. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** What Sluice keeps between runs: the jars and, by default, the data. Ignored by git. */
export const keepDirectory = path.join(root, '.sluice');

export const moduleFile = (name) => path.join(root, 'node_modules', name);

export const distFile = (name) => path.join(root, 'dist', name);
