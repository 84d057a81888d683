import { FileError, type Config } from '../../config/config.ts';
import { sayNoBundle, withoutLimits } from '../../describe-start.ts';
import { describeFreeze } from '../../describe-policy.ts';
import { asError } from '../../kit/fault.ts';
import { listNames } from '../../kit/text.ts';
import { readPolicy, toLoaded, type LoadedPolicy } from '../../load-policy.ts';
import type { Limits } from '../../policy/limits.ts';
import { countOf } from '../table.ts';
import { findingsOf, type Finding } from './finding.ts';

export interface PolicyFound {
  readonly findings: readonly Finding[];
  /** What a gate would start with; undefined where it would start without a policy, or not at all. */
  readonly loaded?: LoadedPolicy;
}

/** Loads the bundle and the limits as a start does, and asks the policy once. */
export async function checkPolicy(config: Config, nowMs: number): Promise<PolicyFound> {
  const policy = findingsOf('policy');
  const limits = findingsOf('limits');
  try {
    const read = await readPolicy(config);
    const loaded = toLoaded(read);
    const unnamed = withoutLimits(config, loaded);
    const { actions, budgets, protected: guarded } = read.limits;
    const said = `${countOf(Object.keys(actions).length, 'action')}, ${countOf(budgets.length, 'budget')}, ${countOf(guarded.length, 'protected entry')} in ${config.limitsFile}`;
    return {
      loaded,
      findings: [
        policy.ok(
          `bundle ${read.bundle.digest} with ${countOf(read.bundle.manifests.length, 'check')}; revision ${read.revision.digest}`,
        ),
        unnamed.length === 0
          ? limits.ok(said)
          : limits.warn(
              `no limits for ${listNames(unnamed)}: every request for it is refused`,
              `give each an entry under \`actions\` in ${config.limitsFile}`,
            ),
        ...read.gaps.warnings.map(({ says, remedy }) => limits.warn(says, remedy)),
        ...lookAtFreezes(read.limits, nowMs),
        ...lookAtExceptions(read.limits, nowMs),
      ],
    };
  } catch (thrown) {
    if (thrown instanceof FileError)
      return {
        findings: [limits.fail(thrown.message, 'a gate does not start with this file: set it right')],
      };
    return {
      findings: [
        policy.fail(
          sayNoBundle(config.policies, asError(thrown)),
          'a gate starts with it and answers 503 to every request: rebuild it (interlock policy build FOLDER), or name another',
        ),
      ],
    };
  }
}

/** By this machine's clock; a gate goes by its database's. */
function lookAtFreezes({ freezes }: Limits, nowMs: number): Finding[] {
  const { ok, warn } = findingsOf('freezes');
  return freezes.flatMap(freeze => {
    const { status, actions, from, until, reason, except = [] } = describeFreeze(freeze, nowMs);
    const what = `${listNames(actions)}: ${reason}`;
    const but = except.length === 0 ? '' : `, but for ${listNames(except)}`;
    if (status === 'to_come') return [ok(`to come on ${from}: ${what}`)];
    if (status === 'over') return [];
    return [
      until === undefined
        ? warn(
            `in force since ${from}, without an end: ${what}${but}`,
            'take it out of the limits file when it is over',
          )
        : ok(`in force until ${until}: ${what}${but}`),
    ];
  });
}

/** What of them is used up is in the store. */
function lookAtExceptions({ exceptions }: Limits, nowMs: number): Finding[] {
  const { ok, warn } = findingsOf('exceptions');
  const over = exceptions.filter(({ until_ms }) => nowMs >= until_ms);
  const rest = exceptions.length - over.length;
  return [
    ...over.map(({ id, owner, ticket, until_ms }) =>
      warn(
        `${id} (${owner}, ${ticket}) is over since ${new Date(until_ms).toISOString()}: it loosens nothing`,
        'take it out of the limits file',
      ),
    ),
    ...(rest === 0 ? [] : [ok(`${countOf(rest, 'exception')} in force`)]),
  ];
}
