// DTLS hellos by the thousand, and fragments that announce 16 MB: the next handshake is as quick as ever, and
// no memory is set aside for them.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { RtpSocket } from '../lib/rtp.mjs'
import { residentKib, until, wholeFile } from '../lib/proc.mjs'

const hellos = 2000
let gateway, peer, anna, place

before(async () => {
    gateway = await Gateway.start(wholeFile, { log: { level: 'info' }, web: { rate_per_s: 10000, rate_burst: 10000 }, limits: { calls_per_session: 200 } })
    peer = WebPeer.start(wholeFile)
    anna = await Phone.open(wholeFile, gateway, peer, 'anna')
    for (let n = 0; n < 20; n++) await handshake() // what is made once is made
})

// From the browser's answer to its first protected packet's keys.
async function handshake() {
    const call = await anna.start('echo')
    const began = performance.now()
    await call.answered()
    const took = performance.now() - began
    const [, host, port] = /^(.*):(\d+)$/.exec((await gateway.ctl('call', 'show', call.gatewayId)).leg_a.transport.ice.local)
    place = { host, port: Number(port) }
    await call.end()
    return took
}

// A hello as OpenSSL takes it up: one cipher that we have, one group, use_srtp; another random each time.
function hello(random = randomBytes(32)) {
    const extensions = Buffer.from('000a00060004001d0017' + '000d0006000404030804' + '000e000500020007' + '00' + '00170000' + '000b00020100', 'hex')
    const body = Buffer.concat([Buffer.from('fefd', 'hex'), random, Buffer.from('0000' + '0002c02b' + '0100', 'hex'), Buffer.from([extensions.length >> 8, extensions.length & 255]), extensions])
    const length = Buffer.from([body.length >> 16, (body.length >> 8) & 255, body.length & 255])
    const message = Buffer.concat([Buffer.of(1), length, Buffer.of(0, 0, 0, 0, 0), length, body])
    return record(message)
}
const record = (message, n = 0) => Buffer.concat([Buffer.from('16fefd0000', 'hex'), Buffer.from([0, 0, 0, 0, n >> 8, n & 255]), Buffer.from([message.length >> 8, message.length & 255]), message])
// A thousand bytes of a message of 16 MB, its n-th message, at some place in it.
const fragment = (n) => record(Buffer.concat([Buffer.of(1, 0xff, 0xff, 0xff, n >> 8, n & 255, n & 127, 0, 0, 0, 0x03, 0xe8), randomBytes(1000)]), n)

// While `flood` goes on and after it, as measured from here.
async function measured(t, what, flood) {
    const was = residentKib(gateway.pid), flooding = flood()
    const took = [await handshake()]
    await flooding
    took.push(await handshake())
    const grown = residentKib(gateway.pid) - was
    t.diagnostic(`${what}: handshakes of ${took.map((ms) => Math.round(ms)).join(' and ')} ms, ${grown} KB`)
    assert.ok(Math.max(...took) <= 1000, `a handshake took ${Math.max(...took)} ms`)
    assert.ok(grown <= 1024, `grew by ${grown} KB`)
}

test('2,000 hellos from nowhere', async (t) => {
    const strangers = await Promise.all(Array.from({ length: 20 }, () => RtpSocket.open(t)))
    const stray = (await gateway.ctl('stats')).dtls_stray
    await measured(t, 'strangers', async () => {
        for (let n = 0; n < hellos; n++) {
            strangers[n % 20].send(hello(), place)
            if (n % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
        }
        await until(async () => (await gateway.ctl('stats')).dtls_stray >= stray + hellos * 0.9, 'they came', 8000, 50)
    })
    assert.equal(strangers.flatMap(({ got }) => got).length, 0)
})

// Passed ICE, says no hello of its own.
async function mute(t) {
    const call = await anna.start('echo')
    const { sdp } = await anna.client.expect('call.answer', { call: call.call })
    await peer.command('web.answer', { id: call.id, sdp, no_dtls: true })
    await peer.event(call.id, 'checked')
    return call
}

for (const [what, make] of [['hellos', () => hello()], ['fragments of 16 MB', (n) => fragment(n % 20)]])
    test(`2,000 ${what} from the address of a browser`, async (t) => {
        const call = await mute(t)
        await measured(t, what, async () => {
            for (let n = 0; n < hellos; n++) await peer.command('raw', { id: call.id, hex: make(n).toString('hex') })
        })
        const end = await call.ended({}, 20000)
        t.diagnostic(JSON.stringify(end))
    })

test('100 browsers that stop half-way: what they held is given back', async (t) => {
    const was = residentKib(gateway.pid), open = (await gateway.ctl('stats')).dtls_open
    const calls = []
    for (let n = 0; n < 100; n++) calls.push(await mute(t))
    for (const call of calls) await peer.command('raw', { id: call.id, hex: hello().toString('hex') })
    await until(async () => (await gateway.ctl('stats')).dtls_open >= open + 100, 'all are half open')
    const took = await handshake()
    const held = residentKib(gateway.pid) - was
    for (const call of calls) await call.end()
    await until(async () => (await gateway.ctl('stats')).dtls_open <= open, 'all are closed', 15000)
    t.diagnostic(`a handshake of ${Math.round(took)} ms, ${held} KB held, ${residentKib(gateway.pid) - was} KB afterwards`)
    assert.ok(took <= 1000, `a handshake took ${took} ms`)
    assert.ok(held <= 100 * 160, `${held} KB`)
})

test('the gateway ends well', () => gateway.stop())
