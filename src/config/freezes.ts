import { listNames, quote } from '../kit/text.ts';
import { isKeptMap } from './compare-limits.ts';
import type { Principal } from './config.ts';
import type { Kept, Scene } from './limits-words.ts';

/** Reports each requester that a freeze excepts and that may ask for none of its actions: it lets nobody through. */
export function checkFreezes(
  { freezes }: Readonly<Record<string, Kept>>,
  principals: readonly Principal[],
  scene: Scene,
): void {
  const list = Array.isArray(freezes) ? freezes : [];
  for (const [index, freeze] of list.entries()) {
    if (!isKeptMap(freeze)) continue;
    const actions = namesIn(freeze['actions']);
    for (const [place, name] of namesIn(freeze['except']).entries()) {
      const one = principals.find(principal => principal.name === name);
      if (one === undefined || actions.some(action => one.actions.has(action))) continue;
      scene.report(
        ['freezes', index, 'except', place],
        `lets nobody through: ${quote(name)} may ask for ${listNames([...one.actions])} only`,
      );
    }
  }
}

const namesIn = (value: Kept | undefined): string[] =>
  Array.isArray(value) ? value.filter((name: Kept) => typeof name === 'string') : [];
