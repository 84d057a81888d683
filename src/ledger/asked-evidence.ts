import type { ActionLimits, Limits } from '../policy/limits.ts';

/** The evidence that lets a rollout into its next stage. */
export const HEALTH = 'health';

/** The evidence that the limits of an action ask for, of the whole artifact or per dimension. */
export const evidenceAskedOf = ({
  require_evidence: wanted = [],
  stages,
}: Partial<ActionLimits> = {}): readonly { readonly name: string; readonly per?: string }[] => [
  ...wanted,
  ...(stages === undefined ? [] : [{ name: HEALTH }]),
];

/** The names of all evidence that any limit asks for. */
export const askedEvidence = ({ actions }: Pick<Limits, 'actions'>): string[] => [
  ...new Set(
    Object.values(actions)
      .flatMap(evidenceAskedOf)
      .map(({ name }) => name),
  ),
];
