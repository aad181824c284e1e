export type { Demo } from './start-demo.ts';
export { startDemo } from './start-demo.ts';
