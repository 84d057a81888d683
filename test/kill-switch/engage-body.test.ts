import { describe, expect, it } from 'vitest';
import { parseEngage } from '../../src/kill-switch/engage-body.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import type { JsonObject } from '../../src/kit/strict-json.ts';

const everything = { scope: {}, except: [] };

const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `n${at}`);

function mistakesOf(body: JsonObject) {
  const said = parseEngage(body);
  return isRefusal(said)
    ? { status: said.status, pointers: said.reasons.map(({ pointer }) => pointer) }
    : said;
}

describe('an engage of everything', () => {
  it.each([undefined, {}, { scope: {} }, { reason: '' }, { reason: ' ' }, { reason: null }, { except: [] }])(
    'is %j: nothing may stand in the way of stopping',
    body => {
      expect(parseEngage(body)).toEqual(everything);
    },
  );
});

describe('an engage that is refused', () => {
  it('for a field that is not known says which are', () => {
    expect(parseEngage({ action: 'disk.wipe' })).toMatchObject({
      reasons: [{ message: 'The field "action" is not known; known here: scope, reason and except.' }],
    });
  });

  it.each<[JsonObject, string[]]>([
    [{ scope: null }, ['/scope']],
    [{ scope: 'all' }, ['/scope']],
    [{ scope: [] }, ['/scope']],
    [{ scope: [{}] }, ['/scope']],
    [{ scope: false }, ['/scope']],
    [{ scopes: {} }, ['/scopes']],
    [{ action: 'disk.wipe' }, ['/action']],
    [{ 'a/b~c': 1 }, ['/a~1b~0c']],
    [{ scope: { actions: ['disk.wipe'] } }, ['/scope/actions']],
    [{ scope: { action: null } }, ['/scope/action']],
    [{ scope: { action: '' } }, ['/scope/action']],
    [{ scope: { action: ['disk.wipe'] } }, ['/scope/action']],
    [{ scope: { action: 'disk.wipe', dimension: 'region', value: 'eu' } }, ['/scope']],
    [{ scope: { dimension: 'region' } }, ['/scope/value']],
    [{ scope: { value: 'eu' } }, ['/scope/dimension']],
    [{ scope: { dimension: 'region', value: '' } }, ['/scope/value']],
    [{ scope: { dimension: 'region', value: null } }, ['/scope/value']],
    [{ scope: { dimension: 'region', value: ['eu', 'us'] } }, ['/scope/value']],
    [{ reason: 5 }, ['/reason']],
    [{ reason: 'a\0b' }, ['/reason']],
    [{ scope: { action: 'a\0b' } }, ['/scope/action']],
    [{ except: null }, ['/except']],
    [{ except: 'bot' }, ['/except']],
    [{ except: ['bot', '', null, 7] }, ['/except/1', '/except/2', '/except/3']],
    [{ scope: null, reason: 5, except: 'bot', x: 1 }, ['/except', '/reason', '/scope', '/x']],
  ])('is %j, with a pointer to each mistake', (body, pointers) => {
    expect(mistakesOf(body)).toEqual({ status: 422, pointers });
  });

  // Each would be looked for in the turn of the ledger, and be a reason of the answer.
  it.each<[string, JsonObject, string[]]>([
    ['exceptions', { except: many(300_000) }, ['/except']],
    ['exceptions that are none', { except: many(300_000).map(() => 1) }, ['/except']],
    ['fields', Object.fromEntries(many(90_000).map(name => [name, 1])), many(10).map(name => `/${name}`)],
  ])('is one of too many %s', (_what, body, pointers) => {
    expect(mistakesOf(body)).toEqual({ status: 422, pointers });
  });
});

describe('an engage', () => {
  it('of an action, or of a value, with its reason and whom it lets through', () => {
    const rest = { reason: 'wrong disks', except: ['oncall-bot'] };
    for (const scope of [{ action: 'disk.wipe' }, { dimension: 'region', value: 'eu' }]) {
      expect(parseEngage({ scope, ...rest })).toEqual({ scope, ...rest });
    }
  });

  it('lets through as many as a thousand', () => {
    expect(parseEngage({ except: many(1_000) })).toEqual({ scope: {}, except: many(1_000) });
  });

  it('lets one through once, however often it is named', () => {
    expect(parseEngage({ except: ['bot', 'bot'] })).toEqual({ scope: {}, except: ['bot'] });
  });
});
