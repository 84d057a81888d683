import { z } from 'zod';
import { anyJson, count, digest, time } from './answers.ts';

const matches = { matches: count.describe('Targets that it stands for now; 0 guards nothing') };

/** What decides, and what of it limits nothing. */
export const policy = z.strictObject({
  revision: digest,
  digest,
  active: z.boolean().describe('Whether all gates on the store are to decide with this revision'),
  bundle: z
    .strictObject({ revision: z.string(), digest })
    .describe('`digest` is of the bundle as it was read; `revision` is what its `.manifest` says'),
  checks: z.array(z.looseObject({ name: z.string(), idle: z.boolean() })),
  limits: anyJson,
  profiles: z
    .array(
      z.strictObject({
        action: z.string(),
        profile: z.string().describe('`destroy@1`'),
        idle: z
          .array(
            z.strictObject({
              key: z.string().describe('Below the entry: `max_share.cell`, `windows[5]`'),
              item: z
                .string()
                .optional()
                .describe(
                  'What the item of a list says that `key` names by its place: `per region, over 24h`',
                ),
              why: z.string(),
              kind: z.string(),
              lacks: z
                .strictObject({ what: z.string(), name: z.string().optional() })
                .describe('What the kind does not declare: a dimension, a label, a weight, or a state'),
            }),
          )
          .describe('What of it limits nothing, for the kind declares no ground for it'),
      }),
    )
    .describe('Where the limits came by `like`'),
  gaps: z
    .strictObject({
      warnings: z.array(
        z.strictObject({
          about: z
            .enum(['numbers_only', 'no_budget', 'own_word'])
            .describe(
              '`numbers_only`: a profile asks what state a target is in, and the kind declares nothing that tells it. `no_budget`: several irreversible actions on one kind have windows of their own, and no budget is over them. `own_word`: who asks also reports outcomes of the action, or loads its inventory',
            ),
          kind: z.string(),
          actions: z.array(z.string()),
          says: z.string(),
          remedy: z.string().describe('What to declare, or to write; with `says` and a colon one sentence'),
        }),
      ),
      unnamed: z
        .array(z.strictObject({ action: z.string(), kind: z.string(), dimensions: z.array(z.string()) }))
        .describe(
          'By action, the dimensions of its kind that none of its limits and no budget names: one request may take all of one value',
        ),
    })
    .optional()
    .describe('What the limits are whole without, and may have been overlooked; refuses nothing'),
  protected: z.array(
    z.union([
      z.strictObject({
        kind: z.string(),
        ids: z.array(z.string()),
        ...matches,
        missing: z
          .array(z.string())
          .optional()
          .describe('Ids of it that are no target now, and guard nothing; absent where there are none'),
      }),
      z.strictObject({
        kind: z.string(),
        selector: z.record(z.string(), z.array(z.string())),
        ...matches,
      }),
    ]),
  ),
  freezes: z.array(
    z.strictObject({
      actions: z.array(z.string()),
      from: time,
      until: time.optional().describe('Absent for one without an end'),
      reason: z.string(),
      except: z.array(z.string()).optional().describe('Requesters that it does not hold'),
      status: z.enum(['to_come', 'in_force', 'over']),
    }),
  ),
  exceptions: z.array(
    z.strictObject({
      id: z.string(),
      action: z.string(),
      set: anyJson.describe('The one limit that it loosens, with the whole value under it'),
      principal: z.string().optional(),
      selector: z
        .record(z.string(), z.array(z.string()))
        .optional()
        .describe('Instead of a principal: all targets of the request must match'),
      owner: z.string(),
      ticket: z.string(),
      until: time,
      max_targets: count.describe('What it may use up, over all requests ever'),
      used: count,
      left: count,
      status: z.enum(['in_force', 'used_up', 'over']),
    }),
  ),
});
