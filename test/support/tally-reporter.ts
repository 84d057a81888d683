import type { Reporter, TestModule } from 'vitest/node';

function firstLine(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  return String(error.message).replace(/\n[^]*/, '');
}

/**
 * Plain lines at the end, for machines: what failed, `failed: FILE: TEST: the first line of its error`, and
 * `tally: 12 passed, 0 failed, 1 skipped`. In a strict run (CI_STRICT=1 or INTERLOCK_TESTS=strict) a skipped test
 * fails the run and is named.
 */
export class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    const skipped: string[] = [];
    const failed = errors.map(error => `the run: ${firstLine(error)}`);
    for (const module of modules) {
      // A file that does not load, or whose hook failed, may have no test that fails.
      const hasFailed = [...module.children.allTests('failed')].length > 0;
      if (module.state() === 'failed' && !hasFailed) counts.failed += 1;
      const ofHooks = [module, ...module.children.allSuites()].flatMap(part => part.errors());
      for (const error of ofHooks) failed.push(`${module.relativeModuleId}: ${firstLine(error)}`);
      for (const test of module.children.allTests()) {
        const { state, errors: found } = test.result();
        const name = `${module.relativeModuleId}: ${test.fullName}`;
        if (state === 'passed' || state === 'failed') counts[state] += 1;
        else {
          counts.skipped += 1;
          skipped.push(name);
        }
        if (state === 'failed') failed.push(`${name}: ${firstLine(found[0])}`);
      }
    }
    for (const line of failed) console.log(`failed: ${line}`);
    console.log(`tally: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    const isStrict = process.env['CI_STRICT'] === '1' || process.env['INTERLOCK_TESTS'] === 'strict';
    if (isStrict && skipped.length > 0) {
      console.error(`In a strict run nothing may be skipped:\n${skipped.join('\n')}`);
      process.exitCode = 1;
    }
  }
}
