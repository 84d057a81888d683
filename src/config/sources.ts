import { didYouMean, quote } from '../kit/text.ts';
import { declaredLabels, weightsOf, type Kind, type Principal, type Source } from './config.ts';
import type { Problems } from './problems.ts';
import { kindName, sourceSchema } from './schemas.ts';
import type { YamlPath } from './yaml-file.ts';

/** The sources of a kind, where it has several. What is wrong with them together is told by `checkSources`. */
export function readSources(problems: Problems, value: unknown, path: YamlPath): readonly Source[] {
  const sources: Source[] = [];
  for (const [name, raw] of problems.entries(value, path)) {
    const issue = kindName.safeParse(name).error?.issues[0];
    if (issue !== undefined) problems.add([...path, name], issue.message);
    const source = problems.check(sourceSchema, raw, [...path, name]);
    if (source === undefined) continue;
    const { principal, owns, labels = [], weights = [], max_age: maxAgeMs } = source;
    if (owns === undefined && labels.length + weights.length === 0)
      problems.add([...path, name], 'owns nothing: give it `labels`, `weights` or `owns: existence`');
    sources.push({ name, principal, ownsExistence: owns === 'existence', labels, weights, maxAgeMs });
  }
  return sources;
}

/** Each label and weight that the kind declares is one source's, and what exists too: what nobody brings would be lacked by every target. */
export function checkSources(problems: Problems, kind: Kind, path: YamlPath): void {
  const { sources = [] } = kind;
  const owners = sources.filter(({ ownsExistence }) => ownsExistence);
  if (owners.length !== 1)
    problems.add(path, `must have exactly one with \`owns: existence\`, and ${owners.length} have it`);
  checkOwned(problems, sources, 'labels', declaredLabels(kind), path);
  checkOwned(problems, sources, 'weights', weightsOf(kind), path);
  for (const [index, { name, principal }] of sources.entries())
    if (sources.findIndex(other => other.principal === principal) < index)
      problems.add([...path, name, 'principal'], `${quote(principal)} is the one of another source already`);
}

function checkOwned(
  problems: Problems,
  sources: readonly Source[],
  what: 'labels' | 'weights',
  declared: readonly string[],
  path: YamlPath,
): void {
  const seen = new Set<string>();
  for (const source of sources) {
    for (const [at, name] of source[what].entries()) {
      if (seen.has(name)) problems.add([...path, source.name, what, at], `${quote(name)} is owned twice`);
      else if (!declared.includes(name))
        problems.add(
          [...path, source.name, what, at],
          `the kind does not declare ${quote(name)}${didYouMean(name, declared, true)}`,
        );
      seen.add(name);
    }
  }
  for (const name of declared)
    if (!seen.has(name))
      problems.add(path, `nobody owns the ${what === 'labels' ? 'label' : 'weight'} ${quote(name)}`);
}

/** A source's principal is there, and may load. */
export function checkPrincipalsOf(
  problems: Problems,
  kinds: ReadonlyMap<string, Kind>,
  principals: readonly Principal[],
): void {
  const loaders = principals.filter(({ roles }) => roles.has('inventory')).map(({ name }) => name);
  for (const kind of kinds.values()) {
    for (const { name, principal } of kind.sources ?? []) {
      if (loaders.includes(principal)) continue;
      problems.add(
        ['kinds', kind.name, 'sources', name, 'principal'],
        `${quote(principal)} is no principal with the role inventory${didYouMean(principal, loaders, true)}`,
      );
    }
  }
}
