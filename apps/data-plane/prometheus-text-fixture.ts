/** A strict reader of Prometheus' text format, for tests. Source: Prometheus, "Exposition formats", text format version 0.0.4. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: Sample[];
}

const namePattern = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const labelPattern = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const samplePattern = new RegExp(`^(${namePattern})(?:\\{(${labelPattern}(?:,${labelPattern})*)\\})? (\\S+)$`);
const suffixes: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] };

/** Every family by name. Throws with the line that is not as the format says. */
export function parsePrometheusText(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const helped = new Set<string>();
  const series = new Set<string>();
  let family: Family | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const wrong = (why: string): Error => new Error(`${why}: ${line}`);
    if (line === '') continue;
    const comment = new RegExp(`^# (HELP|TYPE|UNIT) (${namePattern}) (.+)$`).exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP') {
        if (helped.has(name)) throw wrong('a second HELP');
        helped.add(name);
      } else if (kind === 'TYPE') {
        if (families.has(name)) throw wrong('a second TYPE');
        if (!/^(counter|gauge|histogram)$/.test(rest)) throw wrong('no known type');
        family = { name, type: rest, samples: [] };
        families.set(name, family);
      }
      continue;
    }
    const match = samplePattern.exec(line);
    if (match === null) throw wrong('neither a comment nor a sample');
    const [, name = '', labelText = '', valueText = ''] = match;
    const allowed = family === undefined ? [] : (suffixes[family.type] ?? ['']).map((suffix) => `${family?.name}${suffix}`);
    if (family === undefined || !allowed.includes(name) || !helped.has(family.name))
      throw wrong('a sample outside of its family');
    const value = valueText === '+Inf' ? Infinity : Number(valueText);
    if (Number.isNaN(value)) throw wrong('no number');
    if (family.type === 'counter' && !(name.endsWith('_total') && value >= 0)) throw wrong('no counter');
    const labels = labelsOf(labelText);
    const id = `${name} ${idOf(labels)}`;
    if (series.has(id)) throw wrong('a series that came before');
    series.add(id);
    family.samples.push({ name, labels, value });
  }
  for (const found of families.values()) if (found.type === 'histogram') checkHistogram(found);
  return families;
}

/** The same text for the same labels, in whatever order they come. */
const idOf = (labels: Readonly<Record<string, string>>, without?: string): string =>
  JSON.stringify(
    Object.keys(labels)
      .filter((name) => name !== without)
      .sort((a, b) => (a < b ? -1 : 1))
      .map((name) => [name, labels[name]]),
  );

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)) {
    if (name in labels) throw new Error(`a label that came before: ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, what: string) => (what === 'n' ? '\n' : what));
  }
  return labels;
}

/** Buckets only grow, and the last one has everything. */
function checkHistogram({ name, samples }: Family): void {
  const last = new Map<string, number>();
  for (const { name: sample, labels, value } of samples) {
    if (sample !== `${name}_bucket`) continue;
    if (value < (last.get(idOf(labels, 'le')) ?? 0)) throw new Error(`a bucket of ${name} has less than the one before`);
    last.set(idOf(labels, 'le'), value);
  }
  for (const { name: sample, labels, value } of samples) {
    if (sample === `${name}_count` && last.get(idOf(labels, 'le')) !== value)
      throw new Error(`the buckets of ${name} do not add up to its count`);
  }
}
