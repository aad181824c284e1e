/** The table that a publisher reads before approving: one row for each field and channel. */
import { headerRow } from './headers.ts';
import type { FusedPlans } from './plan-rules.ts';
import type { ExplainRow } from './program.ts';
import type { Decision, FieldPlan } from './stage.ts';

export function explainTable(plans: FusedPlans, compacted: boolean): readonly ExplainRow[] {
  return [
    ...plans.rows.map((row) => toRow('(rows)', row.stage, 'the row condition of the policy', row.decision)),
    ...plans.fields.map((field) => toRow(field.path, field.stage, whyOf(field), field.decision)),
    ...(compacted ? [tombstonesRow(plans)] : []),
    ...channelRows(plans),
  ];
}

/** What leaves of a compacted feed without a value. */
function tombstonesRow({ channels }: FusedPlans): ExplainRow {
  return {
    field: '(tombstones)',
    stage: 'channel',
    happens:
      'null values, and rows that the condition withholds, leave as deletes under the governed key, without headers of the raw record: that a key is there, and when it changes, is seen of withheld rows too',
    why: 'the dataset is compacted: without a delete the subscriber would keep what was there before',
    reversible: 'no',
    informationLost: 'all but the key, its existence and the time of each change',
    lengthLeaked: channels.key === 'keep',
    clause: '',
  };
}

function toRow(field: string, stage: string, why: string, decision: Decision): ExplainRow {
  return { field, stage, why, ...decision };
}

function whyOf(field: FieldPlan): string {
  if (field.otherwise === 'refuse') return 'the policy names it; a value that does not fit refuses the record';
  if (field.otherwise === 'null') return 'the policy names it; a value that does not fit becomes null';
  return 'the policy names it; a value that does not fit becomes a constant';
}

function channelRows({ channels }: FusedPlans): ExplainRow[] {
  const { headers = [] } = channels;
  const row = (field: string, happens: string, informationLost: string, lengthLeaked = false): ExplainRow => ({
    field,
    stage: 'channel',
    happens,
    why: 'the channel terms of the policy',
    reversible: 'no',
    informationLost,
    lengthLeaked,
    clause: '',
  });
  const key =
    channels.key === 'drop'
      ? row('(key)', 'no key is written', 'all')
      : channels.key === 'keep'
        ? row('(key)', 'the raw key bytes are written', 'none', true)
        : row(
            '(key)',
            `the governed text of ${channels.key.repeats}; a key that does not repeat the field refuses the record`,
            'as the field',
          );
  const timestamp =
    channels.timestamp === 'keep'
      ? row('(timestamp)', "the record's own time in milliseconds is kept; whoever else gets it can join records on it", 'none')
      : row('(timestamp)', 'replaced by the time of the governed write', 'all');
  const named = headers.map((term): ExplainRow => {
    const field = headerRow(term.name);
    if ('repeats' in term)
      return row(
        field,
        'the same as (key); a header that does not repeat the raw key refuses the record',
        'as the key',
        channels.key === 'keep',
      );
    return {
      ...row(field, 'every value is kept as it came; whoever else gets it can join records on it', 'none', true),
      reversible: 'yes',
    };
  });
  const others = named.length === 0 ? 'dropped' : 'all others are dropped';
  return [
    key,
    ...named,
    row('(headers)', `${others}; a fresh trace context is added, of a trace of this agreement and batch alone`, 'all'),
    timestamp,
    row('(partition, order)', 'kept; source offsets are not', 'source offsets'),
  ];
}
