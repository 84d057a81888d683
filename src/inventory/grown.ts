/** What a load did, or would do, to the number of targets of its kind. */
interface Counted {
  readonly count: number;
  readonly added: number;
  readonly removed: number;
}

/**
 * How many targets there were before a load that made, or would make, more than twice as many of them; undefined of any other, and of the
 * first. No limit stands against growth, and each share grows with it: a source that tells each host under two names loosens them all.
 */
export function grownFrom({ count, added, removed }: Counted): number | undefined {
  const before = count - added + removed;
  return before > 0 && count > 2 * before ? before : undefined;
}
