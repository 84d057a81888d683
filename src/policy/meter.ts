/*
 * A WASM module that counts its own steps, and traps when they are used up: the one way to end an evaluation that does not
 * end which costs nothing to set up, and ends the same evaluation on each machine. (A time limit around a call is a thread of
 * its own, started and joined: 0.06 ms of the processor, ten times as long where it has other work.)
 *
 * A step is an entry of a function or one round of a loop. Between two steps there is only straight code, so their number bounds
 * the work. Format: WebAssembly Core Specification 2.0, binary format.
 */

/** The exported global that holds how many steps are left. Below 0 the module traps. */
export const STEPS_LEFT = 'interlock_steps_left';

/** What a module starts with and may use to be set up; and an evaluation after it. */
export const STEPS_AT_START = 200_000_000;

const HEADER_BYTES = 8;
const [TYPE, IMPORT, TABLE, MEMORY, GLOBAL, EXPORT, ELEMENT, CODE, DATA] = [1, 2, 4, 5, 6, 7, 9, 10, 11];
/** From the custom one (0) to the one that counts the data (12). */
const LAST_SECTION = 12;
/** Many times as many functions as a policy has. */
const MOST_TABLE_ELEMENTS = 100_000;
const OF_GLOBAL = 3;
const I32 = 0x7f;
const FUNCREF = 0x70;
const LOOP = 0x03;
const END = 0x0b;

/**
 * @throws Error for what is no module as it is, or has what `opa build` does not write: instructions that are not known cannot be
 * counted, and memory and tables of its own would be memory that nobody bounds
 */
export function meter(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  // As it is: one that speaks of a global that it does not have would be valid only with the one that counts, and could set it.
  if (!WebAssembly.validate(wasm)) throw new Error('it is no valid WASM module');
  const reader = new Reader(wasm, HEADER_BYTES);
  const sections: Uint8Array[] = [wasm.subarray(0, HEADER_BYTES)];
  const seen = new Set<number>();
  let globals = 0;
  while (!reader.isAtEnd()) {
    const id = reader.byte();
    const content = reader.bytes(reader.u32());
    seen.add(id);
    refuseOdd(id, content);
    if (id === IMPORT) globals += importedGlobals(content);
    if (id === GLOBAL) globals += new Reader(content).u32();
    sections.push(Uint8Array.of(id), sized(changed(id, content, globals)));
  }
  if (!seen.has(GLOBAL) || !seen.has(EXPORT)) throw new Error('the module is no policy: it exports nothing');
  return joined(sections);
}

/** @param index of the global that counts, which is put behind all others */
function changed(id: number, content: Uint8Array, index: number): Uint8Array {
  switch (id) {
    case GLOBAL:
      return withOneMore(content, Uint8Array.of(I32, 1, 0x41, ...signed(STEPS_AT_START), 0x0b));
    case EXPORT: {
      const name = new TextEncoder().encode(STEPS_LEFT);
      return withOneMore(content, joined([sized(name), Uint8Array.of(OF_GLOBAL, ...unsigned(index))]));
    }
    case CODE:
      return meteredCode(content, probeOf(index));
    default:
      return content;
  }
}

/** Counts one step down, and traps below 0. */
const probeOf = (index: number): Uint8Array => {
  const global = unsigned(index);
  const less = [0x23, ...global, 0x41, 1, 0x6b, 0x24, ...global];
  return Uint8Array.of(...less, 0x23, ...global, 0x41, 0, 0x48, 0x04, 0x40, 0x00, 0x0b);
};

/** What takes memory before any step is counted: only what `opa build` writes is let in, and each version of Node knows more. */
function refuseOdd(id: number, content: Uint8Array): void {
  const reader = new Reader(content);
  if (id === TYPE) refuseTypes(reader);
  if (id === TABLE) refuseTables(reader);
  if (id === MEMORY) throw new Error('the module has a memory of its own, which `opa build` does not write');
  if (id === GLOBAL)
    for (let left = reader.u32(); left > 0; left -= 1) {
      reader.type();
      reader.byte();
      skipConstant(reader);
    }
  if (id === ELEMENT) skipSegments(reader, () => reader.leb());
  if (id === DATA) skipSegments(reader, () => reader.byte());
  if (id > LAST_SECTION) throw odd('sections');
}

const odd = (what: string): Error => new Error(`the module has ${what} that \`opa build\` does not write`);

/** Functions, of numbers: neither structures nor arrays. */
function refuseTypes(reader: Reader): void {
  for (let left = reader.u32(); left > 0; left -= 1) {
    if (reader.byte() !== 0x60) throw odd('types');
    for (const _ of ['parameters', 'results'])
      for (let values = reader.u32(); values > 0; values -= 1) reader.type();
  }
}

/** Each of the plain kind: where it stands, and what stands there. */
function skipSegments(reader: Reader, skip: () => void): void {
  for (let left = reader.u32(); left > 0; left -= 1) {
    if (reader.u32() !== 0) throw odd('segments');
    skipConstant(reader);
    for (let items = reader.u32(); items > 0; items -= 1) skip();
  }
}

/** Instructions that are run when the module is set up, and that nobody counts. */
function skipConstant(reader: Reader): void {
  for (let code = reader.byte(); code !== END; code = reader.byte()) skipImmediates(reader, code);
}

function refuseTables(reader: Reader): void {
  let elements = 0;
  for (let left = reader.u32(); left > 0; left -= 1) {
    if (reader.byte() !== FUNCREF) throw odd('tables');
    const hasMost = (reader.byte() & 1) === 1;
    elements += reader.u32();
    if (hasMost) reader.u32();
  }
  if (elements > MOST_TABLE_ELEMENTS)
    throw new Error(`the module has tables of ${elements} elements, which \`opa build\` does not write`);
}

function importedGlobals(content: Uint8Array): number {
  const reader = new Reader(content);
  let globals = 0;
  for (let left = reader.u32(); left > 0; left -= 1) {
    reader.bytes(reader.u32());
    reader.bytes(reader.u32());
    const kind = reader.byte();
    if (kind === OF_GLOBAL) globals += 1;
    if (kind > OF_GLOBAL) throw new Error('the module imports what `opa build` does not write');
    if (kind === 1 || kind === OF_GLOBAL) reader.type();
    if (kind === OF_GLOBAL) reader.byte();
    else if (kind === 0) reader.u32();
    else for (let limits = 1 + (reader.byte() & 1); limits > 0; limits -= 1) reader.u32();
  }
  return globals;
}

function meteredCode(content: Uint8Array, probe: Uint8Array): Uint8Array {
  const reader = new Reader(content);
  const count = reader.u32();
  const bodies: Uint8Array[] = [unsigned(count)];
  for (let left = count; left > 0; left -= 1)
    bodies.push(sized(meteredBody(reader.bytes(reader.u32()), probe)));
  return joined(bodies);
}

function meteredBody(body: Uint8Array, probe: Uint8Array): Uint8Array {
  const reader = new Reader(body);
  for (let groups = reader.u32(); groups > 0; groups -= 1) {
    reader.u32();
    reader.type();
  }
  const parts = [body.subarray(0, reader.at), probe];
  let from = reader.at;
  while (!reader.isAtEnd()) {
    const code = reader.byte();
    skipImmediates(reader, code);
    if (code !== LOOP) continue;
    parts.push(body.subarray(from, reader.at), probe);
    from = reader.at;
  }
  parts.push(body.subarray(from));
  return joined(parts);
}

/** What stands behind an instruction, by its code: numbers in LEB128, or bytes. */
function skipImmediates(reader: Reader, code: number): void {
  const isPlain =
    code <= 0x01 || code === 0x05 || code === 0x0b || code === 0x0f || code === 0x1a || code === 0x1b;
  if (isPlain || (code >= 0x45 && code <= 0xc4)) return;
  // Blocks, branches, calls, variables and constants; loads and stores have two numbers.
  const isOne = code === 0x0c || code === 0x0d || code === 0x10 || (code >= 0x20 && code <= 0x24);
  if (code >= 0x02 && code <= 0x04) reader.type();
  else if (isOne || (code >= 0x3f && code <= 0x42)) reader.leb();
  else if (code === 0x11 || (code >= 0x28 && code <= 0x3e)) {
    // The alignment of an access to one of several memories says so, and a third number follows.
    if (reader.u32() >= 0x40 && code !== 0x11) throw new Error('the module speaks of several memories');
    reader.leb();
  } else if (code === 0x0e) for (let labels = reader.u32() + 1; labels > 0; labels -= 1) reader.leb();
  else if (code === 0x43) reader.bytes(4);
  else if (code === 0x44) reader.bytes(8);
  else
    throw new Error(
      `the module has the instruction 0x${code.toString(16)}, which \`opa build\` does not write`,
    );
}

/** A vector of the format with an element behind its last. */
function withOneMore(content: Uint8Array, element: Uint8Array): Uint8Array {
  const reader = new Reader(content);
  const count = reader.u32();
  return joined([unsigned(count + 1), content.subarray(reader.at), element]);
}

const sized = (content: Uint8Array): Uint8Array => joined([unsigned(content.length), content]);

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** LEB128 of a number from 0 to 2^31-1; with `signBit`, as a signed one. */
function leb128(value: number, signBit: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80 - signBit) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Uint8Array.of(...bytes, rest);
}
const unsigned = (value: number): Uint8Array => leb128(value, 0);
const signed = (value: number): Uint8Array => leb128(value, 0x40);

class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  isAtEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new Error('the module ends too early');
    this.at += 1;
    return byte;
  }

  bytes(length: number): Uint8Array {
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** Of a value, a block or a table: one number, and nothing behind it as types of references have. */
  type(): void {
    const first = this.#bytes[this.at];
    if (first === 0x63 || first === 0x64) throw odd('types');
    this.leb();
  }

  /** A number that nobody needs to know. */
  leb(): void {
    while (this.byte() >= 0x80);
  }
}
