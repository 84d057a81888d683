import { resolve } from 'node:path';
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLError,
} from 'yaml';
import { asError, codeOf } from '../kit/fault.ts';
import { sha256 } from '../kit/digest.ts';
import { readPlainFileSync } from '../kit/plain-file.ts';
import { quote } from '../kit/text.ts';
import { FileError, type PlacedProblem } from './config.ts';

/** From the top of the file: names of keys and positions in lists. */
export type YamlPath = readonly (string | number)[];

/** A YAML file as plain values, with a way back to its lines. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** Of the text, comments and all. */
  readonly digest: string;
  /** A problem at a path; where nothing stands there, at the nearest thing above it. */
  problemAt(path: YamlPath, message: string): PlacedProblem;
}

/** Such keys reach an object's prototype, or what every object inherits; none is a sensible name. */
export const isForbiddenName = (name: string): boolean => name in Object.prototype || name === 'prototype';

/** More than this in a file that people write is not one. */
export const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** `actions.disk.wipe.executor.url`, `principals[0].keys[1]`; `(top)` for the whole file. */
export function showPath(path: YamlPath): string {
  const shown = path.reduce<string>(
    (text, one) => (typeof one === 'number' ? `${text}[${one}]` : text.length === 0 ? one : `${text}.${one}`),
    '',
  );
  return shown.length === 0 ? '(top)' : shown;
}

/** One open bracket makes the parser report each line after it. */
const MAX_SYNTAX_PROBLEMS = 20;

/**
 * Reads a YAML 1.2 file of plain maps, lists and scalars. Aliases, tags, several documents, duplicate keys and keys that
 * are not text are problems: each is a way to say something else than what a reader sees.
 * @param missing what to do if there is no such file
 * @throws FileError with every problem that keeps the file from being read
 */
export function readYamlFile(file: string, missing: string): YamlFile {
  const text = readText(file, missing);
  const lines = new LineCounter();
  const document = parse(file, text, lines);
  const problemAtOffset = (offset: number, path: string, message: string): PlacedProblem => ({
    file,
    line: Math.max(1, lines.linePos(offset).line),
    path,
    message,
  });
  const problems = [
    ...[...document.errors, ...document.warnings]
      .slice(0, MAX_SYNTAX_PROBLEMS)
      .map(error => problemAtOffset(error.pos[0], '(top)', messageOf(error))),
    ...oddNodes(document).map(odd => problemAtOffset(odd.offset, odd.name, odd.message)),
  ];
  if (problems.length > 0) throw new FileError(problems);
  return {
    file,
    value: document.toJS({ maxAliasCount: 0 }),
    digest: sha256(text),
    problemAt: (path, message) => problemAtOffset(offsetOf(document, path), showPath(path), message),
  };
}

/** What the parser says to whoever calls it is said anew to whoever wrote the file. */
const messageOf = ({ code, message }: Pick<YAMLError, 'code' | 'message'>): string =>
  code === 'MULTIPLE_DOCS'
    ? 'holds more than one document: keep one, and no line `---` after it'
    : firstLine(message);

const firstLine = (text: string): string =>
  text.split('\n')[0]?.replace(/ at line \d+, column \d+:$/, '') ?? text;

function readText(file: string, missing: string): string {
  // A relative name says little to whoever does not know where it is looked up from.
  const whole = (message: string) => new FileError([{ file: resolve(file), message }]);
  let bytes: Buffer;
  try {
    bytes = readPlainFileSync(file, MAX_FILE_BYTES);
  } catch (thrown) {
    const error = asError(thrown);
    const isMissing = codeOf(error) === 'ENOENT';
    throw whole(isMissing ? `there is no such file: ${missing}` : `cannot be read: ${error.message}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw whole('is not valid UTF-8');
  }
}

function parse(file: string, text: string, lines: LineCounter): Document {
  try {
    return parseDocument(text, {
      version: '1.2',
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
      lineCounter: lines,
    });
  } catch (error) {
    // A text nested so deep that the parser's stack ends.
    throw new FileError([
      { file, line: 1, path: '(top)', message: `cannot be read: ${asError(error).message}` },
    ]);
  }
}

/** What YAML allows and this program does not. */
function oddNodes(document: Document): { offset: number; name: string; message: string }[] {
  const odd: { offset: number; name: string; message: string }[] = [];
  const { directives } = document;
  // By YAML 1.1, 1:30 is 90 and 012 is 10.
  if (directives?.yaml.explicit === true || Object.keys(directives?.tags ?? {}).some(tag => tag !== '!!'))
    odd.push({ offset: 0, name: '%', message: 'directives are not taken: the file is YAML 1.2' });
  const report = (node: Node, name: string, message: string) =>
    odd.push({ offset: node.range?.[0] ?? 0, name, message });
  visit(document, {
    Alias: (_, node) => void report(node, `*${node.source}`, 'aliases are not taken: write it out'),
    Node: (_, node) => {
      if (node.tag !== undefined) report(node, node.tag, 'tags are not taken');
    },
    Pair: (_, pair) => {
      const key = isScalar(pair.key) ? pair.key : undefined;
      if (key === undefined || typeof key.value !== 'string') {
        const node = key ?? document.contents;
        if (node !== null) report(node, '(key)', 'a key must be text: put it in quotation marks');
      } else if (isForbiddenName(key.value)) {
        report(key, quote(key.value), 'is not a name that may be given');
      } else if (key.value === '<<') {
        report(key, '<<', 'merge keys are not taken: write it out');
      }
    },
  });
  return odd;
}

/** Where the node at a path begins: its key in a map, itself in a list; of the deepest part of the path that is there. */
function offsetOf(document: Document, path: YamlPath): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const segment of path) {
    if (isMap(node)) {
      const pair = node.items.find(one => isScalar(one.key) && one.key.value === segment);
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === 'number') {
      const item = node.items[segment];
      if (!isMap(item) && !isSeq(item) && !isScalar(item)) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return offset;
}
