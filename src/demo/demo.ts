import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import picocolors from 'picocolors';
import { systemClock } from '../kit/clock.ts';
import { asError } from '../kit/fault.ts';
import { startGate } from '../scratch/child.ts';
import { startTool } from './tool-child.ts';
import { freshKeys, writeGateFiles, writeToolKey } from './demo-files.ts';
import { inventoryLines, makeFleet, remainingDisks, writeDisks } from './fleet.ts';
import { createGateClient } from '../scratch/gate-client.ts';
import { createProps, type Props } from '../scratch/props.ts';
import { drip, loadInventory, retireRack, runAgain, wholeClass } from './scenes-2014.ts';
import { auditor, killSwitch } from './scenes-brakes.ts';
import type { Rig } from './rig.ts';
import { createTeller, type Teller } from './teller.ts';

export interface DemoOptions {
  /** One JSON document at the end instead of the story as it goes. */
  readonly json: boolean;
  /** Leave the folder with the files, the store and the disks behind, and say where it is. */
  readonly keep?: boolean;
}

const EXIT_AS_TOLD = 0;
const EXIT_NOT_AS_TOLD = 1;
const EXIT_COULD_NOT_TELL = 3;

/**
 * Retells 2014 against a real gate on an embedded store, a tool that really deletes, and a fleet of files; all of it in a temporary
 * folder. Exit code: 0 if all went as told, 1 if a step did not, 3 if the demo itself could not go on.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const paint = picocolors.createColors(!options.json && process.stdout.isTTY && picocolors.isColorSupported);
  const write = (line: string): void => {
    if (!options.json) process.stdout.write(`${line}\n`);
  };
  const teller = createTeller(write, paint);
  const keep = options.keep === true;
  const props = createProps('demo', keep);
  const begunMs = systemClock.monotonicMs();
  try {
    const disks = await tell(teller, props);
    conclude(teller, disks, systemClock.monotonicMs() - begunMs, write, paint);
    const ok = teller.checks().every(check => check.ok);
    if (options.json) console.log(JSON.stringify({ ok, disks, steps: teller.checks() }));
    return ok ? EXIT_AS_TOLD : EXIT_NOT_AS_TOLD;
  } catch (thrown) {
    if (props.interrupted()) return EXIT_COULD_NOT_TELL;
    console.error(`The demo could not go on: ${causeOf(thrown)}`);
    console.error(lastLines(join(props.folder, 'gate.log')));
    if (options.json)
      console.log(JSON.stringify({ ok: false, error: causeOf(thrown), steps: teller.checks() }));
    return EXIT_COULD_NOT_TELL;
  } finally {
    await props.clear();
    if (keep) write(`The gate's files, its store and what is left of the disks: ${props.folder}`);
  }
}

/** How many disks there were, and what became of them, counted on the file system. */
interface Disks {
  readonly before: number;
  readonly gone: number;
  readonly left: number;
}

function conclude(
  teller: Teller,
  disks: Disks,
  tookMs: number,
  write: (line: string) => void,
  paint: ReturnType<typeof picocolors.createColors>,
): void {
  const count = (number: number): string => number.toLocaleString('en');
  const steps = teller.checks();
  const failed = steps.filter(step => !step.ok);
  write('');
  write(
    paint.bold(
      `${count(disks.gone)} of ${count(disks.before)} disks are really gone; ${count(disks.left)} are still there.`,
    ),
  );
  write(
    failed.length === 0
      ? paint.green(`All ${steps.length} steps went as told, in ${(tookMs / 1_000).toFixed(1)} s.`)
      : paint.red(`${failed.length} of ${steps.length} steps did not go as told:`),
  );
  for (const step of failed) write(paint.red(`  ${step.scene} — ${step.what}`));
}

/** The whole story. */
async function tell(teller: Teller, props: Props): Promise<Disks> {
  const rig = await setUp(teller, props);
  await retireRack(rig);
  await runAgain(rig);
  await wholeClass(rig);
  await drip(rig);
  await killSwitch(rig);
  await auditor(rig);
  const left = (await remainingDisks(rig.disksFolder)).size;
  teller.scene('The end');
  teller.check('no more disks are gone than were meant to be', rig.fleet.length - left, 100);
  return { before: rig.fleet.length, gone: rig.fleet.length - left, left };
}

/** A fleet, a tool, a gate before it, and the inventory. */
async function setUp(teller: Teller, props: Props): Promise<Rig> {
  teller.scene('0. A fleet, a tool that wipes disks, and a gate before it');
  const { folder } = props;
  const fleet = makeFleet();
  const disksFolder = join(folder, 'disks');
  await writeDisks(disksFolder, fleet);
  teller.say(`${fleet.length.toLocaleString('en')} machines in three regions; a file stands for each disk.`);

  const toolKey = await writeToolKey(folder);
  const tool = props.add(startTool(disksFolder, toolKey.file));
  const toolUrl = await tool.address;
  teller.say(`The decommission tool listens on ${toolUrl}, to the holder of its key.`);

  const keys = freshKeys();
  const configFile = await writeGateFiles(folder, toolUrl, keys);
  teller.say('Interlock starts; the first time it makes its database, which takes a few seconds.');
  const gate = props.add(startGate(configFile, join(folder, 'gate.log')));
  const gateUrl = await gate.address;
  teller.say(`Interlock listens on ${gateUrl}, on an embedded store, and holds that key.`);

  const rig: Rig = {
    teller,
    gate: createGateClient(gateUrl, keys),
    tool: {
      url: toolUrl,
      key: toolKey.key,
      finishReboots: () => void tool.process.send?.('finish reboots'),
    },
    fleet,
    disksFolder,
    refused: new Set(),
  };
  await loadInventory(rig, inventoryLines(fleet));
  return rig;
}

/** A failed fetch says nothing by itself; its cause does. */
function causeOf(thrown: unknown): string {
  const error = asError(thrown);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n');
  } catch {
    return '(the gate left no log)';
  }
}
