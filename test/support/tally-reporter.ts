import type { Reporter, TestModule } from 'vitest/node';

/**
 * One plain line at the end, for machines: `tally: 12 passed, 0 failed, 1 skipped`. In a strict run (CI_STRICT=1 or
 * INTERLOCK_TESTS=strict) a skipped test fails the run and is named.
 */
export class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      // A file that does not load, or whose hook failed, may have no test that fails.
      const hasFailed = [...module.children.allTests('failed')].length > 0;
      if (module.state() === 'failed' && !hasFailed) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') counts[state] += 1;
        else {
          counts.skipped += 1;
          skipped.push(`${module.moduleId}: ${test.fullName}`);
        }
      }
    }
    console.log(`tally: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    const isStrict = process.env['CI_STRICT'] === '1' || process.env['INTERLOCK_TESTS'] === 'strict';
    if (isStrict && skipped.length > 0) {
      console.error(`In a strict run nothing may be skipped:\n${skipped.join('\n')}`);
      process.exitCode = 1;
    }
  }
}
