import type { Problems } from '../config/problems.ts';
import type { YamlPath } from '../config/yaml-file.ts';
import { didYouMean, quote } from '../kit/text.ts';
import type { CaseRequest, Fleet, Step } from './case.ts';
import { OWN } from './scratch-config.ts';

/** What the configuration in question declares, by name. */
export interface Declared {
  readonly kinds: readonly string[];
  readonly actions: readonly string[];
  readonly principals: readonly string[];
}

/** What of a case names something, each with its place below the case. */
export interface Naming {
  readonly fleet: Fleet;
  readonly steps: readonly (readonly [Step, YamlPath])[];
  readonly requests: readonly (readonly [CaseRequest, YamlPath])[];
  /** The rule that is expected. */
  readonly rule: string | undefined;
}

/** A name that nothing declares is a slip of the case: it would end as another refusal than the one that is told, or as none. */
export function checkNames(
  { fleet, steps, requests, rule }: Naming,
  declared: Declared,
  report: Problems['add'],
): void {
  const principals = [...declared.principals, ...Object.values(OWN)];
  const check = (what: string, name: string, known: readonly string[], path: YamlPath): void => {
    if (!known.includes(name))
      report(path, `${quote(name)} is no ${what} of the configuration${didYouMean(name, known, true)}`);
  };
  const checkKinds = (one: Fleet, path: YamlPath): void => {
    for (const kind of Object.keys(one)) check('kind', kind, declared.kinds, [...path, kind]);
  };
  checkKinds(fleet, ['fleet']);
  for (const [{ inventory, evidence, engage }, path] of steps) {
    if (inventory !== undefined) checkKinds(inventory, [...path, 'inventory']);
    if (evidence?.as !== undefined) check('principal', evidence.as, principals, [...path, 'evidence', 'as']);
    if (engage !== undefined) check('action', engage.action, declared.actions, [...path, 'engage', 'action']);
  }
  for (const [{ as, action }, path] of requests) {
    check('principal', as, principals, [...path, 'as']);
    // The incident itself may have named what there is not.
    if (path.length > 1 || rule !== 'action.unknown')
      check('action', action, declared.actions, [...path, 'action']);
  }
}
