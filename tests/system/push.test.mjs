// Users who are not connected: a hook is told, the call waits, and rings where the user comes. The hook is an
// HTTP server of this file.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { confText, Gateway, program } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { openPoll } from '../lib/poll.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { run, tempDir, until, wholeFile, withDeadline } from '../lib/proc.mjs'

const secret = 'what the hook and the gateway know', hold = 2500
const target = { host: '127.0.0.1', port: 5060 }
let gateway, peer, hook

// Answers each request as `answer` says; `next()` is the next one that came, its body parsed.
class Hook {
    static async start(scope) {
        const made = new Hook()
        Object.assign(made, { came: [], waiters: [], answer: (request, response) => response.writeHead(204).end() })
        made.server = http.createServer((request, response) => {
            let body = ''
            request.on('data', (data) => (body += data)).on('end', () => {
                const one = { request, body, get json() { return JSON.parse(body) } }
                const waiter = made.waiters.shift()
                if (waiter) waiter(one)
                else made.came.push(one)
                made.answer(request, response)
            })
        })
        await new Promise((resolve) => made.server.listen(9099, '127.0.0.1', resolve))
        scope.after(() => (made.server.closeAllConnections(), made.server.close()))
        return made
    }

    next() {
        const one = this.came.shift()
        return withDeadline(one ? Promise.resolve(one) : new Promise((resolve) => this.waiters.push(resolve)), 4000, 'the hook is asked')
    }
}

before(async () => {
    hook = await Hook.start(wholeFile)
    const dir = tempDir(wholeFile, 'secret')
    writeFileSync(path.join(dir, 'hook'), secret + '\n')
    gateway = await Gateway.start(wholeFile, {
        push: { url: 'http://127.0.0.1:9099/wake?x=1', secret: `file:${dir}/hook`, bearer: 'hook-token', timeout_ms: 700, hold_ms: hold, per_user_max: 2, registrations_max: 6, requests_max: 4 },
        web: { resume_ms: 20000 },
    })
    peer = WebPeer.start(wholeFile)
})

const stat = async (name) => (await gateway.ctl('stats'))[name]
const phone = (t, params) => Phone.open(t, gateway, peer, params)
const web = { kind: 'web', endpoint: 'https://push.test/abc', keys: { p256dh: 'BNc', auth: 'tBH' } }

// Was logged in, has a registration, and is not there.
async function sleeper(t, name, registration = web) {
    const once = await gateway.open(t, name)
    await once.call('push.register', registration)
    await once.close()
    await until(async () => !(await gateway.ctl('sessions')).some(({ user }) => user === name), `${name} is gone`)
}

async function forget(t, name, endpoint = web.endpoint) {
    const once = await gateway.open(t, name)
    await once.call('push.unregister', { endpoint })
    await once.close()
}

const ladder = async (id) => (await gateway.ctl('call', 'ladder', id)).rows.filter(({ proto }) => proto === 'PUSH').map(({ text }) => text)

async function invite(t, user) {
    const caller = await SipPeer.open(t)
    const dialog = caller.request('INVITE', `sip:${user}@127.0.0.1:5060`, target, { body: sdp() })
    await caller.expect(100)
    return { caller, dialog }
}

test('a SIP call wakes a user: the hook is told, signed; the user comes, and it rings there', async (t) => {
    await sleeper(t, 'anna')
    assert.equal((await gateway.ctl('status')).push_registrations, 1)
    const { caller, dialog } = await invite(t, 'anna')
    const { request, body, json } = await hook.next()
    assert.deepEqual([request.method, request.url, request.headers['content-type'], request.headers.authorization], ['POST', '/wake?x=1', 'application/json', 'Bearer hook-token'])
    const [, at, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(request.headers['x-causeway-signature'])
    assert.equal(mac, createHmac('sha256', secret).update(`${at}.${body}`).digest('hex'))
    assert.ok(Math.abs(at - Date.now() / 1000) < 60)
    assert.deepEqual({ ...json, call: undefined, from: undefined }, { event: 'call.wake', user: 'anna', call: undefined, from: undefined, registrations: [web], hold_ms: hold })
    assert.match(json.call, /^[0-9a-z]{13}$/i)
    assert.match(json.from.uri, /tester/)
    assert.equal((await gateway.ctl('pushes', 'anna'))[0].waiting, 1)
    const anna = await phone(t, 'anna')
    const incoming = await anna.incoming()
    assert.equal(incoming.gatewayId, json.call)
    await caller.expect(180)
    await incoming.answer()
    SipPeer.follow(dialog, await caller.expect(200))
    caller.request('ACK', dialog.target, target, { dialog })
    await incoming.end()
    await caller.expect('BYE')
    const rows = await ladder(json.call)
    assert.equal(rows[0], 'asks to wake anna')
    assert.ok(rows.some((text) => /^anna came after \d+ ms$/.test(text)), String(rows))
    assert.deepEqual([await stat('wakes'), await stat('wakes_answered'), await stat('calls_held')], [1, 1, 0])
    await forget(t, 'anna')
})

test('a call from a browser wakes; the callee comes by long-polling', async (t) => {
    await sleeper(t, 'bert', { kind: 'fcm', endpoint: 'device-token' })
    const carl = await phone(t, 'carl')
    const call = await carl.start('user:bert')
    assert.deepEqual((await hook.next()).json.registrations, [{ kind: 'fcm', endpoint: 'device-token' }])
    const bert = Object.assign(new Phone(), { peer, client: await openPoll(t, gateway, 'bert') })
    const incoming = await bert.incoming()
    await Promise.all([incoming.answer(), call.answered()])
    await call.end()
    await incoming.ended()
    await bert.client.call('push.unregister', { endpoint: 'device-token' })
    await bert.client.close()
})

test('nobody comes: 480 with a reason, unavailable with a text', async (t) => {
    await sleeper(t, 'anna')
    const { caller } = await invite(t, 'anna')
    const carl = await phone(t, 'carl')
    const call = await carl.start('user:anna')
    assert.equal((await hook.next()).json.user, 'anna')
    const second = await hook.next()
    const started = performance.now()
    const refused = await caller.expect(480)
    assert.ok(refused)
    const end = await call.ended()
    assert.deepEqual([end.reason, end.by], ['unavailable', 'gateway'])
    assert.match(JSON.stringify(end), /woken and did not come/)
    assert.ok(performance.now() - started > 1000)
    assert.ok((await ladder(second.json.call)).includes('the user was woken and did not come'))
    assert.equal(await stat('calls_held'), 0)
    await forget(t, 'anna')
})

const failures = [
    ['answers 500', (request, response) => response.writeHead(500).end()],
    ['answers 302 to somewhere', (request, response) => response.writeHead(302, { location: 'http://127.0.0.1:9099/other' }).end()],
    ['does not answer', () => {}],
    ['cuts the connection', (request) => request.socket.destroy()],
    ['answers with too much', (request, response) => response.writeHead(200).end('x'.repeat(100000))],
]
for (const [name, answer] of failures)
    test(`a hook that ${name}: the call fails at once`, async (t) => {
        const was = await stat('wakes_failed')
        await sleeper(t, 'anna')
        hook.answer = answer
        t.after(() => (hook.answer = (request, response) => response.writeHead(204).end()))
        const { caller } = await invite(t, 'anna')
        await hook.next()
        await caller.expect(480, 2000)
        assert.equal(await stat('wakes_failed'), was + 1)
        assert.equal(hook.came.length, 0, 'no redirect is followed')
        await forget(t, 'anna')
    })

test('a caller who gives up meanwhile: nothing is left', async (t) => {
    await sleeper(t, 'anna')
    const { caller, dialog } = await invite(t, 'anna')
    await hook.next()
    caller.request('CANCEL', 'sip:anna@127.0.0.1:5060', target, { dialog, branch: dialog.branch })
    await caller.expect(487)
    await until(async () => (await stat('calls')) === 0, 'the call is gone')
    assert.equal(await stat('calls_held'), 0)
    const carl = await phone(t, 'carl')
    const call = await carl.start('user:anna')
    await hook.next()
    await carl.client.call('call.end', { call: call.call })
    assert.equal((await call.ended()).reason, 'cancelled')
    const third = await carl.start('user:anna')
    await hook.next()
    await gateway.ctl('call', 'hangup', third.gatewayId)
    await third.ended()
    const anna = await phone(t, 'anna')
    await anna.client.request('ping')
    assert.equal(anna.client.queue.length, 0, 'nothing rings late')
    await anna.client.call('push.unregister', { endpoint: web.endpoint })
    await anna.client.close()
})

test('registrations the push service calls gone are forgotten', async (t) => {
    await sleeper(t, 'anna')
    hook.answer = (request, response) => response.writeHead(200).end(JSON.stringify({ gone: [web.endpoint, 7, 'other'] }))
    t.after(() => (hook.answer = (request, response) => response.writeHead(204).end()))
    const { caller } = await invite(t, 'anna')
    await hook.next()
    await until(async () => (await stat('push_registrations')) === 0, 'forgotten')
    await caller.expect(480)
    const again = await SipPeer.open(t)
    again.request('INVITE', 'sip:anna@127.0.0.1:5060', target, { body: sdp() })
    await again.expect((m) => m.status >= 400, 1000)
    assert.equal(hook.came.length, 0, 'nobody to wake')
})

test('a session that lost its connection: the call waits for session.resume, and comes once', async (t) => {
    const first = await gateway.open(t, { guest: 'dora', resume: true })
    await first.call('push.register', web)
    first.socket.terminate()
    await until(async () => (await gateway.ctl('sessions')).some(({ user, away_ms }) => user === 'dora' && away_ms >= 0), 'dora is away')
    const { caller } = await invite(t, 'dora')
    await hook.next()
    const back = await phone(t, 'other')
    await back.client.close()
    const socket = await (await import('../lib/rpc.mjs')).Client.connect(t, gateway.ws)
    socket.seq = first.seq
    await socket.request('session.resume', { session: first.session.session, token: first.session.resume.token, last_seq: first.seq })
    const incoming = await socket.expect('call.incoming')
    await caller.expect(180)
    await socket.call('call.reject', { call: incoming.call })
    await caller.expect((m) => m.status >= 480)
    await socket.request('ping')
    assert.ok(!socket.queue.some(({ method }) => method === 'call.incoming'))
    await socket.call('push.unregister', { endpoint: web.endpoint })
    await socket.request('session.close')
})

test('a connected user is not woken', async (t) => {
    const anna = await phone(t, 'anna')
    await anna.client.call('push.register', web)
    const { caller } = await invite(t, 'anna')
    const incoming = await anna.incoming()
    await anna.client.call('call.reject', { call: incoming.call })
    await caller.expect((m) => m.status >= 400)
    assert.equal(hook.came.length, 0)
    await anna.client.call('push.unregister', { endpoint: web.endpoint })
})

test('bounds: the oldest of too many goes, in all there is an end; what is not there cannot be taken back', async (t) => {
    const clients = []
    for (const name of ['u1', 'u2', 'u3', 'u4']) clients.push(await gateway.open(t, name))
    for (const client of clients.slice(0, 3)) for (let i = 0; i < 4; i++) await client.call('push.register', { kind: 'web', endpoint: `https://push.test/${i}` })
    assert.equal(await stat('push_registrations'), 6)
    await clients[3].refused('push.register', web, 'overload')
    await clients[0].call('push.register', { kind: 'fcm', endpoint: 'https://push.test/3' })
    assert.equal(await stat('push_registrations'), 6)
    await clients[0].refused('push.unregister', { endpoint: 'https://push.test/0' }, 'not-found')
    for (const bad of [{ endpoint: 'x' }, { kind: 'web', endpoint: '' }, { kind: 'a b', endpoint: 'x' }, { kind: 'web', endpoint: 'x\r\ny' }, { kind: 'web', endpoint: 'x'.repeat(1025) }, { kind: 'web', endpoint: 'x', keys: { 'a b': 'c' } }])
        assert.match((await clients[0].refused('push.register', bad)).kind, /bad-params|unsafe-text|too-large/)
    assert.deepEqual((await gateway.ctl('pushes', 'u1'))[0], { user: 'u1', registrations: 2, kinds: ['web', 'fcm'], waiting: 0 })
    assert.equal((await gateway.ctl('pushes')).length, 3)
    assert.match((await gateway.ctlRun('pushes')).text, /USER +REGISTRATIONS/)
    for (const client of clients.slice(0, 3)) for (const i of [2, 3]) await client.call('push.unregister', { endpoint: `https://push.test/${i}` })
})

test('more calls at once than the hook may be asked for: the rest fails as before', async (t) => {
    await sleeper(t, 'anna')
    hook.answer = () => {}
    t.after(() => (hook.answer = (request, response) => response.writeHead(204).end()))
    const callers = []
    for (let i = 0; i < 8; i++) callers.push(await SipPeer.open(t))
    for (const caller of callers) caller.request('INVITE', 'sip:anna@127.0.0.1:5060', target, { body: sdp() })
    await Promise.all(callers.map((caller) => caller.expect(480, 4000)))
    assert.equal(hook.came.length, 4)
    hook.came.length = 0
    await forget(t, 'anna')
    assert.equal(await stat('calls_held'), 0)
})

test('a hook that cannot be one: causeway -t says so, with file and line', async (t) => {
    for (const url of ['ftp://a/b', 'wake.example', 'https://user:pass@a/']) {
        const file = path.join(tempDir(t, 'conf'), 'causeway.conf')
        writeFileSync(file, confText({ push: { url } }))
        const { code, text } = await run(program, ['-t', '-c', file])
        assert.equal(code, 1)
        assert.match(text, /causeway\.conf:\d+: push\.url/)
    }
})

test('the secrets are nowhere to be read; the gateway ends well with a call that waits', async (t) => {
    await sleeper(t, 'anna')
    const { caller } = await invite(t, 'anna')
    await hook.next()
    const text = JSON.stringify(await gateway.ctl('config', 'show')) + gateway.program.text
    assert.ok(!text.includes(secret) && !text.includes('hook-token'))
    await gateway.stop()
    await caller.expect((m) => m.status >= 400)
})
