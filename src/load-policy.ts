import type { Config } from './config/config.ts';
import { loadLimits } from './config/limits-file.ts';
import type { LimitGaps } from './config/limit-gaps.ts';
import type { TakenProfile } from './config/profiles.ts';
import { policyScope } from './config/policy-scope.ts';
import { canonicalJson } from './kit/canonical-json.ts';
import { sha256 } from './kit/digest.ts';
import type { DiskLane } from './kit/disk-lane.ts';
import { Fault } from './kit/fault.ts';
import type { Logger } from './kit/logger.ts';
import { loadBundle, type Bundle } from './policy/bundle.ts';
import { createPolicy } from './policy/create-policy.ts';
import type { Limits } from './policy/limits.ts';
import type { PolicyRevision } from './ledger/activate.ts';
import type { Policy } from './policy/policy.ts';

/** A loaded policy and the revision it is of. */
export interface LoadedPolicy {
  readonly policy: Policy;
  readonly revision: PolicyRevision;
  /** What the limits took from profiles. */
  readonly profiles: readonly TakenProfile[];
  readonly gaps: LimitGaps;
}

interface ReadPolicy extends Omit<LoadedPolicy, 'policy'> {
  readonly bundle: Bundle;
  readonly limits: Limits;
}

/**
 * Reads the bundle and the limits, and what revision they are.
 * @param disk through which a gate reads the bundle; the limits, which are read on the thread that decides, it has read ahead
 * @throws FileError for the limits file, Fault `policy.unavailable` for the bundle
 */
export async function readPolicy(config: Config, disk?: DiskLane): Promise<ReadPolicy> {
  const bundle = await loadBundle(config.policies, disk);
  const { limits, profiles, gaps } = loadLimits(config.limitsFile, config, bundle.manifests);
  const limitsDigest = sha256(canonicalJson(limits));
  const digest = sha256(
    canonicalJson({ bundle: bundle.digest, limits: limitsDigest, ...policyScope(config) }),
  );
  return {
    bundle,
    limits,
    profiles,
    gaps,
    revision: { digest, bundle: { revision: bundle.revision, digest: bundle.digest }, limitsDigest },
  };
}

/** What was read, ready to be asked. @throws Fault `policy.unavailable` */
export const toLoaded = ({ bundle, limits, ...loaded }: ReadPolicy): LoadedPolicy => ({
  ...loaded,
  policy: createPolicy(bundle, limits),
});

/** @throws FileError for the limits file; a bundle that cannot be loaded leaves the gate without a policy */
export async function loadPolicy(
  config: Config,
  logger: Logger,
  disk: DiskLane,
): Promise<LoadedPolicy | undefined> {
  try {
    return toLoaded(await readPolicy(config, disk));
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    logger.error({ err: thrown }, 'the policy could not be loaded: nothing is decided');
    return undefined;
  }
}
