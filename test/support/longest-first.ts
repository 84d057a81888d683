import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take more than 20 s, the longest first: what waits longest must not begin when the other workers have nothing left to do.
 * A file that is not named here comes after them, the larger one first.
 */
const long: readonly string[] = [
  'test/memory/memory.test.ts',
  'test/contract/starting.test.ts',
  'test/crash/crash-points.test.ts',
  'test/demo/demo.test.ts',
  'test/fault/database-away.test.ts',
  'test/race/switch.test.ts',
  'test/model/model.test.ts',
  'test/fuzz/intake.test.ts',
  'test/fault/database-slow.test.ts',
  'test/db/embedded.test.ts',
  'test/contract/forward.test.ts',
  'test/race/limits.test.ts',
  'test/crash/random-moments.test.ts',
  'test/fault/database-restarted.test.ts',
  'test/contract/executor-answers.test.ts',
  'test/fail-over/behind.test.ts',
  'test/fail-over/fail-over.test.ts',
  'test/crash/engage-and-sweep.test.ts',
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
