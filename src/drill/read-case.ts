import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Problems } from '../config/problems.ts';
import { readYamlFile, type YamlPath } from '../config/yaml-file.ts';
import { asError } from '../kit/fault.ts';
import { didYouMean } from '../kit/text.ts';
import {
  caseSchema,
  requestFields,
  type CaseRequest,
  type DrillCase,
  type ReadCase,
  type Step,
} from './case.ts';
import { checkNames, type Declared } from './declared-names.ts';
import { linesOf, targetsOf } from './fleet.ts';

/**
 * The cases of a file: one, or a list under `cases`.
 * @param needsTwin whether each must have a benign twin
 * @param declared what they may name; undefined where that is not known
 * @throws FileError with every problem, each with its line
 */
export function readCases(file: string, needsTwin: boolean, declared?: Declared): DrillCase[] {
  const yaml = readYamlFile(file, 'it must hold the cases of a drill');
  const problems = new Problems(yaml);
  const { value } = yaml;
  const isList = typeof value === 'object' && value !== null && 'cases' in value;
  const found = isList ? readList(problems, value) : [readCase(problems, value, [], { needsTwin, declared })];
  problems.throwIfAny();
  return found.filter(one => one !== undefined);

  function readList(into: Problems, top: object): (DrillCase | undefined)[] {
    const list: unknown = 'cases' in top ? top.cases : undefined;
    for (const key of Object.keys(top)) if (key !== 'cases') into.add([key], 'is not known here: cases is');
    if (!Array.isArray(list) || list.length === 0) {
      into.add(['cases'], 'must be a list of cases, at least one');
      return [];
    }
    const cases = list.map((one: unknown, at) => readCase(into, one, ['cases', at], { needsTwin, declared }));
    for (const [at, one] of cases.entries())
      if (cases.slice(0, at).some(other => other !== undefined && other.name === one?.name))
        into.add(['cases', at, 'name'], 'is there twice');
    return cases;
  }
}

function readCase(
  problems: Problems,
  value: unknown,
  at: YamlPath,
  { needsTwin, declared }: { readonly needsTwin: boolean; readonly declared: Declared | undefined },
): DrillCase | undefined {
  const read = problems.check(caseSchema, value, at);
  if (read === undefined) return undefined;
  const report = (path: YamlPath, message: string): void => problems.add([...at, ...path], message);
  checkFrom(read, report);
  checkFields(read, report);
  if (declared !== undefined) {
    const naming = { steps: stepsOf(read), requests: requestsOf(read), rule: read.expect?.refused };
    checkNames({ fleet: read.fleet, ...naming }, declared, report);
  }
  const { not_seen: notSeen, approval, request: asked, expect, twin, ...about } = read;
  const common = {
    name: about.name,
    title: about.title,
    fleet: about.fleet,
    history: about.history,
    ...(about.source !== undefined && { source: about.source }),
  };
  const why = notSeen ?? approval;
  if (why !== undefined) {
    const more = Object.entries({ request: asked, expect, twin, ...(notSeen !== undefined && { approval }) });
    for (const [key, one] of more)
      if (one !== undefined) problems.add([...at, key], 'cannot stand beside not_seen or approval');
    return { ...common, trial: { kind: notSeen === undefined ? 'approval' : 'not_seen', why } };
  }
  if (asked === undefined) problems.add(at, 'lacks `request`; or `not_seen` with the sentence why');
  if (expect === undefined) problems.add(at, 'lacks `expect: { refused: RULE }`');
  if (needsTwin && twin === undefined)
    problems.add(at, 'lacks `twin`: the same action done properly, which must be allowed');
  if (asked === undefined || expect === undefined) return undefined;
  const { refused: rule } = expect;
  const place = problems.placeOf([...at, 'expect', 'refused']);
  const trial = { kind: 'trial', request: asked, rule, place } as const;
  return { ...common, trial: { ...trial, ...(twin !== undefined && { twin }) } };
}

/** Every step of a case and of its twin, each with its place. */
const stepsOf = ({ history: before, twin }: ReadCase): (readonly [Step, YamlPath])[] => [
  ...before.map((one, index) => [one, ['history', index]] as const),
  ...(twin?.history ?? []).map((one, index) => [one, ['twin', 'history', index]] as const),
];

/** Every request of a case, each with its place: the incident's, its twin's, and those of what was before. */
const requestsOf = (read: ReadCase): (readonly [CaseRequest, YamlPath])[] => {
  const all: (readonly [CaseRequest | undefined, YamlPath])[] = [
    [read.request, ['request']],
    [read.twin?.request, ['twin', 'request']],
    ...stepsOf(read).map(([one, path]) => [one.request, [...path, 'request']] as const),
  ];
  return all.flatMap(([asked, path]) => (asked === undefined ? [] : [[asked, path] as const]));
};

/** A field that no request has is a slip of the case; but for an incident that is to be refused for its own form, which had it. */
function checkFields(read: ReadCase, report: Problems['add']): void {
  const isOfForm = read.expect?.refused.startsWith('request.') === true;
  for (const [asked, path] of requestsOf(read)) {
    if (isOfForm && path.length === 1) continue;
    for (const key of Object.keys(asked))
      if (!requestFields.includes(key))
        report([...path, key], `is not known here${didYouMean(key, requestFields, true)}`);
  }
  for (const [{ request: asked, in_bites_of: size }, path] of stepsOf(read))
    if (size !== undefined && asked?.idempotency_key !== undefined)
      report(
        [...path, 'request', 'idempotency_key'],
        'cannot stand beside in_bites_of: each bite is a request of its own',
      );
}

/** What a request takes `from` the fleet can be seen to be there before anything is played. */
function checkFrom(read: ReadCase, report: Problems['add']): void {
  const lines = linesOf(read.fleet, 0);
  for (const [asked, path] of requestsOf(read)) {
    try {
      targetsOf(asked, lines);
    } catch (thrown) {
      report([...path, 'targets', 'from'], asError(thrown).message);
    }
  }
}

/** Every case of a folder, by the names of their files. */
export function readCorpus(folder: string): DrillCase[] {
  const files = existsSync(folder) ? readdirSync(folder).filter(file => file.endsWith('.yaml')) : [];
  if (files.length === 0) throw new Error(`there are no cases in ${folder}: reinstall this program`);
  return files
    .flatMap(file => readCases(path.join(folder, file), true))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
