/** The repository's own files as text, by path. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Path from the root with `/` between names, to the file's text. Binary files have an empty text. */
export type Tree = ReadonlyMap<string, string>;

/** Made by tools or by running: not ours to judge. */
const skipped = new Set(['node_modules', 'dist', '.sluice', '.git', 'target']);
const textEndings = /\.(ts|mts|mjs|cjs|js|json|md|yaml|yml|avsc|xml|sql|proto)$|(^|\/)(\.gitignore|\.npmrc|LICENSE|run)$/;

export function readTree(root: string): Tree {
  const tree = new Map<string, string>();
  const visit = (place: string): void => {
    for (const entry of readdirSync(path.join(root, place), {
      withFileTypes: true,
    })) {
      if (skipped.has(entry.name)) continue;
      const name = place === '' ? entry.name : `${place}/${entry.name}`;
      if (entry.isDirectory()) visit(name);
      else tree.set(name, textEndings.test(name) ? readFileSync(path.join(root, name), 'utf8') : '');
    }
  };
  visit('');
  return tree;
}
