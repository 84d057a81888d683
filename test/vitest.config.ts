import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';
import { TallyReporter } from './support/tally-reporter.ts';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/global-setup.ts'],
    // One more than the cores that it is made for: many tests wait for processes and time-outs. With another one they would not get the processor in time.
    maxWorkers: 3,
    // Files share what they load: loading it anew for each is a tenth of the whole run. So what a test changes of the process, it puts back.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new TallyReporter()],
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
});
