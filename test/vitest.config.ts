import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';
import { TallyReporter } from './support/tally-reporter.ts';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/global-setup.ts'],
    // Two more than the cores that it is made for: many tests wait for processes and time-outs, and one for nothing but 90 s.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new TallyReporter()],
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
});
