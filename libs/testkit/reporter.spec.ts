import { describe, expect, test } from '@jest/globals';
import type { FileResult } from './reporter.ts';
import { closingLine, countOf, failureSentences } from './reporter.ts';

const result = (testResults: FileResult['testResults'], more: Partial<FileResult> = {}): FileResult => ({
  testFilePath: 'a.spec.ts',
  testResults,
  perfStats: { start: 0, end: 1 },
  ...more,
});
const one = (status: FileResult['testResults'][number]['status'], failureMessages: string[] = []) => ({
  ancestorTitles: ['a gate'],
  title: 'closes',
  status,
  failureMessages,
});

describe('the closing line', () => {
  test('always counts what passed and failed, and skips when there are any', () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });

  test('counts every way of not running a test as a skip', () => {
    const all = result([one('passed'), one('failed'), one('skipped'), one('pending'), one('todo'), one('disabled')]);
    expect(countOf(all)).toEqual({ passed: 1, failed: 1, skipped: 4 });
  });

  test('counts a file that could not be run as a failure', () => {
    expect(countOf(result([], { failureMessage: 'it does not parse' }))).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countOf(result([one('passed')], { testExecError: { message: 'ended' } }))).toMatchObject({ passed: 1, failed: 1 });
  });

  test('comes with a sentence for each failure', () => {
    const failed = result([
      one('passed'),
      one('failed', ['Error: it stays open\n    at x (node_modules/y.js:1:1)\n    at a.spec.ts:3']),
    ]);
    expect(failureSentences('libs/a.spec.ts', failed)).toEqual([
      'libs/a.spec.ts: "a gate > closes" failed.\n    Error: it stays open\n        at a.spec.ts:3',
    ]);
    expect(failureSentences('libs/a.spec.ts', result([], { failureMessage: 'no' }))).toEqual([
      'libs/a.spec.ts: the file could not be run.\n    no',
    ]);
  });
});
