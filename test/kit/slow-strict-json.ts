/**
 * Whether a text is one strict JSON object: the grammar of RFC 8259 letter by letter, and exact arithmetic for numbers.
 * Slow and plain, to compare the quick reader with.
 */
export function slowStrictJson(text: string): boolean {
  const reader = new SlowReader(text);
  try {
    return reader.readTop();
  } catch (error) {
    if (error instanceof Unreadable) return false;
    throw error;
  }
}

class Unreadable extends Error {}

/** A decimal literal as a fraction of whole numbers. */
function exact(literal: string): { numerator: bigint; denominator: bigint } {
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

function staysItself(literal: string): boolean {
  if (literal.length > 64) return false;
  if (!/[1-9]/.test(literal.toLowerCase().split('e')[0] ?? '')) return true;
  if (Math.abs(Number(literal.toLowerCase().split('e')[1] ?? '0')) > 1_000) return false;
  const { numerator, denominator } = exact(literal);
  const magnitude = numerator < 0n ? -numerator : numerator;
  const value = Number(literal);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER || magnitude > denominator * BigInt(Number.MAX_SAFE_INTEGER))
    return false;
  if (value === 0) return false;
  const significant = magnitude.toString().replace(/0+$/, '');
  if (significant.length > 17) return false;
  return !Number.isInteger(value) || magnitude % denominator === 0n;
}

class SlowReader {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  readTop(): boolean {
    this.#skip();
    if (this.#text[this.#at] !== '{') return false;
    this.#value(0);
    this.#skip();
    return this.#at === this.#text.length;
  }

  #skip(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #take(expected: string): void {
    if (!this.#text.startsWith(expected, this.#at)) throw new Unreadable();
    this.#at += expected.length;
  }

  #match(pattern: RegExp): string {
    const found = pattern.exec(this.#text.slice(this.#at))?.[0];
    if (found === undefined) throw new Unreadable();
    this.#at += found.length;
    return found;
  }

  #value(depth: number): void {
    this.#skip();
    const next = this.#text[this.#at];
    if (next === '{') this.#object(depth + 1);
    else if (next === '[') this.#list(depth + 1);
    else if (next === '"') this.#string();
    else if (next === 't') this.#take('true');
    else if (next === 'f') this.#take('false');
    else if (next === 'n') this.#take('null');
    else if (!staysItself(this.#match(/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/)))
      throw new Unreadable();
    this.#skip();
  }

  #object(depth: number): void {
    if (depth > 32) throw new Unreadable();
    const keys: string[] = [];
    this.#take('{');
    this.#skip();
    while (this.#text[this.#at] !== '}') {
      if (keys.length > 0) this.#take(',');
      this.#skip();
      const key = this.#string();
      if (keys.includes(key) || ['__proto__', 'prototype', 'constructor'].includes(key))
        throw new Unreadable();
      keys.push(key);
      this.#skip();
      this.#take(':');
      this.#value(depth);
    }
    this.#take('}');
  }

  #list(depth: number): void {
    if (depth > 32) throw new Unreadable();
    this.#take('[');
    this.#skip();
    for (let first = true; this.#text[this.#at] !== ']'; first = false) {
      if (!first) this.#take(',');
      this.#value(depth);
    }
    this.#take(']');
  }

  #string(): string {
    this.#take('"');
    let value = '';
    for (;;) {
      const next = this.#text[this.#at];
      if (next === undefined || next < ' ') throw new Unreadable();
      this.#at += 1;
      if (next === '"') break;
      if (next !== '\\') value += next;
      else if (this.#text[this.#at] === 'u')
        value += String.fromCharCode(parseInt(this.#match(/^u[0-9a-fA-F]{4}/).slice(1), 16));
      else value += `\\${this.#match(/^["\\/bfnrt]/)}`.replace('\\"', '"');
    }
    if (/[\p{Cs}\0]/u.test(value)) throw new Unreadable();
    return value;
  }
}
