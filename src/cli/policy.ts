import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Command } from 'commander';
import { buildPolicies, digestFileOf, testPolicies, type Built } from '../policy/compile.ts';
import { OpaMissingError, PolicyBuildError } from '../policy/opa.ts';
import { connect } from './connect.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { withConnection } from './connection-options.ts';
import { shippedChecks } from '../kit/check-rules.ts';
import { policyFolder, shipped } from './policy-folder.ts';
import type { GateOptions } from './gate-connection.ts';
import { jsonLine } from './printable.ts';

const SHOW = 'interlock policy show';
const BUILD = 'interlock policy build ./policies';
const TEST = 'interlock policy test ./policies';
const FOLDER = 'the folder of the policies (default: those of the source, in a checkout of it)';
const NEEDS_OPA = '\n\nNeeds the `opa` command on the PATH, of the version in policies/opa-version.';

const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;

/** `interlock policy show`; and `policy build [--check]` and `policy test`, for policy authors, which need `opa`. */
export function policyCommand(context: CommandContext): Command {
  const policy = new Command('policy')
    .description('show what is in force; build and test policies')
    .addHelpText(
      'after',
      examplesText(SHOW, BUILD, TEST) +
        exitCodesText({
          done: 'done',
          refused: 'build and test: a test fails, or what is there is not what the sources give',
          untold: 'could not tell: no answer, or opa is missing',
        }),
    );
  addShow(policy, context);
  addBuild(policy);
  addTest(policy);
  return policy;
}

function addShow(policy: Command, { terminal, end }: CommandContext): void {
  withConnection(policy.command('show').description('the revision, limits and budgets of a gate'))
    .addHelpText(
      'after',
      examplesText(SHOW, `${SHOW} --json | jq .budgets`) + exitCodesText({ done: 'shown' }),
    )
    .action(async (options: GateOptions) => {
      const { runPolicyShow } = await import('./policy-show.ts');
      end(await runPolicyShow(options.json === true, await connect(options, terminal), terminal));
    });
}

function addBuild(policy: Command): void {
  policy
    .command('build')
    .description('check, test and compile policies into bundle.tar.gz (needs the opa compiler)')
    .argument('[folder]', FOLDER)
    .option('--check', 'build, and only compare with what is there')
    .option('--json', 'say it as JSON')
    .addHelpText(
      'after',
      examplesText(
        BUILD,
        'interlock policy build --check        in CI: fails where the bundle is not what the sources give',
      ) +
        NEEDS_OPA +
        exitCodesText({
          done: 'built',
          refused: 'a check or a test fails, or with --check something differs',
          wrong: 'wrong use',
          untold: 'opa is missing',
        }),
    )
    .action(async (named: string | undefined, options: { check?: boolean; json?: boolean }) => {
      await report(options.json === true, async () => {
        const folder = policyFolder(named);
        // The program's own folder is where the list of checks that ship comes from.
        const built = await buildPolicies(folder, isOwn(folder) ? [] : shippedChecks);
        return options.check === true ? await compare(folder, built) : await write(folder, built);
      });
    });
}

function addTest(policy: Command): void {
  policy
    .command('test')
    .description('check and test policies; every line of every rule must be reached')
    .argument('[folder]', FOLDER)
    .option('--json', 'say it as JSON')
    .addHelpText(
      'after',
      examplesText(TEST, `${TEST} --json`) +
        NEEDS_OPA +
        exitCodesText({
          done: 'all pass',
          refused: 'one fails, or a line of a rule is not reached',
          wrong: 'wrong use',
          untold: 'opa is missing',
        }),
    )
    .action(async (named: string | undefined, options: { json?: boolean }) => {
      await report(options.json === true, async () => {
        const folder = policyFolder(named);
        return await testPolicies(folder);
      });
    });
}

/** What is made, and where it belongs. The types are those of the gate: only its own policies make them. */
const isOwn = (folder: string): boolean => path.resolve(folder) === path.resolve(shipped.folder);

function outputs(folder: string, built: Built): (readonly [string, string | Uint8Array])[] {
  const made = [
    [path.join(folder, 'bundle.tar.gz'), built.bundle],
    [path.join(folder, 'bundle.sha256'), built.digestFile],
    [path.join(folder, 'limits.schema.json'), built.limitsSchema],
  ] as const;
  return isOwn(folder) ? [...made, [shipped.types, built.checkRules]] : [...made];
}

async function write(folder: string, built: Built): Promise<string> {
  for (const [file, content] of outputs(folder, built)) await writeFile(file, content);
  return `Built ${path.join(folder, 'bundle.tar.gz')}, bundle ${digestOf(built.digestFile)}.`;
}

async function compare(folder: string, built: Built): Promise<string> {
  const committed = await readOrNothing(path.join(folder, 'bundle.tar.gz'));
  // Another release of Go may compress otherwise: what is compared is what is inside, and the digest is that of the file.
  const expected = isSameArchive(committed, built.bundle)
    ? { ...built, bundle: committed, digestFile: digestFileOf(committed) }
    : built;
  const differing: string[] = [];
  for (const [file, content] of outputs(folder, expected))
    if (Buffer.compare(await readOrNothing(file), Buffer.from(content)) !== 0)
      differing.push(path.relative(folder, file));
  if (differing.length === 0)
    return `What is there is what the sources give: bundle ${digestOf(expected.digestFile)}.`;
  throw new PolicyBuildError(
    `Not what the sources give: ${differing.join(', ')}. Run \`interlock policy build\` and commit what it makes.`,
  );
}

/** As a gate that reads it names it. */
const digestOf = (digestFile: string): string => `sha256:${digestFile.split(' ')[0] ?? ''}`;

/** What is not there is empty, and nothing that is made is. */
const readOrNothing = async (file: string): Promise<Buffer> =>
  await readFile(file).catch(() => Buffer.alloc(0));

function isSameArchive(there: Uint8Array, made: Uint8Array): boolean {
  try {
    return gunzipSync(there, { maxOutputLength: MAX_BUNDLE_BYTES }).equals(gunzipSync(made));
  } catch {
    return false;
  }
}

async function report(isJson: boolean, work: () => Promise<string>): Promise<void> {
  try {
    const said = await work();
    process.stdout.write(isJson ? `${jsonLine({ ok: true, message: said })}\n` : `${said}\n`);
  } catch (thrown) {
    if (!(thrown instanceof PolicyBuildError) && !(thrown instanceof OpaMissingError)) throw thrown;
    process.exitCode = thrown instanceof OpaMissingError ? 3 : 1;
    if (isJson) process.stdout.write(`${jsonLine({ ok: false, message: thrown.message })}\n`);
    else process.stderr.write(`${thrown.message}\n`);
  }
}
