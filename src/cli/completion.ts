// zsh ties `path` to PATH, and has arrays of its own called `commands` and `options`: the scripts use none of these names.
import type { Command, Help, Option } from 'commander';
import { inSingleQuotes as quoted } from './shell-word.ts';

/** What one command takes, as a shell needs it. */
interface Node {
  /** `audit verify`; `''` is the program. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly options: readonly Word[];
  /** Options behind which a value stands, with the values that there are, if they are known. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Of its arguments, as far as they are known. */
  readonly arguments: readonly string[];
}

interface Word {
  readonly word: string;
  readonly says: string;
}

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/**
 * The script that completes commands, options and the values that are written in the program. It asks nobody: no gate, no
 * network, not even this program, so that a key press costs nothing and works when all else is down. Where nothing is known,
 * the shell's own completion of file names goes on.
 */
export function completionScript(shell: Shell, program: Command): string {
  const name = program.name();
  const nodes = nodesOf(program);
  switch (shell) {
    case 'bash':
      return bashScript(name, nodes);
    case 'zsh':
      return zshScript(name, nodes);
    case 'fish':
      return fishScript(name, nodes);
  }
}

function nodesOf(command: Command, path = ''): Node[] {
  const below = command.commands.flatMap(one =>
    nodesOf(one, path === '' ? one.name() : `${path} ${one.name()}`),
  );
  const help = command.createHelp();
  const options = optionsOf(command, help);
  return [
    {
      path,
      words: help
        .visibleCommands(command)
        .map(one => ({ word: one.name(), says: firstLine(one.description()) })),
      options: options.flatMap(option =>
        option.long === undefined ? [] : [{ word: option.long, says: firstLine(option.description) }],
      ),
      values: new Map(
        options.flatMap(option =>
          option.long !== undefined && takesValue(option)
            ? [[option.long, option.argChoices ?? []] as const]
            : [],
        ),
      ),
      arguments: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    },
    ...below,
  ];
}

/** Its own, and those of the command that runs where none is named: `kill --reason` is `kill engage --reason`. */
function optionsOf(command: Command, help: Help): readonly Option[] {
  const own = help.visibleOptions(command);
  const byDefault = defaultOf(command);
  if (byDefault === undefined) return own;
  const known = new Set(own.map(({ long }) => long));
  return [...own, ...optionsOf(byDefault, help).filter(({ long }) => !known.has(long))];
}

/** What `isDefault` named. The parser keeps it, and shows it to nobody; a test sees to it that it still does. */
function defaultOf(command: Command): Command | undefined {
  const name: unknown = Reflect.get(command, '_defaultCommandName');
  return command.commands.find(below => below.name() === name);
}

const takesValue = (option: Option): boolean => option.required || option.optional;
const firstLine = (text: string): string => (text.split('\n')[0] ?? '').replaceAll(/[^\x20-\x7e]/g, '');

const list = (words: readonly string[]): string => quoted(words.join(' '));
const functionName = (name: string): string => `_${name.replaceAll(/[^A-Za-z0-9]/g, '_')}`;

/** Which command the words before the cursor name, in bash and zsh: `chain` grows while it is one of the commands. */
const findPath = (nodes: readonly Node[], words: string): string => `  local chain='' word
  for word in "${words}"; do
    case "\${chain:+$chain }$word" in
      ${nodes.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join('|')}) chain="\${chain:+$chain }$word" ;;
    esac
  done`;

function bashScript(name: string, nodes: readonly Node[]): string {
  const cases = nodes.map(node => {
    const values = [...node.values].map(
      ([option, known]) => `        ${option}) values=${list(known)}; takes=1 ;;`,
    );
    return `    ${quoted(node.path)})
      words=${list([...node.words.map(({ word }) => word), ...node.arguments])}
      options=${list(node.options.map(({ word }) => word))}
      case "$previous" in
${[...values, '        *) ;;'].join('\n')}
      esac ;;`;
  });
  return `# bash completion for ${name}. Add to ~/.bashrc:  source <(${name} completion bash)
${functionName(name)}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local words='' options='' values='' takes=''
${findPath(nodes, '${COMP_WORDS[@]:1:COMP_CWORD-1}')}
  case "$chain" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [ -n "$takes" ]; then
    [ -n "$values" ] && COMPREPLY=($(compgen -W "$values" -- "$current"))
  elif [ "\${current#-}" != "$current" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
  return 0
}
complete -o default -F ${functionName(name)} ${name}
`;
}

function zshScript(name: string, nodes: readonly Node[]): string {
  const described = ({ word, says }: Word): string => quoted(`${word.replaceAll(':', '\\:')}:${says}`);
  const cases = nodes.map(node => {
    const values = [...node.values].map(
      ([option, known]) => `        ${option}) values=(${known.map(quoted).join(' ')}); takes=1 ;;`,
    );
    const words = [...node.words, ...node.arguments.map(word => ({ word, says: '' }))];
    return `    ${quoted(node.path)})
      subcommands=(${words.map(described).join(' ')})
      flags=(${node.options.map(described).join(' ')})
      case "$words[CURRENT-1]" in
${[...values, '        *) ;;'].join('\n')}
      esac ;;`;
  });
  return `#compdef ${name}
# zsh completion for ${name}. Add to ~/.zshrc, after compinit:  source <(${name} completion zsh)
${functionName(name)}() {
  local -a subcommands flags values
  local takes=''
${findPath(nodes, '${(@)words[2,CURRENT-1]}')}
  case "$chain" in
${cases.join('\n')}
  esac
  if [[ -n "$takes" ]]; then
    if (( $#values )); then compadd -a values; else _files; fi
  elif [[ "$words[CURRENT]" == -* ]]; then
    _describe -o option flags
  elif (( $#subcommands )); then
    _describe command subcommands
  else
    _files
  fi
}
if [[ "$funcstack[1]" == ${functionName(name)} ]]; then ${functionName(name)} "$@"; else compdef ${functionName(name)} ${name}; fi
`;
}

function fishScript(name: string, nodes: readonly Node[]): string {
  const fish = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const path = `${functionName(name)}_path`;
  const lines = nodes.flatMap(node => {
    const at = `complete -c ${name} -n ${fish(`test "$(${path})" = "${node.path}"`)}`;
    return [
      ...node.words.map(({ word, says }) => `${at} -f -a ${fish(word)} -d ${fish(says)}`),
      ...node.arguments.map(word => `${at} -f -a ${fish(word)}`),
      ...node.options.map(({ word, says }) => {
        const known = node.values.get(word);
        const value = known === undefined ? '' : known.length > 0 ? ` -x -a ${fish(known.join(' '))}` : ' -r';
        return `${at} -l ${word.replace(/^--/, '')} -d ${fish(says)}${value}`;
      }),
    ];
  });
  return `# fish completion for ${name}. Save as ~/.config/fish/completions/${name}.fish
function ${path}
    set -l chain ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim "$chain $word")
        contains -- $next ${nodes.flatMap(node => (node.path === '' ? [] : [fish(node.path)])).join(' ')}
        and set chain $next
    end
    echo $chain
end
${lines.join('\n')}
`;
}
