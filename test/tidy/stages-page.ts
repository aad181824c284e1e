/** The page of stages, made from what each says of itself: its summary, its settings, and the four facts of its method. */
import { z } from 'zod';
import type { Stage } from '../../libs/govern/index.ts';

/** A setting as JSON Schema has it, as far as the page tells it. */
interface Setting {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Setting[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

export function stagesPage(stages: readonly Stage[]): string {
  const sorted = [...stages].sort((a, b) => (a.name < b.name ? -1 : 1));
  const list = sorted.map(({ name, summary }) => `| [\`${name}\`](#${name}) | ${cell(summary)} |`).join('\n');
  const parts = sorted.map((stage) => `## ${stage.name}\n\n${stage.summary}\n\n${settingsTable(stage)}${factsList(stage)}`);
  return `# Stages\n\nMade from \`libs/stages\` by \`npm run generate\`. A policy names a stage with \`stage\`, its fields with \`at\`, and its settings with \`with\`.\n\n| Stage | What it does |\n|---|---|\n${list}\n\n${parts.join('\n')}`;
}

function settingsTable({ config }: Stage): string {
  const json = z.toJSONSchema(config, { io: 'input', unrepresentable: 'any' });
  const required = new Set(json.required);
  const rows = Object.entries(json.properties ?? {}).map(([name, property]) => {
    const setting = property as Setting;
    const fallback = required.has(name)
      ? 'required'
      : setting.default === undefined
        ? ''
        : `\`${JSON.stringify(setting.default)}\``;
    return `| \`${name}\` | ${cell(valuesOf(setting))} | ${fallback} | ${cell(setting.description ?? '')} |`;
  });
  return rows.length === 0
    ? 'No settings.\n\n'
    : `| Setting | Values | Default | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n\n`;
}

function valuesOf({ type, enum: members, anyOf, minimum, maximum, exclusiveMinimum, ...rest }: Setting): string {
  if (anyOf !== undefined) return anyOf.map(valuesOf).join(' or ');
  if (members !== undefined) return members.map((member) => `\`${String(member)}\``).join(', ');
  if ('const' in rest) return `\`${String(rest.const)}\``;
  if (type !== 'integer' && type !== 'number') return type ?? '';
  // The bounds of a JSON number itself say nothing.
  const told = (bound: number | undefined): bound is number => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const low = told(minimum) ? `from ${minimum}` : told(exclusiveMinimum) ? `above ${exclusiveMinimum}` : '';
  return [type, low, told(maximum) ? `to ${maximum}` : ''].filter((part) => part !== '').join(' ');
}

function factsList({ facts }: Stage): string {
  return [
    `- Reversible: ${facts.reversible}`,
    `- Bias: ${facts.bias}`,
    `- Information lost: ${facts.informationLoss}`,
    `- Cost of a value: ${facts.cost}`,
    '',
  ].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
