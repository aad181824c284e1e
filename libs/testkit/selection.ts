/** Which shared services a selection of tests needs, told from the sources, so that small tests do not wait for a broker. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Need {
  readonly kafka: boolean;
  readonly postgres: boolean;
}

/** Reads the selected spec files and what they import by relative path. `patterns` are jest's: regular expressions over paths. */
export function neededServices(root: string, patterns: readonly string[]): Need {
  const selected = ['libs', 'apps', 'test', 'deploy']
    .flatMap((room) => specFiles(path.join(root, room)))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => new RegExp(pattern, 'i').test(file)));
  const seen = new Set<string>();
  const testkit = path.join(root, 'libs', 'testkit') + path.sep;
  let kafka = false;
  let postgres = false;
  const visit = (file: string): void => {
    if (seen.has(file) || file.startsWith(testkit) || !existsSync(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    kafka ||= /\btestKafka\(/.test(text);
    postgres ||= /\bfreshDatabase\(/.test(text);
    for (const [, specifier] of text.matchAll(/from '(\.[^']+\.ts)'/g)) visit(path.join(path.dirname(file), specifier ?? ''));
  };
  for (const file of selected) visit(file);
  return { kafka, postgres };
}

function specFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(directory, entry.name);
    if (entry.isDirectory()) return specFiles(place);
    return entry.name.endsWith('.spec.ts') ? [place] : [];
  });
}
