// What a trunk's policy makes of a call: codecs and transcoding, and how keys travel, with SIPp and
// ends written out.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { pcma, scenario, sipp, step } from '../lib/sipp.mjs'
import { keysOf, samplesOf } from '../lib/capture.mjs'
import { keySounds, peakHz } from '../lib/audio.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const port = { forbid: 5640, prefer: 5642, info: 5644, relay: 5646, inband: 5648 }
const target = { host: '127.0.0.1', port: 5060 }

before(async () => {
    capture = await startCapture(wholeFile)
    const trunk = (name, prefix, options) => ({ name, address: `127.0.0.1:${port[name]}`, prefixes: [prefix], ...options })
    gateway = await Gateway.start(wholeFile, {
        trunk: [
            trunk('forbid', '+1', { transcode: 'forbid', codecs: ['PCMA', 'PCMU'] }),
            trunk('prefer', '+2', { transcode: 'prefer', codecs: ['PCMA', 'opus'] }),
            trunk('info', '+3', { dtmf: 'info' }),
            trunk('relay', '+4', { dtmf: 'info-relay' }),
            trunk('inband', '+5', { dtmf: 'inband', codecs: ['PCMA'] }),
        ],
        inbound: [{ match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)
const rtpTo = (port, pt) => capture.rtp((p) => p.dport === port && p.sport >= 20000 && p.sport <= 29999).filter((p) => p.pt === pt)
const hears = (call, hz, ms = 8000) => until(async () => {
    const { sound } = await call.stats(hz)
    return sound && Math.abs((sound.hz ?? sound.peak_hz) - hz) < 20 && sound
}, `hears ${hz} Hz`, ms, 50)

test('no codec in common: mu-law and A-law are translated, tones both ways, and it is shown', async (t) => {
    const callee = await sipp(t, scenario.answer({ body: pcma }), { hz: 440 })
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri(), { codecs: ['PCMU'] })).answered()
    await call.tone(1000, 'PCMU')
    await hears(call, 440)
    await until(() => {
        const packets = rtpTo(callee.mediaPort, 8).slice(-50)
        return packets.length === 50 && Math.abs(peakHz(samplesOf(packets)) - 1000) < 20
    }, 'SIPp gets 1 kHz in A-law', 10000, 100)
    const show = await gateway.ctl('call', 'show', call.gatewayId)
    assert.deepEqual([show.leg_a.streams[0].codecs[0], show.legs_b[0].streams[0].codecs[0]], ['PCMU/8000', 'PCMA/8000'])
    assert.deepEqual([show.leg_a.streams[0].transcoded, show.legs_b[0].streams[0].transcoded], [true, true])
    await call.end()
    await callee.passed()
})

test('Opus and A-law: what SIPp plays reaches the browser as Opus', async (t) => {
    const callee = await sipp(t, scenario.answer({ body: pcma }), { hz: 440 })
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri(), { codecs: ['opus'] })).answered()
    const show = await until(async () => {
        const s = await gateway.ctl('call', 'show', call.gatewayId)
        return s.leg_a.streams[0].tx_packets > 50 && s
    }, 'packets to the browser')
    assert.deepEqual([show.leg_a.streams[0].tx_codec, show.legs_b[0].streams[0].rx_codec], ['opus/48000', 'PCMA/8000'])
    const ladder = await gateway.ctl('call', 'ladder', call.gatewayId)
    assert.match(JSON.stringify(ladder), /opus\/48000 - PCMA\/8000 transcoded/)
    await call.end()
    await callee.passed()
})

test('a codec in common: nothing is translated', async (t) => {
    const callee = await sipp(t, scenario.answer({ body: pcma }), { hz: 440 })
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri(), { codecs: ['opus', 'PCMA'] })).answered()
    await call.tone(1000, 'PCMA')
    await hears(call, 440)
    const show = await gateway.ctl('call', 'show', call.gatewayId)
    assert.equal(show.leg_a.streams[0].transcoded, false)
    await call.end()
    await callee.passed()
})

test('forbid: no-codec at once, and nobody is rung', async (t) => {
    const anna = await phone(t)
    const { sdp } = await peer.command('web.offer', { id: 9001, codecs: ['opus'], addr: '127.0.0.1' })
    await anna.client.refused('call.start', { call: 'x', to: '+1555', sdp }, 'no-codec')
    await peer.command('close', { id: 9001 })
})

test('prefer: the trunk\'s list comes first, whatever the browser has', async (t) => {
    const bob = await SipPeer.open(t, { port: port.prefer })
    const anna = await phone(t)
    const call = await anna.start('+2555', { codecs: ['opus'] })
    const invite = await bob.expect('INVITE')
    assert.match(invite.body, /m=audio \d+ RTP\/AVP 8 \d+/)
    assert.match(invite.body, /opus\/48000\/2/)
    bob.reply(invite, 486, 'Busy Here')
    assert.equal((await call.ended()).reason, 'busy')
})

// A call through the trunk `name` to an end that takes A-law.
async function through(t, name, to) {
    const bob = await SipPeer.open(t, { port: port[name] })
    const anna = await phone(t)
    const call = await anna.start(to)
    const invite = await bob.expect('INVITE')
    const id = peer.nextId++
    const mine = await peer.command('rtp.accept', { id, sdp: invite.body, codecs: ['PCMA'] })
    t.after(() => peer.command('close', { id }).catch(() => {}))
    bob.reply(invite, 200, 'OK', { body: mine.sdp })
    await bob.expect('ACK')
    await call.answered()
    const end = async () => {
        const ended = call.end()
        bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
        await ended
    }
    return { bob, anna, call, invite, id, media: Number(/m=audio (\d+)/.exec(mine.sdp)[1]), dialog: bob.dialogOf(invite), end }
}

for (const [name, to, type, pattern, coming] of [
    ['info', '+3555', 'application/dtmf', /^5$/, '9'],
    ['relay', '+4555', 'application/dtmf-relay', /^Signal=5\r\nDuration=160\r\n$/, 'Signal=9\r\nDuration=250\r\n'],
])
    test(`keys by INFO as ${type}, both ways; telephone-event is not offered`, async (t) => {
        const { bob, anna, call, invite, dialog, end } = await through(t, name, to)
        assert.doesNotMatch(invite.body, /telephone-event/)
        await anna.client.call('call.dtmf', { call: call.call, digits: '5', duration_ms: 160 })
        const info = await bob.expect('INFO')
        assert.equal(info.get('content-type'), type)
        assert.match(info.body, pattern)
        bob.reply(info, 200, 'OK', { contact: false })
        bob.request('INFO', '', target, { dialog, type, body: coming })
        assert.equal((await anna.client.expect('call.info', { call: call.call })).dtmf.digit, '9')
        await end()
    })

// The strength of one frequency in `samples` of 8 kHz (Goertzel).
function strength(samples, hz) {
    const k = 2 * Math.cos(2 * Math.PI * hz / 8000)
    let a = 0, b = 0
    for (const x of samples) [a, b] = [x + k * a - b, a]
    return (a * a + b * b - k * a * b) / samples.length ** 2
}

test('keys as tones: made in the sound, of the right two frequencies and length', async (t) => {
    const { anna, call, invite, media, end } = await through(t, 'inband', '+5555')
    assert.doesNotMatch(invite.body, /telephone-event/)
    await anna.client.call('call.dtmf', { call: call.call, digits: '5', duration_ms: 200 })
    const packets = await until(() => {
        const all = rtpTo(media, 8)
        return all.length >= 12 && all
    }, 'the packets of the tone', 8000, 50)
    const loud = packets.filter((p) => strength(samplesOf([p]), 770) > 1e-4 && strength(samplesOf([p]), 1336) > 1e-4)
    assert.ok(loud.length >= 9 && loud.length <= 11, `${loud.length} packets of 20 ms`)
    const samples = samplesOf(loud)
    for (const other of [697, 852, 941, 1209, 1477, 1633]) assert.ok(strength(samples, other) < strength(samples, 770) / 30, `${other} Hz`)
    await end()
})

test('keys as tones: those that SIPp plays reach the browser, each once', async (t) => {
    const keys = '1234567890*#'
    const bob = await sipp(t, scenario.answer({ body: [[8, 'PCMA/8000']], play: step.once }), { port: port.inband, sound: keySounds(keys, 120, 100) })
    const anna = await phone(t)
    const call = await (await anna.start('+5555')).answered()
    const told = []
    for (const _ of keys) told.push((await anna.client.expect('call.info', { call: call.call })).dtmf)
    assert.equal(told.map(({ digit }) => digit).join(''), keys)
    for (const { digit, duration_ms } of told) assert.ok(duration_ms >= 85 && duration_ms <= 150, `${digit}: ${duration_ms} ms`)
    assert.equal((await gateway.ctl('stats')).listeners, 1)
    const ladder = JSON.stringify(await gateway.ctl('call', 'ladder', call.gatewayId))
    assert.equal(ladder.match(/RTP[^}]*digit /g).length, keys.length, ladder)
    await call.end()
    await bob.passed()
    await until(async () => (await gateway.ctl('stats')).listeners === 0, 'nothing is listened to')
})

test('telephone-events of the browser at 8 kHz: followed with end packets thrice', async (t) => {
    const callee = await sipp(t, scenario.answer({ body: pcma }), { hz: 440 })
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    await call.tone(1000)
    await hears(call, 440)
    await peer.command('dtmf', { id: call.id, digit: '7', duration_ms: 120 })
    const keys = await until(() => {
        const seen = keysOf(capture.rtp((p) => p.dport === callee.mediaPort), 101)
        return seen.length && seen
    }, 'a key', 8000, 60)
    assert.equal(keys.map(({ key }) => key).join(''), '7')
    const events = await until(() => {
        const all = rtpTo(callee.mediaPort, 101)
        return all.filter((p) => p.payload[1] & 0x80).length >= 3 && all
    }, 'three ends', 8000, 60)
    assert.equal(new Set(events.map((p) => p.ts)).size, 1)
    const ends = events.filter((p) => p.payload[1] & 0x80)
    assert.equal(ends.length, 3)
    assert.equal(new Set(ends.map((p) => p.payload.readUInt16BE(2))).size, 1)
    assert.ok(Math.abs(ends[0].payload.readUInt16BE(2) - 960) <= 160, `${ends[0].payload.readUInt16BE(2)} ticks`)
    await call.end()
    await callee.passed()
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'rtp'])
