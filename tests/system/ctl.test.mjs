// The command lines: causeway's options, causewayctl's commands and exit codes.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { baseConf, confText, ctlProgram, Gateway, program } from '../lib/gateway.mjs'
import { run, tempDir, wholeFile } from '../lib/proc.mjs'

let gateway

before(async () => {
    gateway = await Gateway.start(wholeFile)
})

// Writes `text` to a file and runs `causeway` on it.
async function causeway(t, text, ...args) {
    const file = path.join(tempDir(t), 'test.conf')
    writeFileSync(file, text)
    return { file, ...(await run(program, ['-c', file, ...args])) }
}

const faults = [
    ['an unknown section', 'weeb: { };\n', 1, /weeb/],
    ['an unknown option', 'web: {\n  listne = ( "127.0.0.1:8080" );\n};\n', 2, /listne/],
    ['a wrong type', 'web: {\n  message_max_bytes = "big";\n};\n', 2, /message_max_bytes/],
    ['a number out of range', 'media: {\n\n  workers = 1000;\n};\n', 3, /workers.*256/],
    ['a syntax error', 'web: {\n  listen = ;\n};\n', 2, /./],
    ['an unknown option of a record', 'trunk = (\n  { name = "a"; adress = "b"; }\n);\n', 2, /adress/],
]
for (const [name, text, line, what] of faults)
    test(`causeway -t: ${name} is named with file and line`, async (t) => {
        for (const args of [['-t'], ['--print-config'], []]) {
            const { file, code, text: said } = await causeway(t, text, ...args)
            assert.equal(code, 1)
            assert.ok(said.includes(`${file}:${line}:`), said)
            assert.match(said, what)
        }
    })

test('causeway -t names every fault, not only the first', async (t) => {
    const { text } = await causeway(t, 'web: {\n  a = 1;\n  b = 2;\n};\n', '-t')
    assert.ok(text.includes(':2:') && text.includes(':3:'), text)
})

test('causeway -t: a good file', async (t) => {
    const { code } = await causeway(t, confText(baseConf), '-t')
    assert.equal(code, 0)
})

test('causeway -t: things that can only be wrong together', async (t) => {
    const key = path.join(tempDir(t), 'none.pem')
    for (const conf of [{ key: [{ id: 'a', algorithm: 'HS256', secret: 'short' }] }, { key: [{ id: 'a', algorithm: 'none', secret: 's'.repeat(40) }] }, { key: [{ id: 'a', algorithm: 'ES256', public_key: key }] }]) {
        const { code, text } = await causeway(t, confText({ ...baseConf, ...conf }), '-t')
        assert.equal(code, 1, JSON.stringify(conf))
        assert.ok(text.trim(), 'says why')
    }
})

test('--print-config is a configuration, and prints itself', async (t) => {
    const first = await causeway(t, confText({ ...baseConf, trunk: [{ name: 'a', address: '127.0.0.1', password: 'hush' }] }), '--print-config')
    assert.equal(first.code, 0)
    assert.ok(!first.text.includes('hush'))
    const second = await causeway(t, first.text, '--print-config')
    assert.equal(second.text, first.text)
})

test('--print-sample is a configuration', async (t) => {
    const sample = await run(program, ['--print-sample'])
    assert.equal(sample.code, 0)
    assert.equal((await causeway(t, sample.text, '-t')).code, 0)
})

test('--version tells version, compiler and libraries; --help every option', async () => {
    const { code, text } = await run(program, ['--version'])
    assert.equal(code, 0)
    for (const word of [/causeway \d+\.\d+\.\d+/, /gcc|clang/, /sofia/i, /libwebsockets/i]) assert.match(text, word)
    const help = await run(program, ['--help'])
    for (const option of ['--config', '--check', '--demo', '--www', '--print-config', '--version']) assert.ok(help.text.includes(option), option)
})

test('a wrong option: exit 2', async () => {
    assert.equal((await run(program, ['--wrong'])).code, 2)
    assert.equal((await run(program, ['word'])).code, 2)
})

test('no such configuration file: exit 1, and its name', async () => {
    const { code, text } = await run(program, ['-c', '/nowhere/causeway.conf'])
    assert.equal(code, 1)
    assert.match(text, /\/nowhere\/causeway\.conf/)
})

test('a port that is taken: exit 1, and which', async (t) => {
    const { code, text } = await causeway(t, confText({ ...baseConf, admin: { socket: path.join(tempDir(t), 'ctl') } }))
    assert.equal(code, 1)
    assert.match(text, /:(8080|5060|7000)\b/)
})

test('a live admin socket is not taken over', async (t) => {
    const conf = { ...baseConf, admin: { socket: gateway.socket }, web: { listen: ['127.0.0.1:8081'] }, sip: { listen: ['udp:127.0.0.1:5061'] }, media: { ...baseConf.media, browser_port: 7100 } }
    const { code, text } = await causeway(t, confText(conf))
    assert.equal(code, 1)
    assert.ok(text.includes(gateway.socket), text)
    await gateway.ctl('status')
})

test('the admin socket is for the group only', () => {
    assert.equal(statSync(gateway.socket).mode & 0o007, 0)
})

const commands = [['status'], ['sessions'], ['calls'], ['trunks'], ['stats'], ['log', 'level'], ['config', 'show']]
for (const words of commands)
    test(`causewayctl ${words.join(' ')}: for people and as JSON`, async () => {
        const plain = await gateway.ctlRun(...words)
        assert.equal(plain.code, 0, plain.text)
        const json = await gateway.ctlRun('-j', ...words)
        assert.equal(json.code, 0)
        assert.equal(typeof JSON.parse(json.text), 'object')
    })

test('causewayctl log level sets one module', async () => {
    await gateway.ctl('log', 'level', 'sip', 'error')
    const levels = await gateway.ctl('log', 'level')
    assert.deepEqual([levels.sip, levels.api], ['error', 'debug'])
    assert.equal((await gateway.ctlRun('log', 'level', 'sip', 'loud')).code, 1)
})

const exits = [
    ['no command', [], 2], ['an unknown command', ['fly'], 2], ['too few words', ['call'], 2], ['a missing argument', ['call', 'show'], 2],
    ['a call that is not there', ['call', 'show', '0123456789abc'], 1], ['an id that is none', ['call', 'hangup', '../etc'], 1], ['an unknown option', ['--fly', 'status'], 2],
]
for (const [name, words, code] of exits)
    test(`causewayctl: ${name}: exit ${code}`, async () => {
        const result = await gateway.ctlRun(...words)
        assert.equal(result.code, code, result.text)
        assert.ok(result.text.trim())
    })

test('causewayctl without a gateway: exit 3', async (t) => {
    assert.equal((await run(ctlProgram, ['-s', path.join(tempDir(t), 'none'), 'status'])).code, 3)
})

test('causewayctl config check needs no gateway', async (t) => {
    const file = path.join(tempDir(t), 'a.conf')
    writeFileSync(file, 'web: {\n  nope = 1;\n};\n')
    const bad = await run(ctlProgram, ['config', 'check', file])
    assert.equal(bad.code, 1)
    assert.ok(bad.text.includes(`${file}:2:`), bad.text)
    writeFileSync(file, confText(baseConf))
    assert.equal((await run(ctlProgram, ['config', 'check', file])).code, 0)
})

test('causewayctl --help lists every command', async () => {
    const { code, text } = await run(ctlProgram, ['--help'])
    assert.equal(code, 0)
    for (const word of ['status', 'sessions', 'calls', 'call show', 'call hangup', 'call ladder', 'trunks', 'log level', 'config check', '-j']) assert.ok(text.includes(word), word)
})

for (const signal of ['SIGTERM', 'SIGINT'])
    test(`${signal}: status 0, and the socket is gone`, async (t) => {
        const dir = tempDir(t)
        const other = await Gateway.start(t, { web: { listen: ['127.0.0.1:8082'] }, sip: { listen: ['udp:127.0.0.1:5064'] }, media: { browser_port: 7200 }, admin: { socket: path.join(dir, 'ctl') } }, {})
        other.socket = path.join(dir, 'ctl')
        await other.stop(signal)
        assert.ok(!existsSync(other.socket))
    })

test('the gateway ends well', () => gateway.stop())
