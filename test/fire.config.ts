import { defineConfig } from 'vitest/config';
import quick from './vitest.config.ts';

/** The long form of every proof: what contends, what is killed, what fails, and what must stay flat. */
export default defineConfig({
  test: {
    ...quick.test,
    include: [
      'test/{race,crash,fault,fail-over,model,fuzz,memory,promises}/**/*.test.ts',
      'test/ledger/{budget,stages}-model.test.ts',
      'test/reload.test.ts',
    ],
    env: { INTERLOCK_FORM: 'long' },
    // test/memory takes its ten minutes whatever else runs, and begins first: all others have two workers meanwhile, for many of them wait.
    maxWorkers: 3,
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
