import type { Config } from '../../config/config.ts';
import { FileError } from '../../config/config.ts';
import { showPolicies, withoutLimits } from '../../describe-start.ts';
import type { LoadedPolicy } from '../../gate.ts';
import { asError } from '../../kit/fault.ts';
import { listNames } from '../../kit/text.ts';
import { readPolicy, toLoaded } from '../../load-policy.ts';
import { countOf, shortDigest } from '../table.ts';
import { findingsOf, type Finding } from './finding.ts';

export interface PolicyFound {
  readonly findings: readonly Finding[];
  /** What a gate would start with; undefined where it would start without a policy, or not at all. */
  readonly loaded?: LoadedPolicy;
}

/** Loads the bundle and the limits as a start does, and asks the policy once. */
export async function checkPolicy(config: Config): Promise<PolicyFound> {
  const policy = findingsOf('policy');
  const limits = findingsOf('limits');
  try {
    const read = await readPolicy(config);
    const loaded = toLoaded(read);
    const unnamed = withoutLimits(config, loaded);
    const { actions, budgets, protected: guarded } = read.limits;
    const said = `${countOf(Object.keys(actions).length, 'action')}, ${countOf(budgets.length, 'budget')}, ${guarded.length} protected in ${config.limitsFile}`;
    return {
      loaded,
      findings: [
        policy.ok(
          `bundle ${shortDigest(read.bundle.digest)} with ${countOf(read.bundle.manifests.length, 'check')}; revision ${read.revision.digest}`,
        ),
        unnamed.length === 0
          ? limits.ok(said)
          : limits.warn(
              `no limits for ${listNames(unnamed)}: every request for it is refused`,
              `give each an entry under \`actions\` in ${config.limitsFile}`,
            ),
      ],
    };
  } catch (thrown) {
    if (thrown instanceof FileError)
      return {
        findings: [limits.fail(thrown.message, 'a gate does not start with this file: set it right')],
      };
    const { cause, message } = asError(thrown);
    const why = cause === undefined ? message : asError(cause).message;
    return {
      findings: [
        policy.fail(
          `the bundle ${showPolicies(config.policies)} cannot be loaded: ${why}`,
          'a gate starts with it and answers 503 to every request: build it anew (interlock policy build), or name another',
        ),
      ],
    };
  }
}
