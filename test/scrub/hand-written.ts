/** Reads the sentences that were written by hand: one a line, identifiers as {{kind:text}}. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { identifierKinds } from '../../libs/stages/index.ts';
import type { IdentifierKind } from '../../libs/stages/index.ts';
import type { Label, LabelledText } from './corpus.ts';

const isKind = (name: string): name is IdentifierKind => (identifierKinds as readonly string[]).includes(name);

/**
 * `hand-written.txt` was read once while the recognizer was made, and rules were added for what it missed; `hand-written-blind.txt` was written
 * after that, and the recognizer was not changed for it.
 */
export function handWrittenTexts(name: 'hand-written' | 'hand-written-blind'): LabelledText[] {
  const file = path.join(repositoryRoot(), 'test', 'scrub', `${name}.txt`);
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(labelled);
}

/** Throws on a mark of no kind. */
function labelled(line: string): LabelledText {
  const labels: Label[] = [];
  let text = '';
  for (const part of line.split(/(\{\{[^}]*\}\})/)) {
    const mark = /^\{\{([a-z-]+):(.+)\}\}$/.exec(part);
    if (mark === null) {
      if (part.includes('{{')) throw new Error(`a mark is malformed: ${line}`);
      text += part;
      continue;
    }
    const [, kind = '', piece = ''] = mark;
    if (!isKind(kind)) throw new Error(`${kind} is no kind of identifier: ${line}`);
    labels.push({ kind, start: text.length, end: text.length + piece.length });
    text += piece;
  }
  return { text, labels };
}
