import { readFileSync } from 'node:fs';
import { parseJson } from '../kit/parse-json.ts';
import { at, textAt } from '../scratch/gate-client.ts';

const WARNING = 40;
const MOST_LINES = 5;

/** What the log of a gate that did not stand says of it: its warnings and errors, or else its last lines. */
export function troubleIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return '(the gate left no log)';
  }
  const lines = text.split('\n').filter(line => line.trim() !== '');
  const telling = lines.flatMap(line => troubleOf(line) ?? []);
  return (telling.length > 0 ? telling : lines).slice(-MOST_LINES).join('\n');
}

/** A line that is not JSON was written for people; of the others what went wrong, and why. */
function troubleOf(line: string): string | undefined {
  const entry = parseJson(line);
  if (entry === undefined) return line;
  const level = at(entry, 'level');
  if (typeof level !== 'number' || level < WARNING) return undefined;
  // A cause stands behind the sentence of its error, and its full stop.
  return [textAt(entry, 'msg'), textAt(entry, 'err', 'message').replaceAll('.: ', ': ')]
    .filter(part => part !== '')
    .join(': ');
}
