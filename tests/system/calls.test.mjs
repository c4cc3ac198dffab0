// Calls of a browser's two halves (JSON and WebRTC media) with SIPp and baresip, both ways.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { pcmu, scenario, sipp, step } from '../lib/sipp.mjs'
import { keysOf, lostOf, samplesOf } from '../lib/capture.mjs'
import { levelDb, peakHz } from '../lib/audio.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture, atFirst
const untranslatedPort = 5290

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        trunk: [{ name: 'untranslated', address: `127.0.0.1:${untranslatedPort}`, prefixes: ['+990'], transcode: 'forbid' }],
        inbound: [{ match: 'echo', to: 'service:echo' }, { match: 'tone', to: 'service:tone' }, { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
    atFirst = await gateway.usage()
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)
// RTP that reached a SIP peer, in order; it may still be coming.
const rtpTo = (port, count = 50) => until(() => {
    const packets = capture.rtp((p) => p.dport === port && p.sport >= 20000 && p.sport <= 29999)
    return packets.length >= count && packets
}, `${count} RTP packets to port ${port}`, 8000, 60)
// What the endpoint hears: the strongest frequency once it is about `hz`.
const hears = (call, hz, ms = 6000) => until(async () => {
    const { sound } = await call.stats(hz)
    return sound && Math.abs((sound.hz ?? sound.peak_hz) - hz) < 20 && sound
}, `hears ${hz} Hz`, ms, 50)

test('calls SIPp: tones both ways within 20 Hz, nothing lost, the browser hangs up', async (t) => {
    const callee = await sipp(t, scenario.answer(), { hz: 440 })
    const anna = await phone(t)
    const call = await anna.start(callee.uri())
    await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })
    await call.answered()
    await call.tone(1000)
    await hears(call, 440)
    const packets = await rtpTo(callee.mediaPort, 100)
    assert.ok(Math.abs(peakHz(samplesOf(packets)) - 1000) < 20)
    assert.equal(lostOf(packets), 0)
    assert.equal(new Set(packets.map((p) => p.ssrc)).size, 1)
    const show = await gateway.ctl('call', 'show', call.gatewayId)
    assert.equal(show.legs_b[0].streams[0].tx_codec, 'PCMA/8000')
    assert.match(show.leg_a.streams[0].srtp, /GCM|AES/i)
    assert.equal((await call.stats()).lost, 0)
    const end = await call.end()
    assert.deepEqual([end.reason, end.by], ['hangup', 'you'])
    await callee.passed()
})

test('calls SIPp, SIPp hangs up', async (t) => {
    const callee = await sipp(t, scenario.answerAndEnd(400))
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    const end = await call.ended()
    assert.deepEqual([end.reason, end.by], ['hangup', 'peer'])
    await callee.passed()
})

test('PCMU: the payload type is the SIP peer\'s', async (t) => {
    const callee = await sipp(t, scenario.answer({ body: pcmu }))
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri(), { codecs: ['PCMA', 'PCMU'] })).answered()
    await call.tone(700, 'PCMU')
    const packets = await rtpTo(callee.mediaPort)
    assert.ok(packets.every((p) => p.pt === 0))
    assert.ok(Math.abs(peakHz(samplesOf(packets)) - 700) < 20)
    await call.end()
    await callee.passed()
})

for (const codec of ['opus', 'G722'])
    test(`${codec} with baresip: relayed, decoded there`, async (t) => {
        const bob = await Baresip.start(t, { codecs: codec === 'opus' ? 'opus/48000/2' : codec })
        const anna = await phone(t)
        const call = await (await anna.start(bob.uri, { codecs: [codec] })).answered()
        await peer.command('send', { id: call.id, codec: `${codec === 'opus' ? 'opus' : codec}-bytes`, bytes: 80, pps: 50 })
        await peer.event(call.id, 'first_packet')
        const show = await until(async () => {
            const s = await gateway.ctl('call', 'show', call.gatewayId)
            return s.legs_b[0].streams[0].tx_packets > 20 && s
        }, 'packets flow')
        assert.match(show.legs_b[0].streams[0].rx_codec, codec === 'opus' ? /opus\/48000/i : /G722/)
        await call.end()
        await bob.expect('CALL_CLOSED')
    })

test('no codec in common: 488 becomes not-acceptable or no-codec', async (t) => {
    const bob = await Baresip.start(t, { user: '+9901234', port: untranslatedPort, codecs: 'PCMA' })
    const anna = await phone(t)
    const call = await anna.start('+9901234', { codecs: ['opus'] })
    const end = await call.ended()
    assert.ok(['not-acceptable', 'no-codec'].includes(end.reason), end.reason)
    assert.equal(end.sip?.status, 488)
})

test('is called by SIPp and answers; tones both ways; SIPp hangs up', async (t) => {
    const anna = await phone(t)
    const caller = await sipp(t, scenario.callAndEnd('anna', 2500), { to: '127.0.0.1:5060', hz: 620 })
    const call = await anna.incoming()
    assert.equal(call.event.from.number, '+33123456789')
    assert.equal(call.event.from.display, 'Sipp Caller')
    await call.answer()
    await call.tone(1000)
    await hears(call, 620)
    const packets = await rtpTo(caller.mediaPort)
    assert.ok(Math.abs(peakHz(samplesOf(packets)) - 1000) < 20)
    assert.deepEqual(Object.values(await call.ended()).includes('peer'), true)
    await caller.passed()
})

test('is called by SIPp and hangs up', async (t) => {
    const anna = await phone(t)
    const caller = await sipp(t, scenario.call('anna'), { to: '127.0.0.1:5060' })
    const call = await (await anna.incoming()).answer()
    const end = await call.end()
    assert.deepEqual([end.reason, end.by], ['hangup', 'you'])
    await caller.passed()
})

test('calls baresip and is called by it', async (t) => {
    const bob = await Baresip.start(t, { hz: 700 })
    const anna = await phone(t)
    const call = await (await anna.start(bob.uri)).answered()
    await call.tone(1000)
    await hears(call, 700)
    await bob.expect('CALL_ESTABLISHED')
    bob.hangup()
    assert.equal((await call.ended()).by, 'peer')

    bob.dial('sip:anna@127.0.0.1:5060')
    const back = await (await anna.incoming()).answer()
    await back.tone(1000)
    await hears(back, 700)
    await back.end()
    await bob.expect('CALL_CLOSED')
})

for (const reason of ['busy', 'declined', 'unavailable'])
    test(`rejects: ${reason}`, async (t) => {
        const anna = await phone(t)
        const status = { busy: 486, declined: 603, unavailable: 480 }[reason]
        const caller = await sipp(t, scenario.callRefused('anna', status), { to: '127.0.0.1:5060' })
        const call = await anna.incoming()
        await anna.client.call('call.reject', { call: call.call, reason })
        await anna.client.expect('call.end', { call: call.call })
        await caller.passed()
    })

test('cancels while it rings', async (t) => {
    const callee = await sipp(t, scenario.ring())
    const anna = await phone(t)
    const call = await anna.start(callee.uri())
    await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })
    const end = await call.end()
    assert.equal(end.by, 'you')
    await callee.passed()
})

for (const [status, reason, kind] of [[486, 'Busy Here', 'busy'], [480, 'Temporarily Unavailable', 'unavailable'], [404, 'Not Found', 'not-found'], [603, 'Decline', 'declined'], [488, 'Not Acceptable Here', 'not-acceptable|no-codec'], [500, 'Server Internal Error', 'sip-failed'], [503, 'Service Unavailable', 'overload|sip-failed|network|unavailable']])
    test(`SIP ${status} becomes ${kind}`, async (t) => {
        const callee = await sipp(t, scenario.refuse(status, reason))
        const anna = await phone(t)
        const call = await anna.start(callee.uri())
        const end = await call.ended()
        assert.match(end.reason, new RegExp(`^(${kind})$`))
        assert.deepEqual([end.by, end.sip.status], ['peer', status])
        await callee.passed()
    })

test('echo: what is sent comes back', async (t) => {
    const anna = await phone(t)
    const call = await (await anna.start('echo')).answered()
    await call.tone(850)
    await hears(call, 850)
    await call.end()
})

test('tone: 1 kHz', async (t) => {
    const anna = await phone(t)
    const call = await (await anna.start('service:tone')).answered()
    // Relayed services wait for the first packet of nobody: nothing is sent here.
    await hears(call, 1000)
    await call.end()
})

for (const service of ['echo', 'tone'])
    test(`${service} for a SIP caller`, async (t) => {
        const caller = await sipp(t, scenario.callAndEnd(service, 2000), { to: '127.0.0.1:5060', hz: 530 })
        const packets = await rtpTo(caller.mediaPort)
        assert.ok(Math.abs(peakHz(samplesOf(packets)) - (service === 'echo' ? 530 : 1000)) < 20)
        await caller.passed()
    })

test('DTMF: RFC 4733 on the SIP side, each key once', async (t) => {
    const callee = await sipp(t, scenario.answer())
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    await call.tone(1000)
    await anna.client.call('call.dtmf', { call: call.call, digits: '15#*D', duration_ms: 60 })
    const keys = await until(() => {
        const seen = keysOf(capture.rtp((p) => p.dport === callee.mediaPort), 101)
        return seen.length >= 5 && seen
    }, 'five keys', 6000, 60)
    assert.equal(keys.map((k) => k.key).join(''), '15#*D')
    for (const { duration } of keys) assert.ok(duration >= 400 && duration <= 900, `${duration} ticks`)
    await call.end()
    await callee.passed()
})

test('DTMF from the browser\'s own RTP arrives, and the other way as call.info', async (t) => {
    const [anna, bert] = [await phone(t), await phone(t, 'bert')]
    const out = await anna.start('user:bert')
    const into = await (await bert.incoming()).answer()
    await out.answered()
    await out.tone(1000)
    await into.tone(600)
    await hears(out, 600)
    await peer.command('dtmf', { id: out.id, digit: '7', duration_ms: 100 })
    const { dtmf } = await bert.client.expect('call.info', (e) => e.call === into.call && e.dtmf)
    assert.equal(dtmf.digit, '7')
    await out.end()
    assert.equal((await into.ended()).by, 'peer')
})

test('mute is told, hold silences and is told, resume brings sound back', async (t) => {
    const [anna, bert] = [await phone(t), await phone(t, 'bert')]
    const out = await anna.start('user:bert')
    const into = await (await bert.incoming()).answer()
    await out.answered()
    await out.tone(1000)
    await hears(into, 1000)
    await anna.client.call('call.info', { call: out.call, muted: { audio: true } })
    const { muted } = await bert.client.expect('call.info', (e) => e.call === into.call && e.muted)
    assert.equal(muted.audio, true)
    await anna.client.call('call.hold', { call: out.call })
    const held = await bert.client.expect('call.update', { call: into.call })
    assert.deepEqual(held.held, { local: false, remote: true })
    await anna.client.call('call.resume', { call: out.call })
    await bert.client.expect('call.update', (e) => e.call === into.call && !e.held.remote)
    await hears(into, 1000)
    await out.end()
    await into.ended()
})

test('hold of a SIP call: baresip is asked by re-INVITE', async (t) => {
    const bob = await Baresip.start(t)
    const anna = await phone(t)
    const call = await (await anna.start(bob.uri)).answered()
    await call.tone(1000)
    await hears(call, 440)
    const from = bob.program.text.length
    await anna.client.call('call.hold', { call: call.call })
    await bob.program.waitFor(/INVITE[\s\S]*a=(sendonly|inactive)/, 6000, from)
    await anna.client.call('call.resume', { call: call.call })
    await hears(call, 440)
    await call.end()
    await bob.expect('CALL_CLOSED')
})

test('call.update: an ICE restart in the middle of a call, unseen by SIP', async (t) => {
    const callee = await sipp(t, scenario.answer())
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    await call.tone(1000)
    const { sdp: offer } = await peer.command('web.offer', { id: 9000 + call.id, codecs: ['PCMA'], addr: '127.0.0.1' })
    const { sdp } = await anna.client.call('call.update', { call: call.call, sdp: offer })
    assert.match(sdp, /a=ice-ufrag:/)
    const show = await gateway.ctl('call', 'show', call.gatewayId)
    assert.equal(show.state.toLowerCase(), 'up')
    await peer.command('close', { id: 9000 + call.id })
    await call.end()
    await callee.passed()
})

test('trickled candidates are taken', async (t) => {
    const anna = await phone(t)
    const call = await anna.start('echo')
    for (const candidate of ['candidate:1 1 udp 2122260223 5b6f1e2c-8f4d-4a51-9d1c-000000000000.local 50000 typ host', 'candidate:2 1 udp 1 127.0.0.1 50001 typ host', '', null])
        await anna.client.call('call.candidate', { call: call.call, candidate, mid: '0', mline: 0 })
    await call.answered()
    await call.end()
})

test('several tabs ring; the first answer wins, the others are told', async (t) => {
    const tabs = [await phone(t), await phone(t), await phone(t)]
    const caller = await sipp(t, scenario.call('anna'), { to: '127.0.0.1:5060' })
    const calls = await Promise.all(tabs.map((tab) => tab.incoming()))
    await calls[1].answer()
    for (const i of [0, 2]) assert.equal((await tabs[i].client.expect('call.end', { call: calls[i].call })).reason, 'answered-elsewhere')
    await calls[1].end()
    await caller.passed()
})

test('several tabs ring; a reject refuses on all', async (t) => {
    const tabs = [await phone(t), await phone(t)]
    const caller = await sipp(t, scenario.callRefused('anna', 486), { to: '127.0.0.1:5060' })
    const calls = await Promise.all(tabs.map((tab) => tab.incoming()))
    await tabs[0].client.call('call.reject', { call: calls[0].call, reason: 'busy' })
    await tabs[1].client.expect('call.end', { call: calls[1].call })
    await caller.passed()
})

test('the caller gives up while tabs ring', async (t) => {
    const anna = await phone(t)
    const bert = await phone(t, 'bert')
    const out = await bert.start('user:anna')
    const call = await anna.incoming()
    await bert.client.call('call.end', { call: out.call })
    const end = await anna.client.expect('call.end', { call: call.call })
    assert.equal(end.by, 'peer')
    await out.ended()
})

test('X- headers reach the INVITE', async (t) => {
    const callee = await sipp(t, [step.recvRequest('INVITE'), step.reply(486, 'Busy Here'), step.recvRequest('ACK')])
    const anna = await phone(t)
    const call = await anna.start(callee.uri(), { headers: { 'X-Ticket': 'a b; c=7' } })
    await call.ended()
    await callee.passed()
    assert.match(callee.messages(), /X-Ticket: a b; c=7/)
})

test('causewayctl call hangup and call ladder', async (t) => {
    const callee = await sipp(t, scenario.answer())
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    await call.tone(1000)
    await rtpTo(callee.mediaPort, 5)
    await gateway.ctl('call', 'hangup', call.gatewayId)
    assert.equal((await call.ended()).by, 'gateway')
    await callee.passed()
    const ladder = JSON.stringify(await gateway.ctl('call', 'ladder', call.gatewayId))
    for (const word of ['JSON', 'SIP', 'ICE', 'DTLS', 'RTP', 'INVITE', 'call.start', '200', 'ms']) assert.ok(ladder.includes(word), `the ladder has no ${word}: ${ladder}`)
})

test('session.close ends calls and closes with 1000', async (t) => {
    const callee = await sipp(t, scenario.answer())
    const anna = await phone(t)
    await (await anna.start(callee.uri())).answered()
    await anna.client.call('session.close', {})
    await anna.client.closed
    assert.equal(anna.client.closeCode, 1000)
    await callee.passed()
})

test('after all of this: calls, sockets and ports as before', async () => {
    // The threads that transcode begin with the first call that needs them, and stay: an eventfd each.
    const lasting = (files) => files.filter((file) => file !== 'anon_inode:[eventfd]')
    await until(async () => lasting((await gateway.usage()).files).length <= lasting(atFirst.files).length, `descriptors are back to ${atFirst.files.length}`, 5000, 100)
    const { files, status } = await gateway.usage()
    assert.deepEqual(lasting(files), lasting(atFirst.files))
    for (const name of ['calls', 'sessions', 'dialogs', 'transports', 'rtp_ports']) assert.equal(status[name], 0, name)
})

test('a session is told before the gateway ends, and it ends well', async (t) => {
    const anna = await phone(t)
    const stopped = gateway.stop()
    await anna.client.expect('session.closing')
    await anna.client.closed
    assert.equal(anna.client.closeCode, 1001)
    await stopped
})

wireIsClean(() => capture, ['sip', 'sdp', 'rtp', 'stun', 'dtls'])
