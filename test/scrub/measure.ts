/**
 * `npm run measure:scrub`: precision, recall and near-miss false alarms of the stage scrub by kind, on both halves of the corpus and on the sentences
 * written by hand, and its speed. `--faults` also lists what it does wrong with the sentences written by hand.
 */
import { cpus } from 'node:os';
import { finderOf, identifierKinds } from '../../libs/stages/index.ts';
import type { IdentifierKind } from '../../libs/stages/index.ts';
import { labelledTexts, nearMissTexts } from './corpus.ts';
import type { LabelledText } from './corpus.ts';
import { handWrittenTexts } from './hand-written.ts';
import { falseAlarms, precisionOf, recallOf, scoreOf } from './score.ts';
import type { Score, Tally } from './score.ts';

const seed = 20_261_124;
const sentences = 20_000;
const nearMissesOfKind = 2_000;
const rounds = 9;

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const row = (...cells: readonly (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);

function table(title: string, { tallies }: Score): void {
  console.log(`\n${title}\n`);
  row('kind', 'labels', 'recall', 'findings', 'precision');
  row('---', '---:', '---:', '---:', '---:');
  for (const kind of identifierKinds) {
    const tally = tallies.get(kind) as Tally;
    row(kind, tally.labels, percent(recallOf(tally)), tally.findings, percent(precisionOf(tally)));
  }
}

function nearMissTable(): void {
  const halves = (['tuning', 'held-out'] as const).map((half) => falseAlarms(nearMissTexts(seed, half, nearMissesOfKind)));
  console.log(`\nNear-misses, ${nearMissesOfKind} a kind and half: false alarms\n`);
  row('kind', 'tuning', 'held out');
  row('---', '---:', '---:');
  for (const kind of identifierKinds) {
    const counts = halves.map((half) => half.get(kind)).flatMap((count) => (count === undefined ? [] : [count]));
    if (counts.length > 0) row(kind, ...counts.map(({ alarms, texts }) => percent(alarms / texts)));
  }
}

/** Megabytes of UTF-8 a second of this process's CPU time, the quickest of the rounds. */
function speed(texts: readonly string[], kinds: readonly IdentifierKind[]): number {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const find = finderOf(kinds);
  let best = 0;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    for (const text of texts) find(text);
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, bytes / (user + system));
  }
  return best;
}

function speedTable(dense: readonly LabelledText[], sparse: readonly LabelledText[]): void {
  const [many, few] = [dense, sparse].map((texts) => texts.map(({ text }) => text)) as [string[], string[]];
  console.log(
    '\nMB of UTF-8 a second of CPU time: sentences full of identifiers, and the same ones among nine times as many plain ones\n',
  );
  row('kind', 'dense', 'sparse');
  row('---', '---:', '---:');
  for (const kind of identifierKinds) row(kind, speed(many, [kind]).toFixed(0), speed(few, [kind]).toFixed(0));
  row('all together', speed(many, identifierKinds).toFixed(1), speed(few, identifierKinds).toFixed(1));
}

console.log(
  `Seed ${seed}, ${sentences} sentences a half, synthetic. ${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}.`,
);
const tuning = labelledTexts(seed, 'tuning', sentences);
const heldOut = labelledTexts(seed, 'held-out', sentences);
table('Held-out half', scoreOf(heldOut));
table('Tuning half', scoreOf(tuning));
nearMissTable();
for (const name of ['hand-written', 'hand-written-blind'] as const) {
  const texts = handWrittenTexts(name);
  const score = scoreOf(texts);
  table(`${name}.txt, ${texts.length} sentences`, score);
  if (process.argv.includes('--faults')) {
    console.log('');
    for (const { what, kind, piece, text } of score.faults) console.log(`- ${what}, ${kind}: ${piece} in ${text}`);
  }
}
const plain = tuning.filter(({ labels }) => labels.length === 0);
const among = heldOut
  .slice(0, 2_000)
  .flatMap((text, index) => [
    text,
    ...Array.from({ length: 9 }, (_, next) => plain[(index * 9 + next) % plain.length] as LabelledText),
  ]);
speedTable(heldOut, among);
