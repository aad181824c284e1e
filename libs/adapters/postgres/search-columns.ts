/** The columns that a dataset is searched by, from those that people read. */
import { searchForm, searchGrams } from '../../catalog/index.ts';

interface Described {
  readonly id: string;
  readonly titleZh: string;
  readonly titleEn: string;
  readonly publisher: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly theme: string | null;
}

export interface SearchColumns {
  /** Weighs most. */
  readonly searchTitle: string;
  readonly searchKeywords: string;
  /** Everything, title and keywords too. */
  readonly searchText: string;
  readonly searchGrams: string[];
}

export function searchColumns(dataset: Described): SearchColumns {
  const { id, titleZh, titleEn, publisher, description, keywords, theme } = dataset;
  const title = [titleZh, titleEn].join('\n');
  const text = [title, id, ...keywords, theme ?? '', publisher, description].join('\n');
  return {
    searchTitle: searchForm(title),
    searchKeywords: searchForm(keywords.join('\n')),
    searchText: searchForm(text),
    searchGrams: [...searchGrams(text)],
  };
}
