import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { asError } from '../kit/fault.ts';

/** The sources cannot be compiled, a test fails, or what is committed is not what they give: a sentence for people. */
export class PolicyBuildError extends Error {
  override readonly name = 'PolicyBuildError';
}

/** The compiler is not there, or is another one than the one pinned. */
export class OpaMissingError extends Error {
  override readonly name = 'OpaMissingError';
}

/** The pinned version of `opa` stands in this file of the folder, and nowhere else. */
const VERSION_FILE = 'opa-version';

/** Runs the compiler in a folder, and gives what it says. */
export type Opa = (args: readonly string[], cwd: string) => Promise<string>;

/**
 * Finds the compiler, on the PATH or where `go install` puts it.
 * @throws OpaMissingError when it is not there, or of another version than the one pinned
 */
export async function findOpa(folder: string): Promise<Opa> {
  const pinned = (await readFile(path.join(folder, VERSION_FILE), 'utf8')).trim();
  if (pinned === '')
    throw new PolicyBuildError(
      `${path.join(folder, VERSION_FILE)} is blank: it says which \`opa\` builds the policies.`,
    );
  const install = `Install it with \`go install github.com/open-policy-agent/opa@v${pinned}\`.`;
  const found: string[] = [];
  for (const command of ['opa', path.join(homedir(), 'go', 'bin', 'opa')]) {
    const version = await versionOf(command);
    if (version === pinned) return async (args, cwd) => await run(command, args, cwd);
    if (version !== undefined) found.push(version);
  }
  throw new OpaMissingError(
    found.length === 0
      ? `The compiler \`opa\` ${pinned} is not there. ${install}`
      : `The compiler \`opa\` is ${found.join(' and ')}; policies are built with ${pinned}. ${install}`,
  );
}

async function versionOf(command: string): Promise<string | undefined> {
  const text = await promisify(execFile)(command, ['version']).then(
    ({ stdout }) => stdout,
    () => '',
  );
  return /^Version: (\S+)$/m.exec(text)?.[1];
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, [...args], { cwd, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (thrown) {
    const said = z.object({ stdout: z.string(), stderr: z.string() }).safeParse(thrown);
    const output = said.success ? `${said.data.stderr}${said.data.stdout}`.trim() : asError(thrown).message;
    throw new PolicyBuildError(`opa ${args[0]} failed:\n${output}`);
  }
}
