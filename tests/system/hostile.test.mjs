// Packets of those who mean harm, while a call runs: dropped, counted, and the call does not notice.
import { afterEach, before, beforeEach, test } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { RtpSocket, placeOf } from '../lib/rtp.mjs'
import { SipPeer, sdp as sipSdp } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'

const races = Number(process.env.CW_RACES ?? 10) // set-ups with a stranger's ClientHello in between
let gateway, peer, running, attacker

before(async () => {
    gateway = await Gateway.start(wholeFile, { log: { level: 'info' }, web: { rate_per_s: 10000, rate_burst: 10000 }, media: { silence_ms: 2000 } })
    peer = WebPeer.start(wholeFile)
    running = await inCall(wholeFile, 'victim')
})
beforeEach(async (t) => {
    attacker = await RtpSocket.open(t)
})
// Whatever was done: the call that ran through it lost nothing, and nobody was sent anything.
afterEach(() => running && unharmed())

// A browser and a SIP end, sound both ways.
async function inCall(t, user) {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, user)
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const far = peer.nextId++
    const { sdp } = await peer.command('rtp.accept', { id: far, sdp: invite.body, codecs: ['PCMA'] })
    bob.reply(invite, 200, 'OK', { body: sdp })
    await bob.expect('ACK')
    await call.answered()
    await call.tone(1000)
    await peer.command('send', { id: far, codec: 'PCMA', pps: 50, tone_hz: 600 })
    await flows(call.id)
    await flows(far)
    const show = await gateway.ctl('call', 'show', call.gatewayId)
    const [, host, port] = /^(.*):(\d+)$/.exec(show.leg_a.transport.ice.local)
    return { anna, bob, call, far, web: { host, port: Number(port) }, rtp: placeOf(invite.body) }
}

const received = async (id) => (await peer.stats(id)).received
async function flows(id, more = 10) {
    const first = await received(id)
    await until(async () => await received(id) >= first + more, `endpoint ${id} receives`, 8000, 40)
}

async function unharmed() {
    for (const [id, hz] of [[running.far, 1000], [running.call.id, 600]]) {
        await flows(id)
        const { lost, late, bad, sound } = await peer.stats(id, hz)
        assert.deepEqual({ lost, late, bad }, { lost: 0, late: 0, bad: 0 })
        assert.ok(Math.abs((sound.hz ?? sound.peak_hz) - hz) < 20, JSON.stringify(sound))
    }
    assert.equal((await gateway.ctl('call', 'show', running.call.gatewayId)).state, 'up')
    assert.equal(running.anna.client.queue.filter((e) => e.method === 'call.media').length, 0)
}

// How far counters go up while something is done, at least by `want`.
async function counted(want, what) {
    const was = await gateway.ctl('stats')
    await what()
    return await until(async () => {
        const now = await gateway.ctl('stats')
        const grown = Object.fromEntries(Object.keys(want).map((name) => [name, now[name] - was[name]]))
        return Object.entries(want).every(([name, least]) => grown[name] >= least) && grown
    }, `counters go up by ${JSON.stringify(want)}`, 6000, 50)
}

// `times` times `each()`, spread so that nobody's socket buffer runs over.
async function flood(times, each) {
    for (let i = 0; i < times; i++) {
        each(i)
        if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
    }
    await new Promise((resolve) => attacker.socket.send(Buffer.of(0), attacker.port, '127.0.0.1', resolve))
    await until(() => attacker.got.some(({ data }) => data.length === 1), 'all is sent')
    attacker.got = attacker.got.filter(({ data }) => data.length !== 1)
}

const raw = (id, data, count = 1) => peer.command('raw', { id, hex: Buffer.from(data).toString('hex'), count })
const plainRtp = (ssrc = 7, seq = 1, pt = 8) => Buffer.from([0x80, pt, seq >> 8, seq & 255, 0, 0, 0, 160, ssrc >>> 24, (ssrc >> 16) & 255, (ssrc >> 8) & 255, ssrc & 255, ...Array(160).fill(0x2a)])
const bye = Buffer.from('81cb000100000007', 'hex')
// A ClientHello without a cipher that could be agreed on (TLS_RSA_WITH_NULL_MD5).
const hello = Buffer.concat([Buffer.from('16feff0000000000000000003601000029000000000000002afefd', 'hex'), randomBytes(32), Buffer.from('0000000200010100', 'hex')])

/* ── DTLS ── */

test('a stranger\'s ClientHello before and during every handshake: no answer, no call lost', async (t) => {
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const sent = races * 8
    await counted({ dtls_stray: sent, dtls_done: races }, async () => {
        for (let i = 0; i < races; i++) {
            const call = await anna.start('echo')
            for (let k = 0; k < 4; k++) attacker.send(hello, running.web)
            const up = call.answered()
            for (let k = 0; k < 4; k++) attacker.send(hello, running.web)
            await up
            await call.end()
        }
    })
    assert.equal(attacker.got.length, 0)
})

test('2,000 hellos from nowhere: counted, the next call connects', async (t) => {
    const grown = await counted({ dtls_stray: 1 }, () => flood(2000, () => attacker.send(hello, running.web)))
    assert.ok(grown.dtls_stray > 1000, JSON.stringify(grown))
    assert.equal(attacker.got.length, 0)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    await (await (await anna.start('echo')).answered()).end()
})

test('a certificate that is not the one of the offer ends the call, by its name', async (t) => {
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const id = peer.nextId++
    const { sdp } = await peer.command('web.offer', { id, codecs: ['PCMA'], addr: '127.0.0.1' })
    const other = sdp.replace(/(a=fingerprint:sha-256 )(..)/, (_, name, byte) => name + (byte === '00' ? '01' : '00'))
    assert.notEqual(other, sdp)
    await anna.client.call('call.start', { call: 'forged', to: 'echo', sdp: other })
    const { sdp: answer } = await anna.client.expect('call.answer', { call: 'forged' })
    await counted({ dtls_failed: 1 }, async () => {
        await peer.command('web.answer', { id, sdp: answer })
        const end = await anna.client.expect('call.end', { call: 'forged' }, 4000)
        assert.deepEqual([end.reason, end.by], ['fingerprint', 'gateway'])
    })
    await peer.command('close', { id })
})

/* ── SRTP ── */

test('5,000 packets a second with a wrong tag, from the browser\'s address', async () => {
    const { id } = running.call
    await peer.command('replay', { id }) // from now on its packets are kept
    await flows(running.far, 2)
    const grown = await counted({ srtp_refused: 4500, packets_dropped: 4500 }, async () => {
        for (let i = 0; i < 50; i++) {
            await peer.command('forge', { id, count: 100 })
            await flows(running.far, 1)
        }
    })
    assert.ok(grown.srtp_refused <= 5000, JSON.stringify(grown))
})

test('replayed: each refused', async () => {
    const { id } = running.call
    const grown = await counted({ srtp_refused: 20 }, () => peer.command('replay', { id, count: 20 }))
    assert.equal(grown.srtp_refused, 20)
})

test('plain RTP and an RTCP BYE on the DTLS leg, from the browser\'s address', async () => {
    const { id } = running.call
    const grown = await counted({ srtp_refused: 150 }, async () => {
        await raw(id, plainRtp(), 100)
        await raw(id, bye, 50)
    })
    assert.equal(grown.srtp_refused, 150)
})

test('plain RTP and an RTCP BYE to the browser port, from nowhere', async () => {
    await counted({ packets_stray: 150 }, () => flood(150, (i) => attacker.send(i % 3 ? plainRtp() : bye, running.web)))
    assert.equal(attacker.got.length, 0)
})

/* ── RTP ── */

test('RTP into the SIP leg before its answer, and after: nothing of it is heard, nothing leaks', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const place = placeOf(invite.body)
    await counted({ packets_stray: 200 }, () => flood(200, (i) => attacker.send(attacker.packet(), i % 2 ? place : { ...place, port: place.port + 1 })))

    const far = await RtpSocket.open(t)
    bob.reply(invite, 200, 'OK', { body: sipSdp({ port: far.port }) })
    await bob.expect('ACK')
    await call.answered()
    await call.tone(1000)
    // The far end speaks not yet, so nobody was learned.
    await flood(100, () => attacker.send(attacker.packet(), place))
    await until(() => far.got.length > 5, 'the far end hears the browser')
    assert.equal((await call.stats()).received, 0)
    far.start(place)
    await flows(call.id)
    await flood(100, () => attacker.send(attacker.packet(), place))
    await flows(call.id)
    const { lost, late, received: n } = await call.stats()
    assert.deepEqual({ lost, late }, { lost: 0, late: 0 })
    far.stop()
    assert.ok(n <= far.seq - 1000, `${n} received of ${far.seq - 1000} sent`)
    assert.equal(attacker.got.length, 0)
    await call.end()
    await bob.expect('BYE').then((request) => bob.reply(request, 200))
})

test('RTP injected into the running call, and RTCP to its port', async () => {
    const first = await received(running.call.id)
    await flood(300, (i) => attacker.send(i % 3 ? attacker.packet() : bye, { ...running.rtp, port: running.rtp.port + (i % 3 ? 0 : 1) }))
    await flows(running.call.id)
    assert.ok(await received(running.call.id) - first < 150)
    assert.equal(attacker.got.length, 0)
})

test('cut and oversize packets, at both ends, from the far sides themselves', async () => {
    const cut = [[0x80], [0x80, 8], plainRtp().subarray(0, 11), [0xbf, 8, 0, 1, ...Array(8).fill(0)], // 15 CSRCs announced
        [0x90, 8, 0, 1, ...Array(8).fill(0), 0xbe, 0xde, 0xff, 0xff, 1, 2], // an extension of 256 KB
        [0xa0, 8, 0, 1, ...Array(8).fill(0), 0xff]] // padding longer than the packet
    const long = [0x80, 8, 0, 1, ...Array(1590).fill(1)]
    const grown = await counted({ packets_malformed: 11 }, async () => {
        for (const data of [...cut, long]) await raw(running.far, data)
        for (const data of [...cut, long]) await raw(running.call.id, data)
        for (const data of [[255], [100, 1, 2], Array(1590).fill(200)]) await raw(running.call.id, data)
    })
    assert.ok(grown.packets_malformed >= 11, JSON.stringify(grown))
    for (let i = 0; i < 300; i++) await raw(i % 2 ? running.far : running.call.id, randomBytes(1 + (i * 7) % 400))
})

/* ── STUN ── */

const attribute = (type, value) => {
    const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
    padded.writeUInt16BE(type, 0)
    padded.writeUInt16BE(value.length, 2)
    Buffer.from(value).copy(padded, 4)
    return padded
}
const stun = (attributes, { type = 1, key } = {}) => {
    let body = Buffer.concat(attributes)
    const head = Buffer.concat([Buffer.from([0, type, 0, 0, 0x21, 0x12, 0xa4, 0x42]), randomBytes(12)])
    if (key) {
        head.writeUInt16BE(body.length + 24, 2)
        body = Buffer.concat([body, attribute(0x0008, createHmac('sha1', key).update(Buffer.concat([head, body])).digest())])
    }
    head.writeUInt16BE(body.length, 2)
    return Buffer.concat([head, body])
}
const bytes = (packets) => packets.reduce((sum, data) => sum + data.length, 0)

test('STUN with wrong integrity, malformed, and in floods: no success, never more out than in', async (t) => {
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start('echo')
    const { sdp } = await anna.client.expect('call.answer', { call: call.call })
    const ufrag = /a=ice-ufrag:(\S+)/.exec(sdp)[1]
    const name = attribute(0x0006, `${ufrag}:them`)
    const checks = [attribute(0x0024, [0x6e, 0, 1, 255]), attribute(0x8029, randomBytes(8)), attribute(0x802a, randomBytes(8))]
    const sent = []
    const send = (data) => (sent.push(data), attacker.send(data, running.web))
    const grown = await counted({ ice_refused: 1000 }, () => flood(1200, (i) => {
        if (i % 4 === 0) send(stun([name, ...checks], { key: 'not the password' }))
        else if (i % 4 === 1) send(stun([attribute(0x0006, `nobody${i}:them`), ...checks], { key: 'any' }))
        else if (i % 4 === 2) send(stun([name, ...checks]))
        else send(Buffer.concat([stun([name]).subarray(0, 20), randomBytes(i % 200)]))
    }))
    assert.ok(grown.ice_refused <= 1200)
    const got = attacker.got.map(({ data }) => data)
    assert.equal(got.filter((data) => data.readUInt16BE(0) === 0x0101).length, 0)
    assert.ok(bytes(got) <= bytes(sent), `${bytes(got)} bytes for ${bytes(sent)}`)
    // The one it was for is not in the way of who has the password.
    await peer.command('web.answer', { id: call.id, sdp })
    await peer.event(call.id, 'connected')
    await call.end()
})

test('STUN to the SIP port: no answer, no line in the log, and SIP goes on', async (t) => {
    const sip = { host: '127.0.0.1', port: 5060 }
    await counted({ sip_refused: 200 }, () => flood(200, (i) => {
        attacker.send(i % 2 ? stun(i % 4 === 1 ? [] : [attribute(0x0006, 'a:b')]) : Buffer.concat([stun([]).subarray(0, 3), randomBytes(17 + i)]), sip)
    }))
    const bob = await SipPeer.open(t)
    bob.request('OPTIONS', 'sip:127.0.0.1:5060', sip)
    await bob.expect(200)
    assert.equal(attacker.got.length, 0)
    assert.doesNotMatch(gateway.program.text, /stun/i)
})

test('the call ends as calls do, and the gateway too', async () => {
    const ended = running.call.end()
    await running.bob.expect('BYE').then((request) => running.bob.reply(request, 200))
    assert.equal((await ended).by, 'you')
    running = null
    await gateway.stop()
})
