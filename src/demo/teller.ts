import { isDeepStrictEqual } from 'node:util';
import type { createColors } from 'picocolors';
import { at, listAt, rulesOf, textAt, type Reply } from '../scratch/gate-client.ts';

/** One thing that had to be so, and what was seen. */
export interface Check {
  readonly scene: string;
  readonly what: string;
  readonly ok: boolean;
  readonly told: unknown;
  readonly seen: unknown;
}

/** Tells the story as it goes, and keeps what did not go as told. */
export interface Teller {
  scene(title: string): void;
  say(text: string): void;
  /** What somebody asks, and what came back: status, rule, the first reason's sentence; a yes in the gate's words, or in `yes`. */
  exchange(who: string, what: string, reply: Reply, yes?: string): void;
  /** Prints a tick, or a cross with what was told and what was seen. */
  check(what: string, seen: unknown, told: unknown): void;
  checks(): readonly Check[];
}

/** `write` gets whole lines. */
export function createTeller(write: (line: string) => void, paint: ReturnType<typeof createColors>): Teller {
  const checks: Check[] = [];
  let scene = '';
  return {
    scene(title) {
      scene = title;
      write('');
      write(paint.bold(paint.cyan(title)));
    },
    say(text) {
      write(`  ${text}`);
    },
    exchange(who, what, reply, yes) {
      const good = reply.status < 300;
      const word = good
        ? (yes ??
          [textAt(reply.body, 'decision'), textAt(reply.body, 'outcome', 'status')]
            .filter(one => one !== '')
            .join(', '))
        : rulesOf(reply).join(', ');
      write(`  ${paint.yellow(who)} ${paint.dim('asks')} ${what}`);
      write(
        `    ${paint.dim('←')} ${paint.bold((good ? paint.green : paint.red)(String(reply.status)))} ${word}`,
      );
      const reasons = listAt(reply.body, 'reasons');
      // What an operator did says more than what a limit would have said besides.
      const first = reasons.find(reason => at(reason, 'rule') === 'kill_switch.engaged') ?? reasons[0];
      const sentence = textAt(first, 'message') || textAt(reply.body, 'detail');
      if (!good && sentence !== '') write(`      ${paint.dim(sentence)}`);
      const remedy = at(first, 'remedy');
      if (!good && typeof remedy === 'string') write(`      ${paint.dim(`what would pass: ${remedy}`)}`);
    },
    check(what, seen, told) {
      const ok = isDeepStrictEqual(seen, told);
      checks.push({ scene, what, ok, told, seen });
      if (ok) write(`    ${paint.green('✓')} ${what}`);
      else {
        write(`    ${paint.red('✗')} ${paint.bold(what)}`);
        write(`      ${paint.red(`told ${inShort(told)}, seen ${inShort(seen)}`)}`);
      }
    },
    checks: () => [...checks],
  };
}

/** JSON for people, cut where it gets long. */
function inShort(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 200 ? text : `${text.slice(0, 180)} … (${text.length} characters)`;
}
