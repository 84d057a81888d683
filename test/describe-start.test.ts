import { expect, it } from 'vitest';
import { showPolicies, showStore } from '../src/describe-start.ts';

it.each([
  [
    'postgres://gate:hunter2@db.example.com:5432/interlock?sslmode=require',
    'postgres://gate@db.example.com:5432/interlock',
  ],
  ['postgres://db/interlock?password=hunter2', 'postgres://db/interlock'],
  ['postgres:///interlock?host=/run/postgresql', 'postgres:///interlock?host=/run/postgresql'],
])('the store %s is shown without what may be secret in it', (url, shown) => {
  expect(showStore({ type: 'server', url })).toBe(shown);
});

it('a store in a folder is shown by its path', () => {
  expect(showStore({ type: 'embedded', folder: '/var/lib/interlock' })).toBe('/var/lib/interlock');
});

it.each([
  ['https://bundles.example.com/gate.tar.gz?token=hunter2', 'https://bundles.example.com/gate.tar.gz'],
  ['HTTPS://bundles.example.com/gate.tar.gz?token=hunter2', 'HTTPS://bundles.example.com/gate.tar.gz'],
  ['https://bundles.example.com/gate.tar.gz#hunter2', 'https://bundles.example.com/gate.tar.gz'],
  ['/etc/interlock/what?', '/etc/interlock/what?'],
])('the bundle %s is shown without what may be secret in it', (policies, shown) => {
  expect(showPolicies(policies)).toBe(shown);
});
