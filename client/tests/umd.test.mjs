import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

const names = ['CausewayError', 'connect', 'devices', 'environment', 'version'];
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

test('a script tag gives the global Causeway and nothing else', () => {
    const page = {};
    page.self = page;
    runInNewContext(readFileSync(new URL('../dist/causeway.umd.js', import.meta.url), 'utf8'), page);
    assert.deepEqual(Object.keys(page), ['self', 'Causeway']);
    assert.deepEqual(Object.keys(page.Causeway).sort(), names);
    assert.equal(page.Causeway.version, version);
});

test('the script of preflight adds it to Causeway', () => {
    const page = {};
    page.self = page;
    for (const file of ['causeway.umd.js', 'preflight.umd.js'])
        runInNewContext(readFileSync(new URL(`../dist/${file}`, import.meta.url), 'utf8'), page);
    assert.equal(typeof page.Causeway.preflight, 'function');
});

test('require and import of the package give the same names', async () => {
    const required = createRequire(import.meta.url)('causeway');
    const imported = await import('causeway');
    assert.deepEqual(Object.keys(required).sort(), names);
    assert.deepEqual(Object.keys(imported).sort(), names);
    assert.deepEqual(Object.keys(await import('causeway/preflight')), ['preflight']);
});
