// What one leg does, and what of it the other sees: early media, forks, re-INVITEs, lost media,
// limits, sessions that vanish.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture, atFirst
const target = { host: '127.0.0.1', port: 5060 }
const trunkPort = 5620
const narrowPort = 5622

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { t1_ms: 100, t1x64_ms: 2000, invite_timeout_ms: 1500, ring_timeout_ms: 4000 },
        media: { ice_timeout_ms: 1500, consent_timeout_ms: 5000 },
        limits: { calls_per_session: 3, sessions_per_user: 3, calls_max: 6 },
        trunk: [
            { name: 'wide', address: `127.0.0.1:${trunkPort}`, prefixes: ['+33'] },
            { name: 'narrow', address: `127.0.0.1:${narrowPort}`, prefixes: ['+44'], codecs: ['PCMU', 'PCMA'] },
        ],
    })
    peer = WebPeer.start(wholeFile)
    atFirst = await gateway.usage()
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)

// A SIP end with sound: its answers and offers come from an RTP endpoint of the webpeer.
async function sound(t, { sdp, codecs = ['PCMA'], hz = 440 }) {
    const id = peer.nextId++
    const mine = sdp ? await peer.command('rtp.accept', { id, sdp, codecs }) : await peer.command('rtp.offer', { id, codecs })
    t.after(() => peer.command('close', { id }).catch(() => {}))
    return {
        id, sdp: mine.sdp,
        play: () => peer.command('send', { id, codec: codecs[0], pps: 50, tone_hz: hz }),
        stop: () => peer.command('stop', { id }),
        answer: (theirs) => peer.command('rtp.answer', { id, sdp: theirs }),
        hears: (tone) => hears(id, tone),
    }
}

// The strongest tone an endpoint receives from now on.
async function hears(id, hz, ms = 6000) {
    await peer.command('stats', { id, reset: true })
    return until(async () => {
        const { sound: s } = await peer.stats(id, hz)
        return s && Math.abs((s.hz ?? s.peak_hz) - hz) < 20
    }, `endpoint ${id} hears ${hz} Hz`, ms, 50)
}

const ringing = async (t, to = (bob) => `sip:bob@${bob.address}`, { port = 0, body, ...options } = {}) => {
    const bob = await SipPeer.open(t, { port })
    const anna = await phone(t)
    const call = await anna.start(to(bob), options)
    const invite = await bob.expect('INVITE')
    return { bob, anna, call, invite }
}

// Up, with sound both ways; `bob` is the SIP end.
async function inCall(t, options = {}) {
    const all = await ringing(t, undefined, options)
    const voice = await sound(t, { sdp: all.invite.body })
    all.bob.reply(all.invite, 200, 'OK', { body: options.body?.(voice.sdp) ?? voice.sdp })
    await all.bob.expect('ACK')
    await all.call.answered()
    return { ...all, voice, dialog: all.bob.dialogOf(all.invite) }
}

async function byeFrom(bob, cause) {
    const bye = await bob.expect('BYE')
    bob.reply(bye, 200, 'OK', { contact: false })
    if (cause) assert.match(bye.get('reason') ?? '', cause)
}

test('early media: heard before the answer, the description comes once', async (t) => {
    const { bob, anna, call, invite } = await ringing(t)
    const voice = await sound(t, { sdp: invite.body, hz: 500 })
    bob.reply(invite, 183, 'Session Progress', { body: voice.sdp })
    const early = await anna.client.expect('call.progress', { call: call.call, state: 'early' })
    assert.equal(early.status, 183)
    await peer.command('web.answer', { id: call.id, sdp: early.sdp })
    await peer.event(call.id, 'connected')
    await voice.play()
    await call.tone(900)
    await hears(call.id, 500)
    await voice.hears(900)
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    const answer = await anna.client.expect('call.answer', { call: call.call })
    assert.equal(answer.sdp, undefined)
    await hears(call.id, 500)
    const ended = call.end()
    await byeFrom(bob)
    await ended
})

test('forks: each is heard in turn, the browser is told of none', async (t) => {
    const { bob, anna, call, invite } = await ringing(t)
    const one = await sound(t, { sdp: invite.body, hz: 400 })
    const two = await sound(t, { sdp: invite.body, hz: 700 })
    bob.reply(invite, 183, 'Session Progress', { tag: 'one', body: one.sdp })
    const early = await anna.client.expect('call.progress', { call: call.call, state: 'early' })
    await peer.command('web.answer', { id: call.id, sdp: early.sdp })
    await peer.event(call.id, 'connected')
    await one.play()
    await hears(call.id, 400)
    await one.stop()
    bob.reply(invite, 183, 'Session Progress', { tag: 'two', body: two.sdp })
    await two.play()
    await hears(call.id, 700)
    await call.tone(1000)
    await two.hears(1000)
    bob.reply(invite, 200, 'OK', { tag: 'two', body: two.sdp })
    const answer = await anna.client.expect('call.answer', { call: call.call })
    assert.equal(answer.sdp, undefined)
    assert.ok(!anna.client.queue.some((e) => e.sdp), 'the description came once')
    const ended = call.end()
    await byeFrom(bob)
    await ended
})

test('re-INVITE: other address, other payload type; the browser is not told', async (t) => {
    const { bob, anna, call, dialog, voice } = await inCall(t)
    await call.tone(1000)
    await voice.hears(1000)
    const moved = await sound(t, { hz: 650 })
    bob.request('INVITE', '', target, { dialog, body: moved.sdp })
    const answer = await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    bob.request('ACK', '', target, { dialog })
    await moved.answer(answer.body)
    await moved.play()
    await moved.hears(1000)
    await hears(call.id, 650)
    assert.deepEqual(anna.client.queue.filter((e) => !['call.quality', 'call.media'].includes(e.method)), [])
    const ended = call.end()
    await byeFrom(bob)
    await ended
})

test('re-INVITE without offer: ours is in the 200, theirs in the ACK', async (t) => {
    const { bob, call, dialog } = await inCall(t)
    bob.request('INVITE', '', target, { dialog })
    const offer = await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    const moved = await sound(t, { sdp: offer.body, hz: 560 })
    bob.request('ACK', '', target, { dialog, body: moved.sdp })
    await moved.play()
    await call.tone(1000)
    await hears(call.id, 560)
    await moved.hears(1000)
    const ended = call.end()
    await byeFrom(bob)
    await ended
})

test('held by SIP: music on hold is heard, we are not; then resumed', async (t) => {
    const { bob, anna, call, dialog, voice } = await inCall(t)
    await voice.play()
    await call.tone(1000)
    await voice.hears(1000)
    const version = (n) => voice.sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${n}`)
    bob.request('INVITE', '', target, { dialog, body: version(90).replace('a=sendrecv', 'a=sendonly') })
    const answer = await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    assert.match(answer.body, /a=recvonly/)
    bob.request('ACK', '', target, { dialog })
    await anna.client.expect('call.update', (e) => e.held.remote && !e.held.local)
    await hears(call.id, 440)
    const { received: before } = await peer.stats(voice.id)
    const { sent } = await peer.stats(call.id)
    await until(async () => (await peer.stats(call.id)).sent >= sent + 20, 'the browser to send on')
    const { received: after } = await peer.stats(voice.id)
    assert.ok(after - before <= 2, `${after - before} packets while held`)
    bob.request('INVITE', '', target, { dialog, body: version(91) })
    await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    bob.request('ACK', '', target, { dialog })
    await anna.client.expect('call.update', (e) => !e.held.remote)
    await voice.hears(1000)
    const ended = call.end()
    await byeFrom(bob)
    await ended
})

test('hold while the SIP end offers too: told once both are through', async (t) => {
    const { bob, anna, call } = await inCall(t)
    await anna.client.call('call.hold', { call: call.call })
    await anna.client.call('call.resume', { call: call.call })
    await anna.client.call('call.hold', { call: call.call })
    const first = await bob.expect('INVITE')
    assert.match(first.body, /a=sendonly/)
    const voice = await sound(t, { sdp: first.body })
    bob.reply(first, 200, 'OK', { body: voice.sdp.replace('a=sendrecv', 'a=recvonly') })
    await bob.expect('ACK')
    // What the far side knows is what is so: no second re-INVITE, or one that says sendonly.
    const again = await bob.expect('INVITE', 800).catch(() => null)
    if (again) assert.match(again.body, /a=sendonly/)
    if (again) bob.reply(again, 200, 'OK', { body: voice.sdp.replace('a=sendrecv', 'a=recvonly') })
    const ended = call.end()
    await byeFrom(bob)
    await ended
})

test('keys by INFO where telephone-event was not agreed, both ways', async (t) => {
    const plain = (sdp) => sdp.replace(/^(m=audio \d+ RTP\/AVP 8).*$/m, '$1').replace(/^a=(rtpmap|fmtp):(?!8 ).*\r\n/gm, '')
    const { bob, anna, call, dialog } = await inCall(t, { body: plain })
    await anna.client.call('call.dtmf', { call: call.call, digits: '5#', duration_ms: 160 })
    for (const key of ['5', '#']) {
        const info = await bob.expect('INFO')
        assert.match(info.get('content-type'), /application\/dtmf-relay/)
        assert.match(info.body, new RegExp(`Signal=${key}\\r\\nDuration=160`))
        bob.reply(info, 200, 'OK', { contact: false })
    }
    bob.request('INFO', '', target, { dialog, type: 'application/dtmf-relay', body: 'Signal=7\r\nDuration=250\r\n' })
    const told = await anna.client.expect('call.info', { call: call.call })
    assert.deepEqual(told.dtmf, { digit: '7', duration_ms: 250 })
    const ended = call.end()
    await byeFrom(bob)
    await ended
})

test('a trunk\'s codecs, in its order, are all it is offered', async (t) => {
    const { bob, call, invite } = await ringing(t, () => '+44 20 7946 0000', { port: narrowPort, codecs: ['opus', 'PCMA', 'PCMU'] })
    assert.match(invite.body, /m=audio \d+ RTP\/AVP 0 8( \d+)*\r\n/)
    assert.doesNotMatch(invite.body, /opus/i)
    bob.reply(invite, 486, 'Busy Here')
    assert.equal((await call.ended()).reason, 'busy')
})

test('an answer without a codec of ours ends the call both ways', async (t) => {
    const { bob, call, invite } = await ringing(t)
    const voice = await sound(t, { sdp: invite.body })
    bob.reply(invite, 200, 'OK', { body: voice.sdp.replace(/RTP\/AVP 8.*/, 'RTP/AVP 18').replace(/^a=(rtpmap|fmtp).*\r\n/gm, '') })
    await bob.expect('ACK')
    await byeFrom(bob)
    const end = await call.ended()
    assert.deepEqual([end.reason, end.by], ['no-codec', 'gateway'])
})

test('a browser that never connects: ice, and a BYE', async (t) => {
    const { bob, call, invite } = await ringing(t)
    const voice = await sound(t, { sdp: invite.body })
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    await byeFrom(bob)
    const end = await call.ended()
    assert.ok(['ice', 'timeout'].includes(end.reason), end.reason)
    assert.equal(end.by, 'gateway')
})

test('a browser whose media vanishes: media-lost, and a BYE', async (t) => {
    const { bob, anna, call } = await inCall(t)
    await peer.command('close', { id: call.id })
    const end = await anna.client.expect('call.end', { call: call.call }, 8000)
    assert.equal(end.reason, 'media-lost')
    await byeFrom(bob)
})

test('a browser that closes its media before it says that it hangs up has hung up', async (t) => {
    const { bob, anna, call } = await inCall(t)
    await peer.command('close', { id: call.id, goodbye: true })
    await until(async () => JSON.stringify(await gateway.ctl('call', 'ladder', call.gatewayId)).includes('went silent'), 'its end is heard', 3000)
    await anna.client.call('call.end', { call: call.call })
    const end = await anna.client.expect('call.end', { call: call.call })
    assert.deepEqual([end.reason, end.by], ['hangup', 'you'])
    await byeFrom(bob)
})

test('a session that vanishes: CANCEL while it rings, BYE in a call', async (t) => {
    const first = await ringing(t)
    first.bob.reply(first.invite, 180, 'Ringing')
    await first.anna.client.expect('call.progress', { state: 'ringing' })
    first.anna.client.socket.terminate()
    const cancel = await first.bob.expect('CANCEL')
    first.bob.reply(cancel, 200, 'OK', { contact: false })
    first.bob.reply(first.invite, 487, 'Request Terminated')
    await first.bob.expect('ACK')

    const second = await inCall(t)
    second.anna.client.socket.terminate()
    await byeFrom(second.bob)
})

test('two browsers: descriptions, keys, mute, hold and the end cross', async (t) => {
    const [anna, bert] = [await phone(t), await phone(t, 'bert')]
    const out = await anna.start('user:bert')
    const back = await bert.incoming()
    assert.deepEqual([back.event.from.user, back.event.to], ['anna', 'user:bert'])
    await anna.client.expect('call.progress', { call: out.call, state: 'ringing' })
    await back.answer()
    await out.answered()
    await back.tone(610)
    await out.tone(820)
    await hears(out.id, 610)
    await hears(back.id, 820)
    await anna.client.call('call.dtmf', { call: out.call, digits: '9' })
    assert.equal((await bert.client.expect('call.info', { call: back.call })).dtmf.digit, '9')
    await bert.client.call('call.info', { call: back.call, muted: { audio: true } })
    assert.deepEqual((await anna.client.expect('call.info', { call: out.call })).muted, { audio: true })
    await bert.client.call('call.hold', { call: back.call })
    await anna.client.expect('call.update', (e) => e.held.remote && !e.held.local)
    await bert.client.expect('call.update', (e) => !e.held.remote && e.held.local)
    await bert.client.call('call.resume', { call: back.call })
    await anna.client.expect('call.update', (e) => !e.held.remote)
    await hears(out.id, 610)
    await bert.client.call('call.end', { call: back.call })
    assert.equal((await out.ended()).by, 'peer')
    assert.equal((await back.ended()).by, 'you')
})

test('calling oneself rings the other tabs only', async (t) => {
    const [one, two] = [await phone(t), await phone(t)]
    const out = await one.start('user:anna')
    const back = await two.incoming()
    assert.ok(!one.client.queue.some((e) => e.method === 'call.incoming'))
    await two.client.call('call.reject', { call: back.call })
    assert.equal((await out.ended()).reason, 'declined')
    await one.client.refused('call.start', { call: 'x', to: 'user:nobody', sdp: (await peer.command('web.offer', { id: 7777, codecs: ['PCMA'], addr: '127.0.0.1' })).sdp }, 'not-found')
    await peer.command('close', { id: 7777 })
})

test('a user who rings for ever: timeout for a browser, a status for SIP', async (t) => {
    const [anna, bert] = [await phone(t), await phone(t, 'bert')]
    const out = await anna.start('user:bert')
    const caller = await SipPeer.open(t)
    const dialog = caller.request('INVITE', 'sip:bert@127.0.0.1:5060', target, { body: (await sound(t, {})).sdp })
    const final = caller.expect((m) => m.status >= 300)
    assert.equal((await out.ended({}, 8000)).reason, 'timeout')
    const answer = await final
    assert.ok([408, 480].includes(answer.status), answer.first)
    caller.request('ACK', 'sip:bert@127.0.0.1:5060', target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    assert.equal((await bert.client.expect('call.end')).reason, 'timeout')
})

test('limits: calls of a session, sessions of a user, calls at all', async (t) => {
    const sdp = async (id) => (await peer.command('web.offer', { id, codecs: ['PCMA'], addr: '127.0.0.1' })).sdp
    const tabs = [await phone(t), await phone(t), await phone(t)]
    await assert.rejects(phone(t), (error) => error.kind === 'overload')
    for (let i = 0; i < 3; i++) await tabs[0].start('echo', { call: `a${i}` })
    await tabs[0].client.refused('call.start', { call: 'a3', to: 'echo', sdp: await sdp(8001) }, 'overload')
    for (let i = 0; i < 3; i++) await tabs[1].start('echo', { call: `b${i}` })
    await tabs[2].client.refused('call.start', { call: 'c0', to: 'echo', sdp: await sdp(8002) }, 'overload')
    const caller = await SipPeer.open(t)
    const dialog = caller.request('INVITE', 'sip:anna@127.0.0.1:5060', target, { body: (await sound(t, {})).sdp })
    const answer = await caller.expect((m) => m.status >= 300)
    assert.equal(answer.status, 503)
    caller.request('ACK', 'sip:anna@127.0.0.1:5060', target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    for (const tab of tabs) await tab.client.close()
    for (const id of [8001, 8002]) await peer.command('close', { id })
})

test('after all of this: calls, dialogs, ports, timers and descriptors as before', async () => {
    await peer.command('close', {})
    await until(async () => {
        const { status: s } = await gateway.usage()
        return s.calls === 0 && s.dialogs === 0 && s.rtp_ports === 0 && s.transports === 0 && s.sessions === 0
    }, 'calls, dialogs and ports are gone', 5000, 100)
    await until(async () => (await gateway.usage()).files.length <= atFirst.files.length, `descriptors are back to ${atFirst.files.length}`, 8000, 100)
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
