/**
 * Jest reporter: a line for each file, failures as sentences, and one closing line `N passed, N failed` (with skips when there
 * are any). A file that could not be run counts as a failure; a run without a single test fails.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { environmentNames } from './services.ts';

interface AssertionResult {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'skipped' | 'pending' | 'todo' | 'disabled' | 'focused';
  readonly failureMessages: readonly string[];
}

export interface FileResult {
  readonly testFilePath: string;
  readonly testResults: readonly AssertionResult[];
  readonly testExecError?: { readonly message?: string; readonly stack?: string } | undefined;
  readonly failureMessage?: string | null | undefined;
  readonly console?: readonly { readonly type: string; readonly message: string }[] | null | undefined;
  readonly perfStats: { readonly start: number; readonly end: number };
}

export interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

export default class SentenceReporter {
  private readonly count: Count = { passed: 0, failed: 0, skipped: 0 };
  private readonly failures: string[] = [];
  private readonly root: string;

  constructor(config: { readonly rootDir: string }) {
    this.root = config.rootDir;
  }

  onTestResult(_test: unknown, result: FileResult): void {
    const own = countOf(result);
    for (const key of ['passed', 'failed', 'skipped'] as const) this.count[key] += own[key];
    const file = path.relative(this.root, result.testFilePath);
    const seconds = ((result.perfStats.end - result.perfStats.start) / 1000).toFixed(1);
    process.stdout.write(`${own.failed === 0 ? 'good  ' : 'FAILED'} ${file}  ${closingLine(own)}  ${seconds} s\n`);
    const sentences = failureSentences(file, result);
    if (sentences.length > 0 && result.console)
      sentences.push(...result.console.map((line) => `  its ${line.type}: ${line.message}`));
    for (const sentence of sentences) process.stdout.write(`${sentence}\n`);
    this.failures.push(
      ...sentences.filter((sentence) => !sentence.startsWith(' ')).map((sentence) => sentence.split('\n')[0] ?? ''),
    );
  }

  onRunComplete(): void {
    if (this.failures.length > 0) process.stdout.write(`\nFailed:\n${this.failures.map((line) => `  ${line}\n`).join('')}\n`);
    const line = closingLine(this.count);
    const file = process.env[environmentNames.summary];
    if (file === undefined) process.stdout.write(`${line}\n`);
    else writeFileSync(file, `${line}\n`);
  }

  /** Jest fails the run when this gives an error. */
  getLastError(): Error | undefined {
    return this.count.passed + this.count.failed === 0 ? new Error('no test was run') : undefined;
  }
}

/** `3 passed, 0 failed` or `3 passed, 0 failed, 1 skipped`. */
export const closingLine = ({ passed, failed, skipped }: Count): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/** Counts one file. A file that could not be run is one failure. */
export function countOf(result: FileResult): Count {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  for (const { status } of result.testResults) {
    if (status === 'passed') count.passed += 1;
    else if (status === 'failed') count.failed += 1;
    else count.skipped += 1;
  }
  if (result.testExecError || (count.failed === 0 && result.testResults.length === 0 && result.failureMessage)) count.failed += 1;
  return count;
}

/** One sentence for each failure, followed by its indented detail. */
export function failureSentences(file: string, result: FileResult): string[] {
  const failed = result.testResults.filter(({ status }) => status === 'failed');
  const sentences = failed.map(({ ancestorTitles, title, failureMessages }) =>
    [`${file}: "${[...ancestorTitles, title].join(' > ')}" failed.`, ...failureMessages.map(detail)].join('\n'),
  );
  if (countOf(result).failed > failed.length) {
    sentences.push(`${file}: the file could not be run.\n${detail(result.failureMessage ?? result.testExecError?.stack ?? '')}`);
  }
  return sentences;
}

const detail = (message: string): string =>
  message
    .split('\n')
    .filter((line) => !/^\s+at .*(node_modules|node:internal|\(?node:)/.test(line))
    .slice(0, 60)
    .map((line) => `    ${line}`)
    .join('\n');
