// What one leg does stays on that leg: both wires are watched while the browser, or the SIP end, does
// each of these; on the other wire there is nothing, or exactly its meaning.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import dgram from 'node:dgram'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { Sound } from '../lib/sound.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const gatewayAt = { host: '127.0.0.1', port: 5060 }
const windows = [] // what the capture is asked at the end
let gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { t1_ms: 100, t1x64_ms: 2000, invite_timeout_ms: 1500, ring_timeout_ms: 20000 },
        media: { quality_interval_ms: 0, ringback: 'off' },
    })
    peer = WebPeer.start(wholeFile)
})

// Between a browser and the gateway's port: a NAT, whose mapping can change.
async function nat(t) {
    const inside = dgram.createSocket('udp4')
    let outside, browser
    const remap = async () => {
        outside?.close()
        outside = dgram.createSocket('udp4')
        outside.on('message', (data) => browser && inside.send(data, browser.port, browser.address))
        await new Promise((resolve) => outside.bind(0, '127.0.0.1', resolve))
    }
    await remap()
    inside.on('message', (data, from) => {
        browser = from
        outside.send(data, 7000, '127.0.0.1')
    })
    await new Promise((resolve) => inside.bind(0, '127.0.0.1', resolve))
    t.after(() => {
        inside.close()
        outside.close()
    })
    return { port: inside.address().port, remap, mapped: () => outside.address().port }
}

// Everything either side is sent, as it comes.
function watch(bob, anna) {
    const wires = { json: [], sip: [] }
    anna.client.socket.on('message', (data) => {
        const message = JSON.parse(String(data))
        if (message.method && !['call.quality', 'call.media'].includes(message.method)) wires.json.push(message)
    })
    bob.socket.on('message', (data) => {
        const first = String(data).split('\r\n')[0]
        if (!first.startsWith('SIP/2.0')) wires.sip.push(first.split(' ')[0])
    })
    return wires
}

// Whatever the gateway had to say because of what came before, it has said after this.
async function fence({ bob, anna }) {
    await anna.client.call('ping')
    bob.request('OPTIONS', 'sip:127.0.0.1:5060', gatewayAt, { dialog: {} })
    await bob.expect((m) => m.status && /OPTIONS/.test(m.get('cseq')))
    await anna.client.call('ping')
}

async function inCall(t, { codecs = ['PCMA', 'PCMU'] } = {}) {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const wires = watch(bob, anna)
    const call = await anna.start(`sip:bob@${bob.address}`, { codecs })
    const invite = await bob.expect('INVITE')
    const voice = await Sound.answering(t, peer, invite.body)
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    const { sdp } = await anna.client.expect('call.answer')
    const between = await nat(t)
    await peer.command('web.answer', { id: call.id, sdp: sdp.replace(/^(a=candidate:\S+ 1 \S+ \S+ 127\.0\.0\.1) 7000/gm, `$1 ${between.port}`) })
    await peer.event(call.id, 'connected')
    await voice.play()
    await call.tone(1000)
    const c = { bob, anna, call, voice, wires, nat: between, browser: Sound.of(peer, call.id), dialog: bob.dialogOf(invite), version: 90 }
    await heardBothWays(c)
    return c
}

async function heardBothWays(c, sound = c.voice) {
    await c.browser.hears(sound.hz)
    await sound.hears(1000)
}

const newer = (c, sdp) => sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${++c.version}`)

async function sipOffer(c, body, { method = 'INVITE', headers = [] } = {}) {
    c.bob.request(method, '', gatewayAt, { dialog: c.dialog, body, headers })
    const answer = await c.bob.expect((m) => m.status >= 200 && m.get('cseq').endsWith(method))
    assert.equal(answer.status, 200)
    if (method === 'INVITE') c.bob.request('ACK', '', gatewayAt, { dialog: c.dialog })
    return answer.body
}

const update = (c, sdp) => c.anna.client.call('call.update', { call: c.call.call, sdp })
const otherSecret = (sdp) => sdp.replace(/^a=ice-ufrag:.*\r$/m, 'a=ice-ufrag:neu0\r').replace(/^a=ice-pwd:.*\r$/m, 'a=ice-pwd:a0123456789012345678901\r')

// What is done, and what is then on the other wire (`sip`: requests, `json`: notifications).
const rows = [
    ['browser: ICE restart', { sip: [] }, async (c) => {
        assert.match((await update(c, otherSecret(c.call.offer))).sdp, /a=ice-ufrag:/)
    }],
    ['browser: network change', { sip: [] }, async (c) => {
        await c.nat.remap()
        await until(async () => JSON.stringify(await gateway.ctl('call', 'show', c.call.gatewayId)).includes(`:${c.nat.mapped()}"`), 'the gateway follows', 8000, 50)
    }],
    ['browser: re-offer without change', { sip: [] }, async (c) => {
        await update(c, c.call.offer)
    }],
    ['browser: a new page\'s offer in the same session', { sip: [], silent: true }, async (c, t) => {
        const id = peer.nextId++
        t.after(() => peer.command('close', { id }).catch(() => {}))
        await update(c, (await peer.command('web.offer', { id, codecs: ['PCMA', 'PCMU'], addr: '127.0.0.1' })).sdp)
    }],
    ['browser: mute', { sip: [] }, async (c) => {
        await c.anna.client.call('call.info', { call: c.call.call, muted: { audio: true } })
    }],
    ['browser: hold and resume', { sip: ['INVITE', 'ACK', 'INVITE', 'ACK'] }, async (c) => {
        for (const [method, dir] of [['call.hold', 'recvonly'], ['call.resume', 'sendrecv']]) {
            await c.anna.client.call(method, { call: c.call.call })
            const again = await c.bob.expect('INVITE')
            c.bob.reply(again, 200, 'OK', { body: newer(c, c.voice.sdp).replace('a=sendrecv', `a=${dir}`) })
            await c.bob.expect('ACK')
        }
    }],
    ['SIP: re-INVITE with the same SDP', { json: [] }, async (c) => {
        await sipOffer(c, c.voice.sdp)
    }],
    ['SIP: re-INVITE with another address and port', { json: [] }, async (c, t) => {
        const moved = await Sound.offering(t, peer, { hz: 650 })
        await moved.answer(await sipOffer(c, newer(c, moved.sdp)))
        await moved.play()
        return moved
    }],
    ['SIP: re-INVITE without SDP', { json: [] }, async (c) => {
        c.bob.request('INVITE', '', gatewayAt, { dialog: c.dialog })
        await c.bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
        c.bob.request('ACK', '', gatewayAt, { dialog: c.dialog, body: newer(c, c.voice.sdp) })
    }],
    ['SIP: UPDATE with the same SDP', { json: [] }, async (c) => {
        await sipOffer(c, c.voice.sdp, { method: 'UPDATE' })
    }],
    ['SIP: refresh of the session timer', { json: [] }, async (c) => {
        await sipOffer(c, '', { method: 'UPDATE', headers: ['Supported: timer', 'Session-Expires: 1800;refresher=uac'] })
    }],
    ['SIP: hold and resume', { json: [{ local: false, remote: true }, { local: false, remote: false }] }, async (c) => {
        await sipOffer(c, newer(c, c.voice.sdp).replace('a=sendrecv', 'a=sendonly'))
        await sipOffer(c, newer(c, c.voice.sdp))
    }],
    ['SIP: another codec that the browser has', { json: [] }, async (c, t) => {
        const other = await Sound.offering(t, peer, { codecs: ['PCMU'], hz: 720 })
        await other.answer(await sipOffer(c, newer(c, other.sdp)))
        await other.play()
        return other
    }],
]

for (const [name, other, act] of rows)
    test(name, async (t) => {
        const c = await inCall(t)
        await fence(c)
        for (const wire of [c.wires.json, c.wires.sip]) wire.length = 0
        const from = Date.now() / 1000
        const sound = await act(c, t)
        if (!other.silent) await heardBothWays(c, sound)
        await fence(c)
        if (other.sip) assert.deepEqual(c.wires.sip, other.sip)
        if (other.json) {
            assert.deepEqual(c.wires.json.map((m) => m.method), other.json.map(() => 'call.update'))
            assert.deepEqual(c.wires.json.map((m) => m.params.held), other.json)
        }
        assert.ok(!c.wires.json.some((m) => m.params.sdp), 'no description to the browser')
        windows.push({ name, from, to: Date.now() / 1000 + 0.001, port: c.bob.port, requests: other.sip ?? [] })
        const ended = c.call.end()
        c.bob.reply(await c.bob.expect('BYE'), 200, 'OK', { contact: false })
        await ended
    })

test('SIP: forks that come and go before the answer', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const wires = watch(bob, anna)
    const call = await anna.start(`sip:bob@${bob.address}`, { codecs: ['PCMA', 'PCMU'] })
    const invite = await bob.expect('INVITE')
    const forks = []
    for (const [tag, codec, hz] of [['one', 'PCMA', 400], ['two', 'PCMU', 600], ['three', 'PCMA', 800]]) {
        const fork = await Sound.answering(t, peer, invite.body, { codecs: [codec], hz })
        forks.push(fork)
        bob.reply(invite, 183, 'Session Progress', { tag, body: fork.sdp })
        if (forks.length === 1) {
            const { sdp } = await anna.client.expect('call.progress', { state: 'early' })
            await peer.command('web.answer', { id: call.id, sdp })
            await peer.event(call.id, 'connected')
            wires.json.length = 0
        }
        await fork.play()
        await Sound.of(peer, call.id).hears(hz)
        if (forks.length < 3) await fork.stop()
    }
    bob.reply(invite, 200, 'OK', { tag: 'three', body: forks[2].sdp })
    await anna.client.expect('call.answer')
    await Sound.of(peer, call.id).hears(800)
    await fence({ bob, anna })
    assert.deepEqual(wires.json.map((m) => [m.method, m.params.sdp]), [['call.answer', undefined]])
    const ended = call.end()
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await ended
})

test('the gateway ends well', () => gateway.stop())

test('the capture: as many requests to the SIP end as said, while the browser did its own', async () => {
    await capture.stop()
    const sip = capture.udp().filter((p) => p.sport === 5060)
    for (const { name, from, to, port, requests } of windows) {
        const seen = sip.filter((p) => p.dport === port && p.at >= from && p.at <= to).map((p) => p.data.toString('latin1').split(/[ \r]/)[0])
        assert.deepEqual(seen.filter((word) => !['SIP/2.0', 'BYE'].includes(word)), requests, name)
        assert.ok(seen.includes('SIP/2.0'), `${name}: the fence was seen`)
    }
})

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
