// Builds dist/: causeway.js (ES module), causeway.umd.js (script tag, require), types/, and www/,
// the folder a gateway serves. Fails when the library outgrows its bound.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const GZIP_MAX_BYTES = 15 * 1024;

const here = dirname(fileURLToPath(import.meta.url));
process.chdir(here);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

const common = {
    entryPoints: ['src/index.ts'],
    bundle: true,
    minify: true,
    sourcemap: true,
    target: 'es2020',
    define: { CAUSEWAY_VERSION: JSON.stringify(version) },
    legalComments: 'none',
    logLevel: 'warning',
};
const notice = `/*! causeway.js ${version}, LGPL-2.1-or-later */`;
const umd = [
    '(function(r,f){typeof module==="object"&&module.exports?module.exports=f():',
    'typeof define==="function"&&define.amd?define(f):r.Causeway=f()})',
    '(typeof self!=="undefined"?self:this,function(){var module={exports:{}};',
].join('');

rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], {
    stdio: 'inherit',
});
await build({ ...common, format: 'esm', outfile: 'dist/causeway.js', banner: { js: notice } });
for (const ending of ['js', 'cjs']) // Node takes .js of an ES module package for a module
    await build({
        ...common,
        format: 'cjs',
        outfile: `dist/causeway.umd.${ending}`,
        banner: { js: `${notice}\n${umd}` },
        footer: { js: 'return module.exports});' },
    });

mkdirSync('dist/www');
for (const file of ['causeway.js', 'causeway.umd.js'])
    for (const each of [file, `${file}.map`]) cpSync(join('dist', each), join('dist/www', each));
cpSync('phone', 'dist/www', { recursive: true });

let over = false;
for (const file of ['causeway.js', 'causeway.umd.js']) {
    const text = readFileSync(join('dist', file));
    const packed = gzipSync(text, { level: 9 }).length;
    console.log(`${file}: ${text.length} bytes, ${packed} gzipped of ${GZIP_MAX_BYTES} allowed`);
    over ||= packed > GZIP_MAX_BYTES;
}
if (over) process.exit(1);
