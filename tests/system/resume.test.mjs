// A session that loses its connection, its page or its device, while a SIP end is in a call with it: what
// is resumed, what the SIP end sees of it (nothing), and how it ends when nobody comes back.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import dgram from 'node:dgram'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Client } from '../lib/rpc.mjs'
import { Phone, PhoneCall, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { Sound } from '../lib/sound.mjs'
import { token } from '../lib/jwt.mjs'
import { tempDir, until, wholeFile, withDeadline } from '../lib/proc.mjs'

const gatewayAt = { host: '127.0.0.1', port: 5060 }
const secret = 'a secret of more than thirty-two bytes, for tests'
let gateway, peer

before(async () => {
    const dir = tempDir(wholeFile, 'keys')
    writeFileSync(path.join(dir, 'secret'), secret + '\n')
    gateway = await Gateway.start(wholeFile, {
        key: [{ id: 'h', algorithm: 'HS256', secret: `file:${dir}/secret` }],
        web: { resume_ms: 6000, resume_call_ms: 8000, resume_messages: 5, ping_interval_ms: 2000, ping_timeout_ms: 4000 },
        sip: { t1_ms: 100, t1x64_ms: 2000, invite_timeout_ms: 1500, ring_timeout_ms: 20000 },
        media: { workers: 1, quality_interval_ms: 0, ringback: 'off', consent_timeout_ms: 5000 },
    })
    peer = WebPeer.start(wholeFile)
})

const guest = { guest: 'anna', resume: true }
const user = (name) => ({ token: token('HS256', secret, { sub: name }, { kid: 'h' }), resume: true, client: { browser: 'Firefox' } })

// Between a browser and the gateway's port: a network, which can be down.
async function network(t) {
    const inside = dgram.createSocket('udp4'), outside = dgram.createSocket('udp4')
    const net = { down: false }
    let browser
    outside.on('message', (data) => browser && !net.down && inside.send(data, browser.port, browser.address))
    inside.on('message', (data, from) => {
        browser = from
        if (!net.down) outside.send(data, 7000, '127.0.0.1')
    })
    await Promise.all([inside, outside].map((s) => new Promise((resolve) => s.bind(0, '127.0.0.1', resolve))))
    t.after(() => (inside.close(), outside.close()))
    return Object.assign(net, { through: (sdp) => sdp.replace(/^(a=candidate:\S+ 1 \S+ \S+ 127\.0\.0\.1) 7000/gm, `$1 ${inside.address().port}`) })
}

// Anna in a call with the SIP end Bob, sound both ways.
async function inCall(t, who = guest) {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, who)
    const sip = []
    bob.socket.on('message', (data) => !String(data).startsWith('SIP/2.0') && sip.push(String(data).split(' ')[0]))
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const voice = await Sound.answering(t, peer, invite.body)
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    const net = await network(t)
    const { sdp } = await anna.client.expect('call.answer')
    await peer.command('web.answer', { id: call.id, sdp: net.through(sdp) })
    await peer.event(call.id, 'connected')
    await voice.play()
    await call.tone(1000)
    await both(call, voice)
    sip.length = 0
    return { anna, bob, call, voice, net, sip, dialog: bob.dialogOf(invite), invite }
}

async function both(call, voice) {
    await Sound.of(peer, call.id).hears(voice.hz)
    await voice.hears(1000)
}

// Whatever the SIP end was to be sent, it has been sent after this.
async function nothingSaid({ bob, sip }) {
    bob.request('OPTIONS', 'sip:127.0.0.1:5060', gatewayAt, { dialog: {} })
    await bob.expect((m) => m.status && /OPTIONS/.test(m.get('cseq')))
    assert.deepEqual(sip, [], 'the SIP end sees nothing of it')
}

const row = async (session) => (await gateway.ctl('sessions')).find((s) => s.id === session)
const away = (client) => until(async () => (await row(client.session.session))?.link === 'none', 'its connection is lost', 9000)
const ladderHas = (call, text, ms = 8000) => until(async () => JSON.stringify(await gateway.ctl('call', 'ladder', call.gatewayId)).includes(text), `the ladder has "${text}"`, ms)

// The page comes back with another RTCPeerConnection.
async function reloaded(client, old, options = {}) {
    const call = Object.assign(new PhoneCall({ client, peer }, old.call, peer.nextId++, old.gatewayId), { from: old })
    const { sdp } = await peer.command('web.offer', { id: call.id, codecs: ['PCMA'], addr: '127.0.0.1', ...options })
    const answer = await client.call('call.update', { call: call.call, sdp, restart: true })
    await peer.command('web.answer', { id: call.id, sdp: answer.sdp })
    await peer.event(call.id, 'connected')
    return call
}

async function hangUp({ bob, voice }, call) {
    const bye = bob.expect('BYE')
    await call.client.call('call.end', { call: call.call })
    bob.reply(await bye, 200, 'OK', { contact: false })
    await call.ended()
    await voice.stop()
}

test('a connection lost and resumed: what was missed comes as it was, the SIP end sees nothing', async (t) => {
    const c = await inCall(t)
    const { client } = c.anna
    await client.call('ping', { ack: client.seq })
    const seq = client.seq
    client.socket.terminate()
    await away(client)
    c.bob.request('INVITE', '', gatewayAt, { dialog: c.dialog, body: c.voice.sdp.replace('a=sendrecv', 'a=sendonly').replace(/^(o=\S+ \S+) \S+/m, '$1 77') })
    assert.equal((await c.bob.expect((m) => m.status >= 200 && /INVITE/.test(m.get('cseq')))).status, 200)
    c.bob.request('ACK', '', gatewayAt, { dialog: c.dialog })
    const back = await Client.resume(t, gateway.ws, client, { seq })
    assert.deepEqual([back.session.resumed, back.session.from, back.session.reset, back.session.user], [true, seq, undefined, 'anna'])
    const held = await back.expect('call.update', { call: c.call.call })
    assert.deepEqual([held.seq, held.held], [seq + 1, { local: false, remote: true }])
    c.bob.request('INVITE', '', gatewayAt, { dialog: c.dialog, body: c.voice.sdp.replace(/^(o=\S+ \S+) \S+/m, '$1 78') })
    await c.bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    c.bob.request('ACK', '', gatewayAt, { dialog: c.dialog })
    await back.expect('call.update', (e) => !e.held.remote)
    await both(c.call, c.voice)
    await nothingSaid(c)
    const now = await row(back.session.session)
    assert.deepEqual([now.link, now.calls, now.away_ms], ['ws', 1, undefined])
    await ladderHas(c.call, 'connection lost')
    await ladderHas(c.call, 'session.resume')

    // The token was used, and its successor has shown itself.
    await back.call('ping')
    const thief = await Client.connect(t, gateway.ws)
    const stolen = { session: client.session.session, token: client.session.resume.token }
    await thief.refused('session.resume', stolen, 'session-gone')
    await thief.refused('session.resume', { ...stolen, session: '0000000000000' }, 'session-gone')
    assert.equal((await withDeadline(thief.closed, 5000, 'it is closed')).code, 4401)
    assert.equal((await back.call('ping')).now_ms > 0, true)
    await hangUp(c, Object.assign(c.call, { client: back }))
})

test('a reply lost with its connection: the token it followed counts once more', async (t) => {
    const client = await Client.open(t, gateway.ws, guest)
    client.socket.terminate()
    await away(client)
    const lost = await Client.resume(t, gateway.ws, client, { seq: 0 })
    lost.socket.terminate() // as if it had never heard
    await away(client)
    const back = await Client.resume(t, gateway.ws, client, { seq: 0 })
    await back.call('ping')
    await back.close()
})

test('a reloaded page: the state is told, a new RTCPeerConnection takes the place; held and muted stay so', async (t) => {
    const c = await inCall(t)
    const { client } = c.anna
    await client.call('call.info', { call: c.call.call, muted: { video: true } })
    await client.call('call.info', { call: c.call.call, muted: { audio: true } })
    await client.call('call.hold', { call: c.call.call })
    const reinvite = await c.bob.expect('INVITE')
    c.bob.reply(reinvite, 200, 'OK', { body: c.voice.sdp.replace('a=sendrecv', 'a=recvonly').replace(/^(o=\S+ \S+) \S+/m, '$1 91') })
    await c.bob.expect('ACK')
    c.sip.length = 0
    await peer.command('close', { id: c.call.id, goodbye: true }) // DTLS says so
    client.socket.terminate()
    const back = await Client.resume(t, gateway.ws, client)
    assert.equal(back.session.reset, true)
    const { since_ms, ...state } = back.session.state.calls[0]
    assert.ok(since_ms > 0)
    assert.deepEqual(state, {
        call: c.call.call, id: c.call.gatewayId, direction: 'outgoing', state: 'active', held: { local: true, remote: false },
        muted: { audio: true, video: true }, peer: { uri: `sip:bob@${c.bob.address}` }, video: false,
    })
    assert.deepEqual([back.session.state.groups, back.session.state.rooms], [[], []])
    const call = await reloaded(back, c.call)
    await call.tone(1000)
    await nothingSaid(c)
    assert.ok(((leg) => leg.held && leg.transport.state === 'connected')((await gateway.ctl('call', 'show', call.gatewayId)).leg_a))
    await back.call('call.resume', { call: call.call })
    const again = await c.bob.expect('INVITE')
    c.bob.reply(again, 200, 'OK', { body: c.voice.sdp.replace(/^(o=\S+ \S+) \S+/m, '$1 92') })
    await c.bob.expect('ACK')
    await both(call, c.voice)
    await hangUp(c, call)
})

test('reloaded twice in a call that goes on: the SIP end hears one stream', async (t) => {
    const c = await inCall(t)
    const first = (await c.voice.stats()).ssrc
    let { client } = c.anna, { call } = c
    for (let i = 0; i < 2; i++) {
        await peer.command('close', { id: call.id })
        client.socket.terminate()
        client = await Client.resume(t, gateway.ws, client)
        call = await reloaded(client, call)
        await call.tone(1000)
        await both(call, c.voice)
    }
    assert.equal((await c.voice.stats()).ssrc, first)
    await nothingSaid(c)
    await hangUp(c, call)
})

test('offline until consent is gone: the call waits with its session, and goes on with the network', async (t) => {
    const c = await inCall(t)
    const { client } = c.anna
    c.net.down = true
    client.goSilent()
    await away(client)
    await ladderHas(c.call, 'consent is gone')
    assert.equal((await gateway.ctl('calls')).length, 1)
    c.net.down = false
    const back = await Client.resume(t, gateway.ws, client, { seq: client.seq })
    assert.equal(back.session.from, client.seq)
    await both(c.call, c.voice)
    await nothingSaid(c)
    await hangUp(c, Object.assign(c.call, { client: back }))
})

test('nobody comes back: BYE with a Reason, and `network` for a user at the other end', async (t) => {
    const c = await inCall(t)
    const bert = await Phone.open(t, gateway, peer, 'bert')
    const other = await c.anna.start('user:bert')
    const theirs = await bert.incoming()
    await theirs.answer()
    await other.answered()
    const before = (await gateway.ctl('stats')).sessions_expired
    c.anna.client.socket.terminate()
    await away(c.anna.client)
    const bye = await c.bob.expect('BYE', 12000)
    assert.match(bye.get('reason') ?? '', /cause=/)
    c.bob.reply(bye, 200, 'OK', { contact: false })
    const end = await theirs.ended({}, 3000)
    assert.deepEqual([end.reason, end.by], ['network', 'gateway'])
    assert.ok((await gateway.ctl('stats')).sessions_expired > before)
    const late = await Client.connect(t, gateway.ws)
    await late.refused('session.resume', { session: c.anna.client.session.session, token: c.anna.client.session.resume.token }, 'session-gone')
    await late.call('session.open', { guest: 'anna' }) // on the same connection
    await late.close()
})

test('too much was missed: reset, and the state', async (t) => {
    const anna = await Phone.open(t, gateway, peer, guest)
    const bert = await Phone.open(t, gateway, peer, 'bert')
    const call = await anna.start('user:bert')
    const theirs = await bert.incoming()
    await theirs.answer()
    await call.answered()
    const { seq } = anna.client
    anna.client.socket.terminate()
    await away(anna.client)
    for (let i = 0; i < 8; i++) await bert.client.call('call.info', { call: theirs.call, muted: { audio: i % 2 === 0 } })
    const back = await Client.resume(t, gateway.ws, anna.client, { seq })
    assert.deepEqual([back.session.reset, back.session.from, back.session.seq], [true, undefined, seq + 8])
    assert.deepEqual(back.session.state.calls.map((row) => [row.call, row.state, row.peer.user]), [[call.call, 'active', 'bert']])
    await bert.client.call('call.end', { call: theirs.call })
    assert.equal((await back.expect('call.end')).seq, seq + 9)
    await back.close()
})

test('another connection takes over: the old one is closed with 4409, its calls go on', async (t) => {
    const c = await inCall(t)
    const { client } = c.anna
    const back = await Client.resume(t, gateway.ws, client, { seq: client.seq })
    assert.equal((await withDeadline(client.closed, 5000, 'the old one is closed')).code, 4409)
    await both(c.call, c.voice)
    await nothingSaid(c)
    await hangUp(c, Object.assign(c.call, { client: back }))
})

test('called while away, reloaded while it rings: call.incoming comes again, and can be answered', async (t) => {
    const anna = await Client.open(t, gateway.ws, guest)
    anna.socket.terminate()
    await away(anna)
    const bert = await Phone.open(t, gateway, peer, 'bert')
    const out = await bert.start('user:anna')
    let back = await Client.resume(t, gateway.ws, anna, { seq: anna.seq })
    await back.expect('call.incoming')
    back.socket.terminate()
    await away(back)
    back = await Client.resume(t, gateway.ws, back)
    assert.deepEqual(back.session.state.calls.map((row) => [row.direction, row.state, row.peer.user]), [['incoming', 'ringing', 'bert']])
    const phone = Object.assign(new Phone(), { peer, client: back })
    await (await phone.incoming()).answer()
    await out.answered()
    await bert.client.call('call.end', { call: out.call })
    await back.expect('call.end')
    await back.close()
})

test('an outgoing call that rings survives a reload: the answer comes to the new RTCPeerConnection', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, guest)
    const old = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 180, 'Ringing')
    await anna.client.expect('call.progress', { state: 'ringing' })
    anna.client.socket.terminate()
    const back = await Client.resume(t, gateway.ws, anna.client)
    assert.equal(back.session.state.calls[0].state, 'ringing')
    const call = Object.assign(new PhoneCall({ client: back, peer }, old.call, peer.nextId++, old.gatewayId))
    const { sdp } = await peer.command('web.offer', { id: call.id, codecs: ['PCMA'], addr: '127.0.0.1' })
    assert.deepEqual(await back.call('call.update', { call: call.call, sdp, restart: true }), {})
    const voice = await Sound.answering(t, peer, invite.body)
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    await call.answered()
    await voice.play()
    await call.tone(1000)
    await both(call, voice)
    await hangUp({ bob, voice }, call)
})

test('another device of the user pulls the call: the SIP end sees nothing', async (t) => {
    const c = await inCall(t, user('carla'))
    const second = await Client.open(t, gateway.ws, user('carla'))
    const { calls: [there] } = await second.call('session.calls')
    assert.deepEqual([there.id, there.state, there.session, there.device.browser], [c.call.gatewayId, 'active', c.anna.client.session.session, 'Firefox'])
    const stranger = await Client.open(t, gateway.ws, user('dora'))
    const offer = (await peer.command('web.offer', { id: peer.nextId++, codecs: ['PCMA'], addr: '127.0.0.1' })).sdp
    await stranger.refused('call.pull', { id: there.id, call: 'p', sdp: offer }, 'no-call')
    const asGuest = await Client.open(t, gateway.ws, 'carla')
    await asGuest.refused('call.pull', { id: there.id, call: 'p', sdp: offer }, 'forbidden')
    assert.deepEqual((await asGuest.call('session.calls')).calls, [])

    const call = new PhoneCall({ client: second, peer }, 'pulled1', peer.nextId++, there.id)
    const { sdp } = await peer.command('web.offer', { id: call.id, codecs: ['PCMA'], addr: '127.0.0.1' })
    const answer = await second.call('call.pull', { id: there.id, call: call.call, sdp })
    await peer.command('web.answer', { id: call.id, sdp: answer.sdp })
    await peer.event(call.id, 'connected')
    const end = await c.call.ended()
    assert.deepEqual([end.reason, end.by], ['pulled', 'you'])
    await call.tone(1000)
    await both(call, c.voice)
    await nothingSaid(c)
    assert.deepEqual((await second.call('session.calls')).calls, [])
    await c.anna.client.close()
    await both(call, c.voice)
    await hangUp(c, call)
})

test('after all of this: nothing waits, nothing is left', async () => {
    await until(async () => (await gateway.ctl('calls')).length === 0, 'no call is left', 10000)
    await until(async () => (await gateway.ctl('sessions')).length === 0, 'no session is left', 10000)
    const stats = await gateway.ctl('stats')
    for (const name of ['sessions', 'sessions_away', 'calls', 'transports', 'rtp_ports', 'sip_calls']) assert.equal(stats[name], 0, name)
    assert.ok(stats.session_resumes >= 4 && stats.session_resets >= 5 && stats.calls_restarted >= 4 && stats.calls_pulled === 1)
})
