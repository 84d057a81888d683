import { parseStrictJson } from '../kit/strict-json.ts';
import type { LineRules } from './describe-kind.ts';
import { checkLine, MAX_LINE_BYTES, type Line, type Lines } from './line.ts';
import { malformed } from './load-refusal.ts';
import type { LoadMethod } from './load-query.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** A piece may be of any size; what is made of it is handed on in groups. */
const GROUP = 500;

/**
 * Lines of NDJSON as they arrive. CRLF is taken, and a last line without its end. Blank lines may stand at the end only.
 * @throws LoadRefused `inventory.malformed`, and whatever the stream throws.
 */
export async function* readNdjson(
  content: AsyncIterable<Uint8Array>,
  kind: LineRules,
  method: LoadMethod,
): AsyncGenerator<Lines, void> {
  const reader = new LineReader(kind, method);
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of content) {
    let lines: Line[] = [];
    const bytes = rest.length === 0 ? toBuffer(piece) : Buffer.concat([rest, piece]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      reader.read(bytes.subarray(start, end), lines);
      start = end + 1;
      if (lines.length < GROUP) continue;
      yield lines;
      lines = [];
    }
    // A copy: the piece itself may be a view into a pool that is used again.
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > MAX_LINE_BYTES) throw reader.tooLong();
    if (lines.length > 0) yield lines;
  }
  const last: Line[] = [];
  if (rest.length > 0) reader.read(rest, last);
  if (last.length > 0) yield last;
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

class LineReader {
  readonly #kind: LineRules;
  readonly #method: LoadMethod;
  #number = 0;
  #blank: number | undefined;

  constructor(kind: LineRules, method: LoadMethod) {
    this.#kind = kind;
    this.#method = method;
  }

  /** Adds the line to `lines`, unless it is blank. */
  read(raw: Buffer, lines: Line[]): void {
    const bytes = raw.at(-1) === CARRIAGE_RETURN ? raw.subarray(0, -1) : raw;
    if (bytes.length > MAX_LINE_BYTES) throw this.tooLong();
    this.#number += 1;
    if (bytes.length === 0) {
      this.#blank ??= this.#number;
      return;
    }
    if (this.#blank !== undefined) throw malformed(this.#blank, 'the line is blank, and others follow.');
    const parsed = parseStrictJson(bytes);
    if (!parsed.ok) throw malformed(this.#number, parsed.problem);
    lines.push(checkLine(this.#number, parsed.value, this.#kind, this.#method));
  }

  tooLong(): Error {
    return malformed(this.#number + 1, `the line has more than ${MAX_LINE_BYTES} bytes.`);
  }
}
