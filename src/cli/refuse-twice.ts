import type { Command, Option } from 'commander';

/**
 * Makes a second value of an option that takes one a wrong use, for a command and all below it: commander keeps the last one, so
 * `kill --action a --action b` would leave `a` running without a word. And so is another option of the command in the place of a
 * value: of `--ticket $T --expect 2` without a T the number was a target. But for the reason of an engage: whatever it is, it stops.
 */
export function refuseTwice(command: Command): void {
  for (const option of command.options) if (takesOne(option)) watch(command, option);
  for (const below of command.commands) refuseTwice(below);
}

/** Lists take several, and so does what starts with one to add to; a flag says nothing new the second time. */
const takesOne = (option: Option): boolean =>
  (option.required || option.optional) && !option.variadic && !Array.isArray(option.defaultValue);

function watch(command: Command, option: Option): void {
  const isReasonToStop = command.name() === 'engage' && option.name() === 'reason';
  let isGiven = false;
  command.on(`option:${option.name()}`, (value?: string) => {
    const [flag] = value?.split('=', 1) ?? [];
    if (!isReasonToStop && command.options.some(({ long }) => long === flag))
      command.error(
        `error: option '${option.flags}' lacks its value: ${flag} is an option; nothing was done`,
      );
    if (isGiven)
      command.error(`error: option '${option.flags}' is given twice, and takes one value; nothing was done`);
    isGiven = true;
  });
}
