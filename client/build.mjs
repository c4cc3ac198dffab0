// Builds dist/: causeway.js (ES module), causeway.umd.js (script tag, require), types/, and www/,
// the folder a gateway serves. Fails when the library outgrows its bound.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], {
    stdio: 'inherit',
});
await build({ ...common, format: 'esm', outfile: 'dist/causeway.js', banner: { js: notice }, mangleProps: inner() });
universal();
await preflight();

mkdirSync('dist/www');
for (const file of ['causeway.js', 'causeway.umd.js', 'preflight.js', 'preflight.umd.js'])
    for (const each of [file, `${file}.map`]) cpSync(join('dist', each), join('dist/www', each));
cpSync('phone', 'dist/www', { recursive: true });

/* Members that only the library itself uses, which are private or marked so, get short names, unless something
   of the types, the messages, the browser or the language is called the same. */
function inner() {
    const taken = new Set();
    const take = (text) => (text.match(/[A-Za-z_$][\w$]*/g) ?? []).forEach((word) => taken.add(word));
    const compilers = 'node_modules/@typescript';
    const libraries = join(compilers, readdirSync(compilers)[0], 'lib');
    for (const file of readdirSync(libraries).filter((each) => /^lib\.(dom|es\d+).*\.d\.ts$/.test(each))) take(readFileSync(join(libraries, file), 'utf8'));
    for (const file of readdirSync('dist/types').filter((each) => each.endsWith('.d.ts')))
        take(readFileSync(join('dist/types', file), 'utf8').replace(/\/\*[^]*?\*\//g, '').replace(/^ *(private|protected) .*/gm, ''));
    const members = new Set();
    for (const file of readdirSync('src')) {
        const text = readFileSync(join('src', file), 'utf8');
        for (const [, quoted] of text.matchAll(/'([^'\n]*)'/g)) take(quoted);
        for (const [, name] of text.matchAll(/\b(?:private|protected|@internal.*\n) *(?:(?:private|protected|static|readonly|async|get) +)*(\w{3,})/g)) members.add(name);
    }
    return new RegExp(`^(${[...members].filter((name) => !taken.has(name)).join('|')})$`);
}

/* For script tags and require(): the module's own text, its exports given to whoever wants them. */
function universal() {
    const [head, code] = readFileSync('dist/causeway.js', 'utf8').split('\n');
    const [, body, exported] = /^(.*)export\{([^}]*)\};?$/.exec(code);
    const members = exported.split(',').map((each) => each.split(' as ')).map(([name, as = name]) => `${as}:${name}`);
    const around = [
        '(function(r,f){typeof module=="object"&&module.exports?module.exports=f():',
        'typeof define=="function"&&define.amd?define(f):r.Causeway=f()})',
        '(typeof self!="undefined"?self:this,function(){"use strict";',
    ].join('');
    const map = JSON.parse(readFileSync('dist/causeway.js.map', 'utf8'));
    map.mappings = `;${map.mappings}`; // one line more before the code
    for (const ending of ['js', 'cjs']) { // Node takes .js of an ES module package for a module
        const file = join('dist', `causeway.umd.${ending}`);
        writeFileSync(file, `${head}\n${around}\n${body}return{${members}}});\n//# sourceMappingURL=causeway.umd.${ending}.map\n`);
        writeFileSync(`${file}.map`, JSON.stringify(map));
    }
}

/* Beside the library, not in it. */
async function preflight() {
    await build({ ...common, entryPoints: ['src/preflight.ts'], format: 'esm', outfile: 'dist/preflight.js', external: ['./index.js'], banner: { js: notice } });
    const text = readFileSync('dist/preflight.js', 'utf8').replace('"./index.js"', '"./causeway.js"');
    writeFileSync('dist/preflight.js', text);
    const script = text
        .replace(/import\{([^}]*)\}from"[^"]*";/, (_, names) => `(function(C){"use strict";const{${names.replace(/ as /g, ':')}}=C;`)
        .replace(/export\{(\w+) as preflight\};/, 'C.preflight=$1})(Causeway);')
        .replace('preflight.js.map', 'preflight.umd.js.map');
    writeFileSync('dist/preflight.umd.js', script);
    cpSync('dist/preflight.js.map', 'dist/preflight.umd.js.map');
}

const sizes = [];
let over = false;
for (const file of ['causeway.js', 'causeway.umd.js']) {
    const text = readFileSync(join('dist', file));
    const packed = gzipSync(text, { level: 9 }).length;
    sizes.push(`${file}: ${text.length} bytes, ${packed} gzipped of ${GZIP_MAX_BYTES} allowed`);
    over ||= packed > GZIP_MAX_BYTES;
}
console.log(sizes.join('\n'));
writeFileSync('dist/size.txt', `${sizes.join('\n')}\n`); // for ./check
if (over) process.exit(1);
