/** A dataset as people see it: in a list, and alone with its fields. */
import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { DescribedField } from '../../../libs/catalog/index.ts';
import { describeFields } from '../../../libs/catalog/index.ts';
import type { ControlPlane } from '../plane.ts';

export interface DatasetView extends Omit<Dataset, 'titleZh' | 'titleEn'> {
  readonly title: { readonly zh: string; readonly en: string };
  readonly topic: string;
}

export interface DatasetDetail extends DatasetView {
  /** Of the newest writer schema. */
  readonly schemaId: number;
  readonly fields: readonly DescribedField[];
}

export const datasetView = ({ titleZh, titleEn, ...dataset }: Dataset): DatasetView => ({
  ...dataset,
  title: { zh: titleZh, en: titleEn },
  topic: topicNames.raw(dataset.id),
});

/** With the fields of the newest schema. Fails with `registry-unreachable`, or with `not-found` for a dataset that never got a schema. */
export async function detailOf(plane: Pick<ControlPlane, 'schemas'>, dataset: Dataset): Promise<Result<DatasetDetail>> {
  const newest = await plane.schemas.latest(dataset.subject);
  if (!newest.ok) return newest;
  if (newest.value === null) return fail('not-found', `dataset ${dataset.id} has no schema`);
  const schema = parseSchema(newest.value.text);
  if (!schema.ok) return during(`reading the schema of ${dataset.id}`, schema.failure);
  return ok({ ...datasetView(dataset), schemaId: newest.value.id, fields: describeFields(schema.value) });
}
