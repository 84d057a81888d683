import { createHash } from 'node:crypto';

/** A target as one revision of the inventory has it. */
export interface Target {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Digest of its declared labels, the state aside. */
  readonly labelsDigest: string;
  /** Value of the kind's state label; null on a kind without. */
  readonly state: string | null;
  /** By name; only where they were asked for, on a kind that declares some. One that is not in it is not known. */
  readonly weights?: Readonly<Record<string, number>>;
  /** By each of several sources that has named it, digest of the labels that it owns; only on a kind with several. */
  readonly saidBy?: Readonly<Record<string, string>>;
}

const made: unique symbol = Symbol('TargetSet');

/** Resolved, sorted by code unit, distinct, never empty, with a digest. Made by `targetSet` only. */
export interface TargetSet {
  readonly [made]: true;
  readonly kind: string;
  /** The revision of the inventory that all of it was read from. */
  readonly revision: number;
  readonly targets: readonly [Target, ...Target[]];
  /** SHA-256 over the ids, sorted, each followed by a line feed. */
  readonly digest: string;
  /** SHA-256 over each target's id, declared labels and state: what must still be so at the claim. */
  readonly labelsDigest: string;
}

/** Freezes what was resolved; undefined for nothing, so that an empty set cannot exist. */
export function targetSet(
  kind: string,
  revision: number,
  resolved: readonly Target[],
): TargetSet | undefined {
  const [first, ...rest] = resolved.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  if (first === undefined) return undefined;
  const ids = createHash('sha256');
  const labels = createHash('sha256');
  for (const target of [first, ...rest]) {
    ids.update(`${target.id}\n`);
    labels.update(`${target.id}\n${target.labelsDigest}\n${target.state ?? ''}\n`);
  }
  return {
    [made]: true,
    kind,
    revision,
    targets: [first, ...rest],
    digest: `sha256:${ids.digest('hex')}`,
    labelsDigest: `sha256:${labels.digest('hex')}`,
  };
}
