import type { Limits } from '../policy/limits.ts';

/** The evidence that lets a rollout into its next stage. */
export const HEALTH = 'health';

/** The names of all evidence that any limit asks for. */
export const askedEvidence = ({ actions }: Pick<Limits, 'actions'>): string[] => [
  ...new Set(
    Object.values(actions).flatMap(({ require_evidence: wanted = [], stages }) => [
      ...wanted.map(({ name }) => name),
      ...(stages === undefined ? [] : [HEALTH]),
    ]),
  ),
];
