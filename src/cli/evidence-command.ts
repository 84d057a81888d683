import { Argument, Option, type Command } from 'commander';
import { systemClock } from '../kit/clock.ts';
import { connect } from './connect.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { withConnection } from './connection-options.ts';
import type { PostOptions } from './evidence.ts';
import type { GateOptions } from './gate-connection.ts';
import { MOST_SHOWN, readCount } from './read-count.ts';

const POST_EXAMPLES = [
  'interlock evidence post "sha256:$(sha256sum < agent.tar | cut -d\' \' -f1)" canary passed',
  'interlock evidence post "$ARTIFACT" health failed --dimension region --value eu',
];
const LIST_EXAMPLES = [
  'interlock evidence list --artifact "$ARTIFACT"',
  'interlock evidence list --all --json | jq -r \'select(.status == "failed") | .artifact\'',
];

type PostGiven = GateOptions & Omit<PostOptions, 'json' | 'artifact' | 'name' | 'status'>;

interface ListGiven extends GateOptions {
  readonly artifact?: string;
  readonly limit?: number;
  readonly all?: true;
}

/** `interlock evidence`: what others have seen of what is rolled out. */
export function addEvidenceCommand(program: Command, context: CommandContext): void {
  const evidence = program
    .command('evidence')
    .description('say what was seen of an artifact that is rolled out, and read it')
    .addHelpText(
      'after',
      examplesText(...POST_EXAMPLES, ...LIST_EXAMPLES) + exitCodesText({ done: 'recorded, or shown' }),
    );
  addPost(evidence, context);
  addList(evidence, context);
}

function addPost(evidence: Command, { terminal, end }: CommandContext): void {
  withConnection(evidence.command('post').description('say what was seen of an artifact (observer)'))
    .argument('<artifact>', 'what is rolled out, as a digest: sha256:9f2c…')
    .argument('<name>', 'of the evidence, as the limits name it: canary, health')
    .addArgument(new Argument('<status>', 'what was seen').choices(['passed', 'failed', 'unknown']))
    .option('--dimension <label>', 'with --value: what was seen is of that value only')
    .option('--value <value>', 'of the dimension')
    .addHelpText(
      'after',
      examplesText(...POST_EXAMPLES) +
        '\n\nFor a decision the newest of each name and party counts, and never what its requester said itself. A value that passed\nsays nothing of the whole; one that failed fails it.' +
        exitCodesText({
          done: 'recorded, whatever it says',
          untold: 'not known whether it is recorded: saying it again does no harm',
        }),
    )
    .action(async (artifact: string, name: string, status: PostOptions['status'], options: PostGiven) => {
      const { runEvidencePost } = await import('./evidence.ts');
      const { dimension, value, json } = options;
      const said = {
        artifact,
        name,
        status,
        json: json === true,
        ...(dimension !== undefined && { dimension }),
        ...(value !== undefined && { value }),
      };
      end(await runEvidencePost(said, await connect(options, terminal), terminal));
    });
}

function addList(evidence: Command, { terminal, end }: CommandContext): void {
  withConnection(
    evidence.command('list').description('what was seen, the newest first (auditor; an observer its own)'),
  )
    .option('--artifact <digest>', 'of this artifact')
    .option('--limit <n>', 'so many, the newest (default: 50)', readCount(MOST_SHOWN))
    .addOption(new Option('--all', 'all there is').conflicts('limit'))
    .addHelpText(
      'after',
      examplesText(...LIST_EXAMPLES) +
        '\n\nWith --json it is a line each, with all members of GET /v1/evidence.' +
        exitCodesText({ done: 'shown, whether there is some or not' }),
    )
    .action(async ({ artifact, limit, all, json, ...gate }: ListGiven) => {
      const { runEvidenceList } = await import('./evidence.ts');
      const chosen = {
        ...(artifact !== undefined && { artifact }),
        most: all === true ? undefined : (limit ?? 50),
        json: json === true,
      };
      end(await runEvidenceList(chosen, await connect(gate, terminal), terminal, systemClock.wallMs()));
    });
}
