import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { z } from 'zod';
import { asError } from '../kit/fault.ts';
import { listNames, quote } from '../kit/text.ts';
import type { LineRules } from './describe-kind.ts';
import {
  checkId,
  checkLabels,
  checkWeights,
  isLabelName,
  MAX_LINE_BYTES,
  undeclared,
  type Line,
  type Lines,
} from './line.ts';
import { malformed } from './load-refusal.ts';

/** As csv-parse gives a record with `info`. */
const csvRecord = z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) });

/** Records are handed on in groups: one by one costs more than reading them. */
const GROUP = 200;

/**
 * Lines of a CSV snapshot as they arrive: a header with `id`, the labels and each weight as `weight:NAME`, RFC 4180 quoting, a byte order mark is taken. An empty
 * cell is a label that is not there, or a weight.
 * @throws LoadRefused `inventory.malformed`, and whatever the stream throws.
 */
export async function* readCsv(
  content: AsyncIterable<Uint8Array>,
  kind: LineRules,
): AsyncGenerator<Lines, void> {
  const parser = parse({
    bom: true,
    info: true,
    max_record_size: MAX_LINE_BYTES,
    record_delimiter: ['\r\n', '\n'],
    // Lengths and blank lines are looked at below, so that they are told like all else.
    relax_column_count: true,
  });
  // What goes wrong in the pipe comes out of the parser too; it must not end the process besides.
  const piped = pipeline(Readable.from(content, { objectMode: true }), parser).catch(asError);
  const reader = new RecordReader(kind);
  try {
    let lines: Line[] = [];
    for await (const one of parser) {
      const { record, info } = csvRecord.parse(one);
      const line = reader.read(record, info.lines);
      if (line !== undefined && lines.push(line) >= GROUP) {
        yield lines;
        lines = [];
      }
    }
    if (lines.length > 0) yield lines;
  } catch (error) {
    if (error instanceof CsvError) throw malformed(lineOf(error), csvProblem(error));
    throw error;
  } finally {
    parser.destroy();
    await piped;
  }
}

/** Where the parser stood; what it had read before may not have been asked for yet. */
const lineOf = (error: CsvError): number => {
  const line: unknown = error['lines'];
  return typeof line === 'number' ? line : 1;
};

const csvProblems: Readonly<Record<string, string>> = {
  CSV_MAX_RECORD_SIZE: `the line has more than ${MAX_LINE_BYTES} bytes.`,
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is not closed.',
  INVALID_OPENING_QUOTE: 'a quotation mark stands inside a value.',
  CSV_INVALID_CLOSING_QUOTE: 'a quotation mark stands inside a value.',
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: 'a quotation mark stands inside a value.',
};

const csvProblem = ({ code }: CsvError): string => csvProblems[code] ?? `the line is not CSV (${code}).`;

class RecordReader {
  readonly #kind: LineRules;
  #columns: readonly string[] | undefined;
  #blank: number | undefined;
  /** The line that the next record begins in: a quoted value may have line breaks. */
  #next = 1;

  constructor(kind: LineRules) {
    this.#kind = kind;
  }

  /** Undefined for the header, and for a blank line. `lastLine` is the one that the record ends in. */
  read(cells: readonly string[], lastLine: number): Line | undefined {
    const number = this.#next;
    this.#next = lastLine + 1;
    if (cells.length === 1 && cells[0] === '') {
      this.#blank ??= number;
      return undefined;
    }
    if (this.#blank !== undefined) throw malformed(this.#blank, 'the line is blank, and others follow.');
    if (this.#columns === undefined) {
      this.#columns = this.#readHeader(cells, number);
      return undefined;
    }
    return this.#readLine(this.#columns, cells, number);
  }

  #readHeader(columns: readonly string[], number: number): readonly string[] {
    const twice = columns.find((name, index) => columns.indexOf(name) !== index);
    if (twice !== undefined)
      throw malformed(number, `the column ${quote(twice)} stands twice in the header.`);
    for (const name of columns) {
      const weight = weightOf(name);
      if (weight === undefined) {
        if (!isLabelName(name)) throw malformed(number, `${quote(name)} cannot be the name of a label.`);
      } else if (!this.#kind.weights.includes(weight))
        throw malformed(number, undeclared(weight, this.#kind));
    }
    const weights = this.#kind.weights.map(name => `${WEIGHT}${name}`);
    const missing = ['id', ...this.#kind.required, ...weights].filter(name => !columns.includes(name));
    if (missing.length > 0) throw malformed(number, `the header lacks ${listNames(missing)}.`);
    return columns;
  }

  #readLine(columns: readonly string[], cells: readonly string[], number: number): Line {
    if (cells.length !== columns.length)
      throw malformed(number, `there are ${cells.length} values for ${columns.length} columns.`);
    const labels: Record<string, string> = {};
    const weights: Record<string, unknown> = {};
    let id: string | undefined;
    for (const [index, name] of columns.entries()) {
      const cell = cells[index] ?? '';
      const weight = weightOf(name);
      if (name === 'id') id = cell;
      else if (cell === '') continue;
      else if (weight === undefined) labels[name] = cell;
      else weights[weight] = readWhole(cell);
    }
    return {
      number,
      id: checkId(number, id),
      labels: checkLabels(number, labels, this.#kind),
      weights: checkWeights(number, weights, this.#kind),
    };
  }
}

const WEIGHT = 'weight:';

const weightOf = (column: string): string | undefined =>
  column.startsWith(WEIGHT) ? column.slice(WEIGHT.length) : undefined;

/** Digits only: what else `Number` takes (blanks, `0x10`, `1e3`) is nothing that a table means. */
const readWhole = (cell: string): number | undefined =>
  /^[0-9]{1,13}$/.test(cell) ? Number(cell) : undefined;
