import type { Kind, Source } from '../config/config.ts';
import { refuse, type Refusal } from '../kit/refusal.ts';
import { didYouMean, quote } from '../kit/text.ts';
import type { LoadQuery } from './load-query.ts';

/**
 * Which of a kind's sources a load is: that of its principal. A forced load is an operator's, who is none of them, and names it.
 * Undefined on a kind with one source.
 */
export function sourceOf(
  kind: Kind,
  by: string,
  { source: named, force }: LoadQuery,
): Source | undefined | Refusal {
  const { sources } = kind;
  if (sources === undefined)
    return named === undefined ? undefined : invalid(`${kind.name} has one source: leave \`source\` out.`);
  const names = sources.map(({ name }) => name);
  const found = sources.find(({ name }) => name === named);
  if (named !== undefined && found === undefined)
    return invalid(`${kind.name} has no source ${quote(named)}${didYouMean(named, names, true)}.`);
  const own = sources.find(({ principal }) => principal === by);
  if (force.size > 0 && own === undefined)
    return found ?? invalid(`A forced load says which source of ${kind.name} it is, with \`source\`.`);
  if (own === undefined || (found !== undefined && found !== own))
    return refuse({
      rule: 'principal.not_allowed',
      message: `${by} is not the principal of ${found === undefined ? `any source of ${kind.name}` : `the source ${found.name}`}.`,
      remedy: 'the principal that the configuration names for the source',
    });
  return own;
}

const invalid = (message: string): Refusal => refuse({ rule: 'request.invalid', message });
