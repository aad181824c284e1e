export type { TestDatabase, TestKafka } from './services.ts';
export { freshDatabase, testKafka, uniqueId } from './services.ts';
