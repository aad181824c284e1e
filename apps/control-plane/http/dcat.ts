/** A dataset as DCAT 3 in JSON-LD. Source: W3C Data Catalog Vocabulary (DCAT) version 3, sections 6.6 to 6.8; JSON-LD 1.1. */
import type { DatasetRecord } from '../commands/find-dataset.ts';
import type { DatasetDetail } from '../commands/dataset-view.ts';

export const dcatMediaType = 'application/ld+json';

const context = {
  dcat: 'http://www.w3.org/ns/dcat#',
  dct: 'http://purl.org/dc/terms/',
  foaf: 'http://xmlns.com/foaf/0.1/',
  odrl: 'http://www.w3.org/ns/odrl/2/',
  sluice: 'urn:sluice:dcat:1#',
};

/** References are relative to the address that the document was read from. */
export function dcatOf(
  detail: DatasetDetail,
  { baseline, offers }: Pick<DatasetRecord, 'baseline' | 'offers'>,
): Readonly<Record<string, unknown>> {
  const { id, title, publisher, description, licence, theme, frequency, keywords, level, category } = detail;
  const policies = [
    ...(baseline === null ? [] : [`/v1/datasets/${id}/baseline`]),
    ...offers.map((offer) => `/v1/offers/${offer.id}`),
  ];
  return {
    '@context': context,
    '@id': `/v1/datasets/${id}`,
    '@type': 'dcat:Dataset',
    'dct:identifier': id,
    'dct:title': Object.entries(title).map(([language, value]) => ({ '@value': value, '@language': language })),
    ...(description === '' ? {} : { 'dct:description': description }),
    'dct:publisher': { '@id': `/v1/participants/${publisher}`, '@type': 'foaf:Agent' },
    ...(licence === '' ? {} : { 'dct:license': licence }),
    ...(theme === null ? {} : { 'dcat:theme': { '@id': `urn:sluice:theme:${theme}` } }),
    ...(frequency === null ? {} : { 'dct:accrualPeriodicity': { '@id': `http://purl.org/cld/freq/${frequency}` } }),
    'dcat:keyword': keywords,
    ...(level === null ? {} : { 'sluice:level': level }),
    'sluice:category': category,
    'odrl:hasPolicy': policies.map((address) => ({ '@id': address })),
    'dcat:distribution': [
      {
        '@type': 'dcat:Distribution',
        'dct:title': 'Kafka topic of the governed stream, one for each agreement',
        'dct:format': 'Apache Avro in Confluent wire format',
        'dct:conformsTo': { '@id': `/registry/subjects/${detail.subject}/versions/latest` },
      },
    ],
  };
}
