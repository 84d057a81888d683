import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take more than 20 s, the longest first: what waits longest must not begin when the other workers have nothing left to do.
 * A file that is not named here comes after them, the larger one first.
 */
const long: readonly string[] = [
  'test/memory/memory.test.ts',
  'test/contract/starting.test.ts',
  'test/crash/crash-points.test.ts',
  'test/db/embedded.test.ts',
  'test/cli/drill-own.test.ts',
  'test/crash/random-moments.test.ts',
  'test/fault/database-away.test.ts',
  'test/demo/demo.test.ts',
  'test/crash/engage-and-sweep.test.ts',
  'test/fault/database-slow.test.ts',
  'test/fault/restored.test.ts',
  'test/readme.test.ts',
  'test/race/revisions.test.ts',
  'test/fault/clocks.test.ts',
  'test/ledger/budget-model.test.ts',
  'test/cli/drill.test.ts',
  'test/contract/repeats.test.ts',
  'test/model/model.test.ts',
  'test/fault/policy-broken.test.ts',
  'test/race/switch.test.ts',
  'test/race/limits.test.ts',
  'test/contract/stopping.test.ts',
  'test/db/migrate.test.ts',
  'test/cli/audit-verify-restored.test.ts',
  'test/contract/executor-answers.test.ts',
  'test/drill/drill.test.ts',
];

const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = long.findIndex(name => moduleId.endsWith(`/${name}`));
  return place === -1 ? long.length : place;
};

/** The order in which vitest hands the files to its workers. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}
