/** Makes docs/refusal.svg: what the real program says of a request that is too broad, on a terminal. `npm run picture` */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiOf, hosts } from '../support/api.ts';
import { keyOf, startGate } from '../support/gate.ts';
import { ansiToSvg } from './ansi-to-svg.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ASKED = 'interlock submit disk.wipe "web-[001-040]" --reason "rack r12 is retired"';

const gate = await startGate({
  config: { actions: { 'disk.wipe': { irreversible: true } } },
  limits: {
    actions: {
      'disk.wipe': {
        max_targets: 50,
        max_share: { fleet: '5%', zone: '5%' },
        require: { state: ['decommissioning'] },
        windows: [{ per: 'fleet', over: '1h', max_targets: 100 }],
      },
    },
  },
});
try {
  const web = hosts('web', 660, { zone: 'eu-1' });
  const others = hosts('db', 1_340, { zone: 'eu-2' });
  await apiOf(gate).put('host', [...web, ...others]);
  const command = ASKED.replace('interlock', `${process.execPath} ${root}dist/main.js`);
  // A terminal of its own: colours are for people.
  const ran = spawnSync('script', ['-qec', `stty cols 110; ${command}`, '/dev/null'], {
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm-256color', INTERLOCK_URL: gate.url, INTERLOCK_KEY: keyOf('bot') },
  });
  if (ran.status !== 1) throw new Error(`it was not refused: ${ran.stdout}${ran.stderr}`);
  const said = ran.stdout
    .replaceAll('\r\n', '\n')
    .replaceAll(gate.url, 'https://gate.example.com')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu, '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55');
  const title =
    'A refusal in the terminal: what was asked, which limit it is over, by how much, and what would pass';
  writeFileSync(`${root}docs/refusal.svg`, ansiToSvg(`\u001b[2m$\u001b[22m ${ASKED}\n${said}`, title));
  console.log('docs/refusal.svg is made');
} finally {
  await gate.close();
}
