import { describe, expect, test } from '@jest/globals';
import { StopStack } from './stop-stack.ts';

describe('what must be stopped', () => {
  test('is stopped last first, and a reserved place keeps its order', async () => {
    const stopped: string[] = [];
    const stack = new StopStack();
    stack.push('database', () => void stopped.push('database'));
    const late = stack.reserve('receivers');
    stack.push('link', () => void stopped.push('link'));
    late(() => void stopped.push('receivers'));
    await stack.stopAll();
    expect(stopped).toEqual(['link', 'receivers', 'database']);
  });

  test('is stopped even where stopping another thing fails, and the failure is told', async () => {
    const told: string[] = [];
    const stack = new StopStack();
    let databaseStopped = false;
    stack.push('database', () => {
      databaseStopped = true;
    });
    stack.push('link', () => Promise.reject(new Error('stuck')));
    await stack.stopAll(({ title, error }) => told.push(`${title}: ${error instanceof Error ? error.message : 'good'}`));
    expect(told).toEqual(['link: stuck', 'database: good']);
    expect(databaseStopped).toBe(true);
  });

  test('that is started while stopping is stopped at once', async () => {
    const stopped: string[] = [];
    const stack = new StopStack();
    const late = stack.reserve('receivers');
    await stack.stopAll();
    stack.push('straggler', () => void stopped.push('straggler'));
    late(() => void stopped.push('receivers'));
    expect(stopped).toEqual(['straggler', 'receivers']);
  });
});
