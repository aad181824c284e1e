/** Jest's global end: stops the services and removes their directory. */
import { running } from './running.ts';

export default function tearDown(): Promise<void> {
  return running.stopAll();
}
