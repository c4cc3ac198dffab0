// What browsers' side withstands, measured without the sanitizers: who does not read, more connections than
// descriptors, other people's pages, compression.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import WebSocket from 'ws'
import { Gateway } from '../lib/gateway.mjs'
import { Client } from '../lib/rpc.mjs'
import { ask, raw } from '../lib/http.mjs'
import { residentKib, until, withDeadline, wholeFile } from '../lib/proc.mjs'

const good = 'https://shop.test'
let gateway, listed

before(async () => {
    gateway = await Gateway.start(wholeFile, { log: { level: 'info' }, web: { rate_per_s: 100000, rate_burst: 100000, connections_max: 1000 } })
    listed = await Gateway.start(wholeFile, { web: { listen: ['127.0.0.1:8090'], origins: [good], rate_burst: 20 }, sip: { listen: ['udp:127.0.0.1:5062'] }, media: { browser_port: 7100, rtp_port_min: 30000, rtp_port_max: 30999 } })
})

const stat = async (name) => (await gateway.ctl('stats'))[name]
const ticks = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, n) => sum + Number(n), 0)
const frame = (text) => {
    const body = Buffer.from(text), head = body.length < 126 ? Buffer.from([0x81, 0x80 | body.length]) : Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 255])
    return Buffer.concat([head, Buffer.alloc(4), body])
}

// Logged in, and from then on it only talks.
async function mute(t) {
    const socket = net.connect(8080, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', () => resolve(performance.now())))
    socket.write(['GET /v1/ws HTTP/1.1', 'Host: 127.0.0.1:8080', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: causeway.v1', `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, '', ''].join('\r\n'))
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    socket.write(frame(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'session.open', params: { guest: 'mute', resume: false } })))
    const many = Buffer.concat(Array.from({ length: 200 }, (_, id) => frame(JSON.stringify({ jsonrpc: '2.0', id, method: 'call.fly' }))))
    const talk = () => {
        while (!socket.destroyed && socket.write(many));
        if (!socket.destroyed) socket.once('drain', talk)
    }
    return { talk, closed }
}

test('20 clients that ask and never read: cut, a few megabytes, and others are answered', async (t) => {
    const other = await gateway.open(t, 'other')
    await other.request('ping')
    const before_ = residentKib(gateway.pid), dropped = await stat('api_dropped'), started = performance.now()
    const all = []
    for (let i = 0; i < 10; i++) all.push(await mute(t), await mute(t))
    for (const { talk } of all) talk()
    let over = false, most = 0
    const waits = []
    const ends = withDeadline(Promise.all(all.map(({ closed }) => closed)), 20000, 'all are cut').finally(() => (over = true))
    while (!over) {
        const since = performance.now()
        await other.request('ping')
        waits.push(performance.now() - since)
        most = Math.max(most, residentKib(gateway.pid))
        await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await ends
    waits.sort((a, b) => a - b)
    t.diagnostic(`cut within ${Math.round(performance.now() - started)} ms, ${most - before_} KiB more at most, others waited ${waits[waits.length >> 1].toFixed(1)} ms (median), ${waits.at(-1).toFixed(1)} ms at most`)
    assert.ok(most - before_ <= 8192, `${most - before_} KiB`)
    assert.equal(await stat('api_dropped'), dropped + 20)
    assert.equal(await stat('connections'), 1)
})

test('more connections than descriptors: it stops accepting, does not spin, keeps some for calls, and goes on', async (t) => {
    const other = await gateway.open(t, 'other'), failed = await stat('accepts_failed')
    execFileSync('prlimit', ['--pid', String(gateway.pid), '--nofile=160:160'])
    const many = Array.from({ length: 300 }, () => raw(t, 8080))
    await withDeadline(until(async () => (await stat('accepts_failed')) > failed, 'it runs short'), 6000, 'causewayctl is answered while there is no room')
    const files = (await gateway.usage()).files.length
    assert.ok(files > 100 && files <= 160 - 40 + 2, `${files} descriptors`)
    const was = ticks(gateway.pid), since = performance.now()
    for (let i = 0; i < 20; i++) await other.request('ping')
    await until(() => performance.now() - since > 1000, 'a second', 2000)
    const load = (ticks(gateway.pid) - was) * 10 / (performance.now() - since)
    t.diagnostic(`load ${load.toFixed(3)} of a core while there is no room`)
    assert.ok(load < 0.2, `${load}`)
    assert.equal((await gateway.ctl('status')).calls, 0)
    const lines = gateway.program.text.split('accept.failed').length - 1
    assert.ok(lines >= 1 && lines < 5, `${lines} lines of log`)
    for (const { socket } of many) socket.destroy()
    await until(async () => (await ask(`${gateway.http}/healthz`, { ms: 500 }).catch(() => ({}))).text === 'ok\n', 'it accepts again', 15000, 50)
    await other.request('ping')
})

const origins = ['https://evil.test', 'http://shop.test', 'https://shop.test:8443', 'https://shop.test.evil.test', 'https://evilshop.test', 'https://SHOP.test', 'https://shop.test/', 'null', 'https://evil.test@shop.test', 'http://127.0.0.1:8090']
for (const origin of origins)
    test(`a WebSocket from a page of ${origin}: 403`, async () => {
        const socket = new WebSocket('ws://127.0.0.1:8090/v1/ws', ['causeway.v1'], { origin })
        const status = await withDeadline(new Promise((resolve) => socket.once('unexpected-response', (_, response) => (response.destroy(), resolve(response.statusCode))).once('open', () => (socket.terminate(), resolve(101))).on('error', () => {})), 4000, 'an answer')
        assert.equal(status, 403)
    })

test('the listed origin, and a program without one, may', async (t) => {
    for (const options of [{ origin: good }, {}]) {
        const client = new Client(new WebSocket('ws://127.0.0.1:8090/v1/ws', ['causeway.v1'], { ...options, perMessageDeflate: false }))
        t.after(() => client.socket.terminate())
        await withDeadline(client.opened, 4000, 'it opens')
        await client.request('session.open', { guest: 'anna', resume: false })
    }
})

test('without a list: only pages of this gateway, by a local name', async () => {
    for (const [origin, host, want] of [['http://127.0.0.1:8080', '127.0.0.1:8080', 101], ['http://localhost:8080', 'localhost:8080', 101], ['http://rebound.test:8080', 'rebound.test:8080', 403], ['https://127.0.0.1:8080', '127.0.0.1:8080', 403]]) {
        const socket = new WebSocket('ws://127.0.0.1:8080/v1/ws', ['causeway.v1'], { origin, headers: { host } })
        const status = await withDeadline(new Promise((resolve) => socket.once('unexpected-response', (_, response) => (response.destroy(), resolve(response.statusCode))).once('open', () => (socket.terminate(), resolve(101))).on('error', () => {})), 4000, 'an answer')
        assert.equal(status, want, origin)
    }
})

test('compression is never agreed: no extension, no coding, and a coded body is not JSON', async (t) => {
    const socket = new WebSocket('ws://127.0.0.1:8080/v1/ws', ['causeway.v1'], { origin: 'http://127.0.0.1:8080', perMessageDeflate: true, headers: { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits, x-webkit-deflate-frame' } })
    t.after(() => socket.terminate())
    await withDeadline(new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)), 4000, 'it opens')
    assert.equal(socket.extensions, '')
    const page = await ask(`${gateway.http}/healthz`, { headers: { 'accept-encoding': 'gzip, deflate, br' } })
    assert.equal(page.headers['content-encoding'], undefined)
    const coded = await ask(`${gateway.http}/v1/session`, { method: 'POST', body: '\x1f\x8b\x08\x00rubbish', headers: { 'content-encoding': 'gzip' } })
    assert.deepEqual([coded.status, coded.json.error.data.kind], [400, 'parse'])
})

test('too fast by WebSocket: rate, with the time to wait', async (t) => {
    const client = await Client.connect(t, 'ws://127.0.0.1:8090/v1/ws', { origin: good })
    await client.request('session.open', { guest: 'quick', resume: false })
    const errors = (await Promise.all(Array.from({ length: 35 }, () => client.request('ping').then(() => null, (error) => error)))).filter(Boolean)
    assert.ok(errors.length)
    for (const error of errors) {
        assert.equal(error.kind, 'rate')
        assert.ok(error.data.retry_after_ms >= 1 && error.data.retry_after_ms < 2000)
    }
})

test('the gateways end well', async () => {
    await gateway.stop()
    await listed.stop()
})
