import { readFileSync } from 'node:fs';
import type { Ask, Json, Targets } from '../client/types.ts';
import { UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { parseJson } from '../kit/parse-json.ts';
import { parseStrictJson, type JsonObject } from '../kit/strict-json.ts';
import { MAX_TARGETS } from '../kit/most-targets.ts';
import { isBlank, isOneLine, quote } from '../kit/text.ts';
import { readAsserts, readCarried, type CarriedOptions } from './carried-options.ts';
import { expandRanges } from './expand-ranges.ts';
import { sayUnread } from './load-file.ts';
import { printable } from './printable.ts';

/** What is asked for, as the command line says it. */
export interface AskOptions extends CarriedOptions {
  readonly reason: string;
  readonly selector: readonly string[];
  readonly expect?: number;
  readonly targetsFrom?: string;
  readonly ticket?: string;
  readonly onBehalfOf?: string;
  readonly param: readonly string[];
  readonly paramsFile?: string;
}

export interface Asked {
  readonly action: string;
  /** As typed: ids and ranges. */
  readonly targets: readonly string[];
}

/**
 * The body of the request. What is given and says nothing is wrong use: it was more often a variable that was not set.
 * @throws UsageError
 */
export function readAsk({ action, targets }: Asked, options: AskOptions): Ask {
  const { reason, ticket, onBehalfOf } = options;
  const parameters = readParameters(options);
  return {
    action: notBlank(action, 'the action'),
    targets: { ...readTargets(targets, options), ...readAsserts(options) },
    reason: oneLine(reason, '--reason'),
    ...(ticket !== undefined && { ticket: oneLine(ticket, '--ticket') }),
    ...(onBehalfOf !== undefined && { on_behalf_of: oneLine(onBehalfOf, '--on-behalf-of') }),
    ...(parameters !== undefined && { parameters }),
    ...readCarried(options),
  };
}

function notBlank(text: string, what: string): string {
  if (isBlank(text)) throw new UsageError(`${what} is blank`);
  return text;
}

/** A whole commit message, mostly: the gate keeps, and shows, one line. */
function oneLine(text: string, what: string): string {
  if (!isOneLine(notBlank(text, what)))
    throw new UsageError(
      `${what} holds line breaks, or other characters that cannot be shown on a line: give its first line`,
    );
  return text;
}

function readTargets(typed: readonly string[], { selector, expect, targetsFrom }: AskOptions): Targets {
  if (selector.length > 0) {
    if (typed.length > 0 || targetsFrom !== undefined)
      throw new UsageError('targets by id or by --selector, not both');
    if (expect === undefined)
      throw new UsageError('--selector needs --expect N: how many targets it stands for, as you know it');
    return { selector: readSelector(selector), expect };
  }
  const ids = [
    ...typed.map(one => notBlank(one, 'a target')),
    ...(targetsFrom === undefined ? [] : readTargetsFile(targetsFrom)),
  ].flatMap(expandRanges);
  if (ids.length === 0)
    throw new UsageError('no targets: name them, or give --targets-from FILE or --selector label=value');
  if (ids.length > MAX_TARGETS)
    throw new UsageError(`${ids.length} targets; one request may name ${MAX_TARGETS}`);
  return { ids, ...(expect !== undefined && { expect }) };
}

function readSelector(selectors: readonly string[]): Record<string, readonly string[]> {
  const labels = new Map<string, readonly string[]>();
  for (const text of selectors) {
    const equals = text.indexOf('=');
    const label = text.slice(0, Math.max(0, equals));
    const values = text.slice(equals + 1).split(',');
    if (equals < 1) throw new UsageError(`--selector ${quote(text)} is not label=value`);
    if (values.some(isBlank)) throw new UsageError(`--selector ${quote(text)} has a value that is blank`);
    if (labels.has(label))
      throw new UsageError(
        `--selector names ${quote(label)} twice: several values stand behind one =, with commas`,
      );
    labels.set(label, values);
  }
  return Object.fromEntries(labels);
}

/**
 * One id or range a line. A comment begins the line, or stands behind a blank: of `web-1#2` half is another machine's name. So it is of
 * `web-12` where the list was cut off: a last line without its end is not taken.
 */
function readTargetsFile(file: string): string[] {
  if (isBlank(file)) throw new UsageError('--targets-from is blank: name a file, or - for stdin');
  const name = file === '-' ? 'stdin' : file;
  const lines = readText(file)
    .split(/\r?\n/)
    .map(line => line.replace(/(?:^|\s)#.*/, '').trim());
  const last = lines.at(-1) ?? '';
  if (last !== '')
    throw new UsageError(
      `${name} ends within a line, as a list does that was cut off, and ${quote(last)} may be half a name: end it with a line feed. Nothing was asked`,
    );
  const targets = lines.filter(line => line !== '');
  if (targets.length === 0) throw new UsageError(`${name} holds no target: nothing was asked`);
  return targets;
}

function readParameters({ param, paramsFile }: AskOptions): JsonObject | undefined {
  if (param.length === 0 && paramsFile === undefined) return undefined;
  const parameters = new Map<string, Json>(
    paramsFile === undefined ? [] : Object.entries(readJsonFile(paramsFile)),
  );
  for (const text of param) {
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(0, equals));
    if (equals < 1) throw new UsageError(`--param ${quote(text)} is not name=value`);
    if (parameters.has(name)) throw new UsageError(`the parameter ${quote(name)} is given twice`);
    parameters.set(name, readValue(name, text.slice(equals + 1)));
  }
  return Object.fromEntries(parameters);
}

/** JSON if it is that, else the text itself. A number that would not stay what it is must not be sent as another one. */
function readValue(name: string, text: string): Json {
  if (parseJson(text) === undefined) return text;
  const read = parseStrictJson(Buffer.from(`{"value":${text}}`));
  if (!read.ok) throw new UsageError(`the parameter ${quote(name)}: ${read.problem}`);
  return read.value['value'] ?? null;
}

function readJsonFile(file: string): JsonObject {
  const read = parseStrictJson(Buffer.from(readText(file)));
  if (!read.ok) throw new UsageError(`${file}: ${read.problem}`);
  return read.value;
}

/** The most that is read: 200,000 ids of 253 characters are less. */
const MAX_BYTES = 64 * 1024 * 1024;

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (thrown) {
    throw new UsageError(
      file === '-' ? `stdin cannot be read: ${asError(thrown).message}` : sayUnread(file, asError(thrown)),
    );
  }
  if (bytes.length > MAX_BYTES)
    throw new UsageError(`${file} has ${bytes.length} bytes; at most ${MAX_BYTES} are read`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${file} is not valid UTF-8`);
  }
}

/** What is about to be asked, in a line: how many, and from which to which. */
export function describeTargets(targets: Targets): string {
  if ('selector' in targets) {
    const labels = Object.entries(targets.selector).map(([label, values]) => `${label}=${String(values)}`);
    return printable(`${targets.expect} targets with ${labels.join(' ')}`);
  }
  const { ids } = targets;
  const last = ids.at(-1) ?? '';
  const first = ids[0] ?? '';
  return printable(ids.length === 1 ? `1 target: ${first}` : `${ids.length} targets: ${first} … ${last}`);
}
