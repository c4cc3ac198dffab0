// A newcomer's first minutes: a clean clone, ./quickstart, the page dials echo, the voice comes back;
// then Ctrl-C, and nothing is left.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { Browser, browsers, WebPhone } from '../lib/browser.mjs'
import { listens, processes, Program, run, tempDir, top, until, wholeFile } from '../lib/proc.mjs'

let clone, gateway
const runtime = process.env.XDG_RUNTIME_DIR

const quickstart = (ms) => {
    const started = Date.now()
    const program = new Program(wholeFile, 'quickstart', './quickstart', [], { cwd: clone, stopSignal: 'SIGINT' })
    return program.waitFor(/causeway \d+\.\d+\.\d+: http:/, ms).then(() => ({ program, took: Date.now() - started }))
}

before(async () => {
    clone = path.join(tempDir(wholeFile, 'clone'), 'causeway')
    const { code, text } = await run('git', ['clone', '-q', top, clone])
    assert.equal(code, 0, text)
})

test('./quickstart: builds with progress, tells the address and three commands', async () => {
    const { program } = await quickstart(240000)
    gateway = program
    for (const step of ['[1/4]', '[2/4]', '[3/4]', '[4/4]']) assert.ok(program.text.includes(step), step)
    assert.match(program.text, /http:\/\/127\.0\.0\.1:8080\//)
    const commands = [...program.text.matchAll(/^ *(build\/causewayctl [a-z]+)/gm)].map(([, command]) => command)
    assert.ok(commands.length >= 3, program.text)
    const [file, ...words] = commands[0].split(' ')
    const { code, text } = await run(path.join(clone, file), words)
    assert.equal(code, 0, text)
    assert.ok(!existsSync('/usr/sbin/policy-rc.d') || !program.text.includes('installing'), 'policy-rc.d was left behind')
})

for (const kind of browsers)
    test(`${kind}: dials echo and hears itself, without any setting`, async (t) => {
        const browser = await Browser.launch(t, kind)
        const phone = await WebPhone.open(t, browser, 'http://127.0.0.1:8080', 'anna')
        await phone.dial('echo')
        await phone.waitState('active')
        await phone.hears(1000)
        await phone.hangup()
        await phone.waitEnd()
        assert.deepEqual(phone.errors, [])
    })

test('only loopback listens for pages and SIP', async () => {
    const { text } = await run('ss', ['-Hltn'])
    for (const port of [8080, 5060]) {
        const lines = text.split('\n').filter((line) => line.includes(`:${port} `))
        assert.ok(lines.length)
        for (const line of lines) assert.match(line, /127\.0\.0\.1:|\[::1\]:/)
    }
})

test('Ctrl-C: no process, socket or file is left', async () => {
    const pid = gateway.pid
    const end = await gateway.stop('SIGINT')
    assert.equal(end.code, 0)
    assert.deepEqual(processes(/causeway/).filter((p) => p.pid === pid || /build\/causeway/.test(p.line)), [])
    for (const port of [8080, 5060]) assert.ok(!listens(port, 'tcp') && !listens(port, 'udp'), `port ${port}`)
    assert.deepEqual(readdirSync(runtime).filter((name) => name.startsWith('causeway')), [])
    const { text } = await run('git', ['-C', clone, 'status', '--porcelain'])
    assert.equal(text, '')
})

test('the second start is quick', async () => {
    const { program, took } = await quickstart(30000)
    assert.ok(took < 8000, `${took} ms`)
    await until(() => listens(8080, 'tcp'), 'it serves')
    assert.equal((await program.stop('SIGINT')).code, 0)
})
