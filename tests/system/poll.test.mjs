// Long-polling: the same sessions without a WebSocket. Calls by it, the way up to a WebSocket in the middle of
// one, and what a client may do wrong.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Gateway } from '../lib/gateway.mjs'
import { Client } from '../lib/rpc.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { openPoll, PollSocket } from '../lib/poll.mjs'
import { ask, raw } from '../lib/http.mjs'
import { check } from '../lib/schema.mjs'
import { until, withDeadline, wholeFile } from '../lib/proc.mjs'

const good = 'https://shop.test', hold = 1500
let gateway, peer, atFirst

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        web: { origins: [good, 'http://127.0.0.1:8080'], poll_hold_ms: hold, ping_timeout_ms: 3000, resume_ms: 1000, resume_call_ms: 3000, rate_per_s: 50, rate_burst: 60, header_timeout_ms: 1500, connections_max: 130 },
    })
    peer = WebPeer.start(wholeFile)
    atFirst = await gateway.usage()
})

const stat = async (name) => (await gateway.ctl('stats'))[name]
const phone = async (t, name, options) => Object.assign(new Phone(), { peer, client: await openPoll(t, gateway, name, options) })
const rpc = (method, params = {}, id = 1) => JSON.stringify({ jsonrpc: '2.0', id, method, params })
const post = (path, body, headers = {}) => ask(gateway.http + path, { method: 'POST', body, headers })
const opened = async (name = 'anna') => (await post('/v1/session', rpc('session.open', { guest: name }))).json.result
const bearer = (link) => ({ authorization: `Bearer ${link}` })
const poll = (link, after, more = {}) => ask(`${gateway.http}/v1/poll?after=${after}`, { headers: bearer(link), ...more })

test('a call by long-polling, both ways, hung up by the callee', async (t) => {
    const anna = await phone(t, 'anna'), bert = await phone(t, 'bert')
    const started = performance.now()
    const call = await anna.start('user:bert')
    const incoming = await bert.incoming()
    await Promise.all([incoming.answer(), call.answered()])
    t.diagnostic(`set up in ${Math.round(performance.now() - started)} ms`)
    await call.tone(1000)
    await until(async () => Math.abs(((await incoming.stats()).sound?.peak_hz ?? 0) - 1000) < 20, 'bert hears 1 kHz', 6000, 50)
    await incoming.end()
    assert.equal((await call.ended()).by, 'peer')
    const [row] = (await gateway.ctl('sessions')).filter(({ user }) => user === 'anna')
    assert.equal(row.link, 'poll')
})

test('up to a WebSocket in the middle of a call: nothing is lost, the call goes on', async (t) => {
    const anna = await phone(t, 'anna')
    const call = await (await anna.start('echo')).answered()
    const { session, resume } = anna.client.session
    const held = anna.client.closed
    const ws = await Client.connect(t, gateway.ws)
    ws.seq = anna.client.seq
    const result = await ws.request('session.resume', { session, token: resume.token, last_seq: anna.client.seq })
    assert.equal(result.resumed, true)
    assert.equal(result.link, undefined)
    assert.equal((await withDeadline(held, 1000, 'the old link ends at once')).code, 401)
    assert.equal((await gateway.ctl('calls')).length, 1)
    call.client = anna.client = ws
    await call.tone(700)
    await until(async () => Math.abs(((await call.stats()).sound?.peak_hz ?? 0) - 700) < 20, 'hears itself', 6000, 50)
    await call.end()
    await until(async () => (await stat('polls')) === 0, 'the poll link is gone')
})

test('from a lost WebSocket to long-polling: what was missed follows', async (t) => {
    const anna = await gateway.open(t, { guest: 'anna', resume: true }), { session, resume } = anna.session
    const bert = await Phone.open(t, gateway, peer, 'bert')
    anna.socket.terminate()
    await until(async () => (await gateway.ctl('sessions')).some(({ user, away_ms }) => user === 'anna' && away_ms >= 0), 'anna is away')
    const call = await bert.start('user:anna')
    const socket = new PollSocket(gateway.http)
    t.after(() => socket.terminate())
    const back = new Client(socket)
    const result = await back.request('session.resume', { session, token: resume.token, last_seq: 0 })
    assert.equal(result.from, 0)
    const incoming = await back.expect('call.incoming')
    await back.request('call.reject', { call: incoming.call })
    assert.equal((await call.ended()).reason, 'declined')
})

test('a poll waits, is answered at once, or with 204 when its time is over', async () => {
    const { link } = await opened()
    const started = performance.now()
    const nothing = await poll(link, 0)
    const waited = performance.now() - started
    assert.deepEqual([nothing.status, nothing.text], [204, ''])
    assert.ok(waited > hold - 300, `${waited}`)
    const waiting = poll(link, 0)
    const started_ = await post('/v1/rpc', rpc('call.start', { call: 'c1', to: 'tel:+999', sdp: 'x' }), bearer(link))
    assert.equal(started_.status, 200)
    check('error', started_.json)
    const pending = await post('/v1/rpc', JSON.stringify({ jsonrpc: '2.0', method: 'ping' }), bearer(link))
    assert.deepEqual([pending.status, pending.text], [204, ''])
    assert.equal((await waiting).status, 204)
    assert.equal((await ask(`${gateway.http}/v1/session`, { method: 'DELETE', headers: bearer(link) })).status, 204)
    assert.equal((await poll(link, 0)).status, 401)
})

test('a newer poll ends an older one; acknowledged messages are not told again', async (t) => {
    const anna = await phone(t, 'anna', { polling: false }), { socket } = anna.client
    const first = socket.poll(), second = socket.poll()
    assert.equal((await first).status, 204)
    const call = (await anna.client.request('call.start', { call: 'c1', to: 'echo', sdp: (await peer.command('web.offer', { id: 900, codecs: ['PCMA'], addr: '127.0.0.1' })).sdp })).call
    const got = await second
    assert.equal(got.status, 200)
    const messages = got.json
    for (const message of messages) check(`notify.${message.method}`, message)
    assert.equal(messages[0].params.seq, 1)
    const again = await socket.poll()
    assert.deepEqual(again.json.slice(0, messages.length), messages, 'not acknowledged: told again')
    await anna.client.request('call.end', { call })
    let after = messages.at(-1).params.seq
    const rest = []
    while (!rest.some(({ method }) => method === 'call.end')) {
        const more = (await poll(socket.link, after)).json
        assert.equal(more[0].params.seq, after + 1)
        rest.push(...more)
        after = more.at(-1).params.seq
    }
    await peer.command('close', { id: 900 })
})

test('errors are JSON with a name: the log-in, the link, the path, the method, the body', async () => {
    const { link } = await opened()
    const cases = [
        [post('/v1/session', rpc('session.open', { token: 'a.b.c' })), 401, 'auth'],
        [post('/v1/session', rpc('session.resume', { session: 'x', token: 'y' })), 401, 'session-gone'],
        [post('/v1/session', rpc('ping')), 400, 'state'],
        [post('/v1/session', '{'), 400, 'parse'],
        [post('/v1/session', '[]'), 400, 'bad-request'],
        [post('/v1/session', ''), 400, 'parse'],
        [post('/v1/rpc', rpc('ping')), 401, 'session-gone'],
        [post('/v1/rpc', rpc('ping'), bearer('x')), 401, 'session-gone'],
        [post('/v1/rpc', rpc('ping'), { authorization: `Basic ${link}` }), 401, 'session-gone'],
        [poll('nobody', 0), 401, 'session-gone'],
        [poll(link, 'x'), 400, 'bad-params'],
        [poll(link, -1), 400, 'bad-params'],
        [ask(`${gateway.http}/v1/poll`, { headers: bearer(link) }), 400, 'bad-params'],
        [ask(`${gateway.http}/v1/session`, { method: 'DELETE' }), 401, 'session-gone'],
        [ask(`${gateway.http}/v1/rpc`, { headers: bearer(link) }), 405, 'unknown-method'],
        [ask(`${gateway.http}/v1/nothing`), 404, 'unknown-method'],
        [ask(`${gateway.http}/v1/ws`), 426, 'bad-request'],
        [post('/v1/rpc', 'x'.repeat(65537), bearer(link)), 413, 'too-large'],
    ]
    for (const [asked, status, kind] of cases) {
        const reply = await asked
        assert.deepEqual([reply.status, reply.json.error.data.kind], [status, kind], reply.text)
        assert.equal(reply.headers['content-type'], 'application/json')
        assert.equal(reply.headers['cache-control'], 'no-store')
    }
    assert.equal((await post('/v1/rpc', rpc('call.fly'), bearer(link))).json.error.data.kind, 'unknown-method')
    assert.equal((await post('/v1/rpc', rpc('ping'), bearer(link))).json.result.now_ms > 0, true)
    await ask(`${gateway.http}/v1/session`, { method: 'DELETE', headers: bearer(link) })
})

test('other origins: preflight and answers for those of the list, 403 for the rest', async () => {
    const preflight = await ask(`${gateway.http}/v1/rpc`, { method: 'OPTIONS', headers: { origin: good, 'access-control-request-method': 'POST' } })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-origin'], good)
    assert.match(preflight.headers['access-control-allow-headers'], /authorization, content-type/)
    assert.match(preflight.headers['access-control-allow-methods'], /GET, POST, DELETE/)
    assert.equal(preflight.headers.vary, 'origin')
    const allowed = await post('/v1/session', rpc('session.open', { guest: 'shop' }), { origin: good })
    assert.deepEqual([allowed.status, allowed.headers['access-control-allow-origin']], [200, good])
    for (const origin of ['https://evil.test', 'https://shop.test.evil.test', 'null', 'https://shop.test/']) {
        for (const asked of [post('/v1/session', rpc('session.open', { guest: 'x' }), { origin }), ask(`${gateway.http}/v1/rpc`, { method: 'OPTIONS', headers: { origin } }),
            ask(`${gateway.http}/v1/poll?after=0`, { headers: { origin, ...bearer(allowed.json.result.link) } })]) {
            const refused = await asked
            assert.deepEqual([refused.status, refused.json.error.data.kind, refused.headers['access-control-allow-origin']], [403, 'forbidden', undefined], origin)
        }
    }
    await ask(`${gateway.http}/v1/session`, { method: 'DELETE', headers: bearer(allowed.json.result.link) })
})

test('too fast: 429 with Retry-After and retry_after_ms, then the link closes', async () => {
    const { link } = await opened('quick')
    const statuses = []
    let limited
    for (let i = 0; i < 400 && statuses.at(-1) !== 401; i++) {
        const reply = await post('/v1/rpc', rpc('ping'), bearer(link))
        statuses.push(reply.status)
        if (reply.status === 429) limited = reply
    }
    assert.ok(limited, 'limited')
    assert.ok(Number(limited.headers['retry-after']) >= 1)
    assert.ok(limited.json.error.data.retry_after_ms >= 1 && limited.json.error.data.kind === 'rate')
    const burst = await Promise.all(Array.from({ length: 300 }, () => poll(link, 0).catch((error) => ({ status: error.code }))))
    assert.ok(burst.every(({ status }) => [204, 429, 401, 'ECONNRESET'].includes(status)), JSON.stringify([...new Set(burst.map(({ status }) => status))]))
    assert.ok(burst.some(({ status }) => status === 429))
})

test('an abandoned poll is noticed; its session waits, then ends', async (t) => {
    await until(async () => (await gateway.ctl('sessions')).length === 0, 'earlier sessions are gone', 12000, 50)
    const { link } = await opened('leaver')
    const conn = raw(t, 8080, `GET /v1/poll?after=0 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer ${link}\r\n\r\n`)
    const sockets = async () => (await gateway.usage()).files.filter((file) => file.startsWith('socket')).length
    await until(async () => (await sockets()) > atFirst.files.filter((file) => file.startsWith('socket')).length, 'it waits')
    const ticks = () => readFileSync(`/proc/${gateway.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, n) => sum + Number(n), 0)
    conn.socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
    const was = ticks(), since = performance.now()
    conn.socket.end()
    await until(async () => (await sockets()) <= atFirst.files.filter((file) => file.startsWith('socket')).length, 'the connection is closed', 4000)
    assert.ok((ticks() - was) * 10 < (performance.now() - since) * 0.5, 'it did not spin')
    await until(async () => (await gateway.ctl('sessions')).length === 0, 'the session has ended', 12000, 50)
    assert.equal(await stat('polls'), 0)
})

test('many: 120 clients wait at once, each is told its own; more are refused with 503', async () => {
    const clients = []
    for (let i = 0; i < 120; i++) clients.push(await opened(`user${i}`))
    const waiting = clients.map(({ link }) => poll(link, 0))
    await until(async () => (await stat('polls')) === 120, 'all are there')
    assert.equal((await ask(`${gateway.http}/healthz`)).status, 200)
    for (let i = 0; i < 120; i += 10) {
        const sent = await post('/v1/rpc', rpc('call.start', { call: 'c', to: 'user:user1', sdp: 'x' }), bearer(clients[i].link))
        assert.ok(sent.json.error)
    }
    const more = []
    for (let i = 0; i < 20; i++) more.push(await post('/v1/session', rpc('session.open', { guest: `more${i}` })))
    const refused = more.filter(({ status }) => status === 503)
    assert.equal(refused.length, 10)
    assert.equal(refused[0].json.error.data.kind, 'overload')
    assert.ok(refused[0].headers['retry-after'])
    assert.ok((await Promise.all(waiting)).every(({ status }) => status === 204))
    for (const { link } of [...clients, ...more.filter(({ status }) => status === 200).map(({ json }) => json.result)]) await ask(`${gateway.http}/v1/session`, { method: 'DELETE', headers: bearer(link) })
    assert.equal(await stat('polls'), 0)
})

test('a session that is not to be resumed is told everything all the same', async (t) => {
    const { link } = (await post('/v1/session', rpc('session.open', { guest: 'short', resume: false }))).json.result
    const { sdp } = await peer.command('web.offer', { id: 901, codecs: ['PCMA'], addr: '127.0.0.1' })
    await post('/v1/rpc', rpc('call.start', { call: 'c1', to: 'echo', sdp }), bearer(link))
    await post('/v1/rpc', rpc('call.end', { call: 'c1' }), bearer(link))
    const told = (await poll(link, 0)).json
    assert.deepEqual([told[0].params.seq, told.at(-1).method], [1, 'call.end'])
    await ask(`${gateway.http}/v1/session`, { method: 'DELETE', headers: bearer(link) })
    await peer.command('close', { id: 901 })
})

test('shutdown: who waits is told so', async (t) => {
    const { link } = await opened('last')
    await until(async () => (await gateway.usage()).files.filter((file) => file.startsWith('socket')).length <= atFirst.files.filter((file) => file.startsWith('socket')).length + 1, 'connections are closed', 8000)
    const waiting = poll(link, 0)
    await until(async () => (await gateway.usage()).files.filter((file) => file.startsWith('socket')).length > atFirst.files.filter((file) => file.startsWith('socket')).length, 'it waits')
    await gateway.stop()
    const told = await waiting
    assert.equal(told.status, 200)
    assert.deepEqual([told.json[0].method, told.json[0].params.reason], ['session.closing', 'shutdown'])
})
