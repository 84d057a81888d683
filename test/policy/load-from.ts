// A process that loads the bundle of each source it is given, and prints its digest or why it was not loaded, a line each.
import { Fault } from '../../src/kit/fault.ts';
import { loadBundle } from '../../src/policy/bundle.ts';

for (const source of process.argv.slice(2)) {
  try {
    console.log((await loadBundle(source)).digest);
  } catch (thrown) {
    const cause = thrown instanceof Fault ? thrown.cause : thrown;
    console.log(cause instanceof Error ? cause.message : 'nothing was said');
  }
}
