import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import quick from './vitest.config.ts';

/** The one that takes its ten minutes whatever else runs: first, so that all others have the second worker meanwhile. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/memory/');
    return (await super.sort(files)).toSorted(
      (one, other) => Number(isLongest(other)) - Number(isLongest(one)),
    );
  }
}

/** The long form of every proof: what contends, what is killed, what fails, and what must stay flat. */
export default defineConfig({
  test: {
    ...quick.test,
    include: [
      'test/{race,crash,fault,fail-over,model,fuzz,memory}/**/*.test.ts',
      'test/ledger/budget-model.test.ts',
    ],
    env: { INTERLOCK_FORM: 'long' },
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
