// roles.mjs - in a header whose functions name their thread, does each one?
//
// A function has a role (CW_ON_LOOP …), or the header's or its own comment says "any thread", or it
// is pure by the house's naming (_parse, _print, _name, _text …).
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const pure = /_(parse|print|format|name|text|kind|equal|hash|free_data)\b/
const faults = []
const headers = execFileSync('git', ['ls-files', 'src/*.h', 'media/*.h', 'sip/*.h', 'webrtc/*.h'])
    .toString().split('\n').filter(Boolean)
for (const file of headers) {
    const text = readFileSync(file, 'utf8')
    const head = text.slice(0, text.indexOf('*/'))
    if (file.endsWith('role.h') || !/CW_ON_(LOOP|MEDIA|DTLS|ICE|CODEC)/.test(text) || /any thread/i.test(head)) continue
    // Struct bodies hold pointers to functions, not functions.
    const flat = text.replace(/\{[^{}]*\}/g, '{}').replace(/\{[^{}]*\}/g, '{}')
    for (const m of flat.matchAll(/((?:\/\*(?:[^*]|\*(?!\/))*\*\/\s*)?)^((?!typedef|static|#|\s)[^;{}#/]*?\b(cw_\w+)\([^;{}]*\)[^;{}]*);([^\n]*)/gm)) {
        const [, comment, declaration, name, after] = m
        if (/CW_ON_|CW_TSA/.test(declaration) || /any thread|pure/i.test(comment + after) || pure.test(name)) continue
        faults.push(`${file}: ${name} has no thread role`)
    }
}
faults.forEach((fault) => console.log(fault))
process.exit(faults.length ? 1 : 0)
