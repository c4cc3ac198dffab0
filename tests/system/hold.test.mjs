// Holding in every form, both ways, and what is heard meanwhile.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { Sound } from '../lib/sound.mjs'
import { tempDir, until, wholeFile } from '../lib/proc.mjs'
import { writeTone } from '../lib/wav.mjs'
import { samplesOf } from '../lib/capture.mjs'
import { peakHz } from '../lib/audio.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const musicHz = 523
const quietPort = 5650
const gatewayAt = { host: '127.0.0.1', port: 5060 }
let gateway, peer, capture

before(async () => {
    const music = writeTone(path.join(tempDir(wholeFile, 'music'), 'music.wav'), { hz: musicHz })
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { t1_ms: 100, t1x64_ms: 2000, invite_timeout_ms: 1500 },
        media: { hold_music: music, hold_music_browsers: true },
        trunk: [
            { name: 'quiet', address: `127.0.0.9:${quietPort}`, prefixes: ['+33'], hold_music: '' },
            { name: 'late', address: `127.0.0.9:${quietPort}`, prefixes: ['+34'], late_offer: true, codecs: ['PCMA'] },
            { name: 'picture', address: `127.0.0.9:${quietPort}`, prefixes: ['+35'], codecs: ['PCMA', 'VP8'] },
        ],
    })
    peer = WebPeer.start(wholeFile)
})

// A call that is up, with sound both ways: the SIP end plays 440 Hz, the browser 1000 Hz.
async function inCall(t, { to = (bob) => `sip:bob@${bob.address}`, ...open } = {}) {
    const bob = await SipPeer.open(t, open)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start(to(bob))
    const invite = await bob.expect('INVITE')
    const voice = await Sound.answering(t, peer, invite.body)
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    await call.answered()
    await voice.play()
    await call.tone(1000)
    const browser = Sound.of(peer, call.id)
    await browser.hears(440)
    await voice.hears(1000)
    let version = 90
    const dialog = bob.dialogOf(invite)
    return {
        bob, anna, call, voice, browser, dialog,
        // Its own SDP, changed; the gateway's answer.
        async offer(change, sdp = voice.sdp) {
            bob.request('INVITE', '', gatewayAt, { dialog, body: change(sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${++version}`)) })
            const answer = await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
            bob.request('ACK', '', gatewayAt, { dialog })
            return answer.body
        },
        // The gateway's re-INVITE, answered in the direction `dir`.
        async reinvited(wanted, dir) {
            const again = await bob.expect('INVITE')
            assert.match(again.body, new RegExp(`a=${wanted}\r\n`))
            bob.reply(again, 200, 'OK', { body: voice.sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${++version}`).replace('a=sendrecv', `a=${dir}`) })
            await bob.expect('ACK')
        },
        async end() {
            const ended = call.end()
            bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
            await ended
        },
    }
}

const says = (dir) => (sdp) => sdp.replace('a=sendrecv', `a=${dir}`)
const held = (anna, want) => anna.client.expect('call.update', (e) => e.held.local === want.local && e.held.remote === want.remote)

async function hearsNothing(sound) {
    const { sent } = await peer.stats(sound.id)
    const { received } = await peer.stats(sound.id)
    await until(async () => (await peer.stats(sound.id)).sent >= sent + 20, 'it sends on', 3000, 50)
    const more = (await peer.stats(sound.id)).received - received
    assert.ok(more <= 2, `${more} packets`)
}

const forms = [
    ['sendonly', says('sendonly'), 'recvonly', 440],
    ['inactive', says('inactive'), 'inactive', musicHz],
    ['c=0.0.0.0', (sdp) => sdp.replace(/^c=.*/m, 'c=IN IP4 0.0.0.0'), 'recvonly', 440],
    ['c=0.0.0.0 and sendonly', (sdp) => says('sendonly')(sdp.replace(/^c=.*/m, 'c=IN IP4 0.0.0.0')), 'recvonly', 440],
]

for (const [name, change, answer, hz] of forms)
    test(`held by SIP with ${name}, resumed at another address`, async (t) => {
        const c = await inCall(t)
        assert.match(await c.offer(change), new RegExp(`a=${answer}\r\n`))
        await held(c.anna, { local: false, remote: true })
        await c.browser.hears(hz)
        await hearsNothing(c.voice)
        const moved = await Sound.offering(t, peer, { hz: 650 })
        await moved.answer(await c.offer((sdp) => sdp, moved.sdp))
        await held(c.anna, { local: false, remote: false })
        await moved.play()
        await c.browser.hears(650)
        await moved.hears(1000)
        assert.ok(!c.anna.client.queue.some((e) => e.sdp), 'no description')
        await c.end()
    })

const reliable = (n) => ['Require: 100rel', `RSeq: ${n}`, 'Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE']

async function prack(bob, invite, n, body) {
    bob.reply(invite, 183, 'Session Progress', { headers: reliable(n), body })
    const request = await bob.expect('PRACK')
    assert.equal(request.get('rack'), `${n} ${invite.get('cseq')}`)
    bob.reply(request, 200, 'OK', { contact: false })
    return request
}

test('held before the answer, in the early dialog: told with the answer, resumed after it', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const voice = await Sound.answering(t, peer, invite.body)
    await prack(bob, invite, 1, voice.sdp)
    const dialog = bob.dialogOf(invite)
    const version = (n) => (sdp) => sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${n}`)
    bob.request('UPDATE', '', gatewayAt, { dialog, body: says('sendonly')(version(90)(voice.sdp)) })
    const updated = await bob.expect((m) => m.status && /UPDATE/.test(m.get('cseq')))
    assert.match(updated.body, /a=recvonly\r\n/)
    assert.ok(!anna.client.queue.some((e) => e.held?.remote), 'nothing of it before the answer')
    bob.reply(invite, 200, 'OK')
    await bob.expect('ACK')
    await call.answered()
    await held(anna, { local: false, remote: true })
    await voice.play()
    await call.tone(1000)
    await Sound.of(peer, call.id).hears(440)
    await hearsNothing(voice)
    bob.request('INVITE', '', gatewayAt, { dialog, body: version(91)(voice.sdp) })
    assert.match((await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))).body, /a=sendrecv\r\n/)
    bob.request('ACK', '', gatewayAt, { dialog })
    await held(anna, { local: false, remote: false })
    await voice.hears(1000)
    const ended = call.end()
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await ended
})

for (const where of ['a reliable 183', 'the 200'])
    test(`a trunk that makes the offer, in ${where}: our answer comes back, sound both ways`, async (t) => {
        const bob = await SipPeer.open(t, { host: '127.0.0.9', port: quietPort })
        const anna = await Phone.open(t, gateway, peer, 'anna')
        const call = await anna.start('+341')
        const invite = await bob.expect('INVITE')
        assert.equal(invite.body, '')
        const voice = await Sound.offering(t, peer)
        let answer
        if (where === 'the 200') bob.reply(invite, 200, 'OK', { body: voice.sdp })
        else {
            answer = await prack(bob, invite, 1, voice.sdp)
            await voice.answer(answer.body)
            await voice.play()
            bob.reply(invite, 200, 'OK')
        }
        const ack = await bob.expect('ACK')
        if (answer) assert.equal(ack.body, '')
        else await voice.answer(ack.body)
        assert.match((answer ?? ack).body, /m=audio \d+ RTP\/AVP 8/)
        await call.answered()
        await voice.play()
        await call.tone(1000)
        await Sound.of(peer, call.id).hears(440)
        await voice.hears(1000)
        const ended = call.end()
        bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
        await ended
    })

test('a trunk whose offer cannot be taken: the call is cancelled, or ended', async (t) => {
    const bob = await SipPeer.open(t, { host: '127.0.0.9', port: quietPort })
    const other = sdp({ host: '127.0.0.9', lines: ['m=audio PORT RTP/AVP 97', 'a=rtpmap:97 iLBC/8000'] })
    const anna = await Phone.open(t, gateway, peer, 'anna')
    for (const status of [183, 200]) {
        const call = await anna.start('+341')
        const invite = await bob.expect('INVITE')
        bob.reply(invite, status, 'OK', { headers: status === 183 ? reliable(1) : [], body: other })
        if (status === 183) {
            bob.reply(await bob.expect('CANCEL'), 200, 'OK', { contact: false })
            bob.reply(invite, 487)
            await bob.expect('ACK')
        } else {
            assert.equal((await bob.expect('ACK')).body, '')
            bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
        }
        assert.equal((await call.ended()).reason, 'no-codec')
    }
})

test('with video: hold stops both and is told once, resuming brings both back, either way', async (t) => {
    const bob = await SipPeer.open(t, { host: '127.0.0.9', port: quietPort })
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = 'picture'
    await anna.client.call('call.start', { call, to: '+351', sdp: (await peer.command('web.offer', { id: 9001, codecs: ['PCMA'], video: true })).sdp })
    t.after(() => peer.command('close', { id: 9001 }))
    const invite = await bob.expect('INVITE')
    assert.match(invite.body, /m=video [1-9]\d* RTP\/AVP/)
    const media = (version, dir) => sdp({ host: '127.0.0.9', lines: ['m=audio 42000 RTP/AVP 8', 'a=rtpmap:8 PCMA/8000', `a=${dir}`, 'm=video 42002 RTP/AVP 96', 'a=rtpmap:96 VP8/90000', `a=${dir}`] }).replace('1 1 IN', `1 ${version} IN`)
    const dirs = (message) => [...message.body.matchAll(/a=(sendrecv|sendonly|recvonly|inactive)\r\n/g)].map((m) => m[1])
    bob.reply(invite, 200, 'OK', { body: media(1, 'sendrecv') })
    await bob.expect('ACK')
    await anna.client.expect('call.answer', { call })
    const dialog = bob.dialogOf(invite)
    let version = 1
    for (const [dir, answer, remote] of [['sendonly', 'recvonly', true], ['sendrecv', 'sendrecv', false], ['inactive', 'inactive', true], ['sendrecv', 'sendrecv', false]]) {
        bob.request('INVITE', '', gatewayAt, { dialog, body: media(++version, dir) })
        assert.deepEqual(dirs(await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))), [answer, answer])
        bob.request('ACK', '', gatewayAt, { dialog })
        await held(anna, { local: false, remote })
    }
    for (const [method, dir] of [['call.hold', 'sendonly'], ['call.resume', 'sendrecv']]) {
        await anna.client.call(method, { call })
        const again = await bob.expect('INVITE')
        assert.deepEqual(dirs(again), [dir, dir])
        bob.reply(again, 200, 'OK', { body: media(++version, dir === 'sendonly' ? 'recvonly' : 'sendrecv') })
        await bob.expect('ACK')
    }
    await anna.client.call('ping')
    assert.ok(!anna.client.queue.some((e) => e.held?.remote), 'told once each')
    await anna.client.call('call.end', { call })
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await anna.client.expect('call.end', { call })
})

test('recvonly is no hold: we are heard, it is not', async (t) => {
    const c = await inCall(t)
    await c.voice.stop()
    assert.match(await c.offer(says('recvonly')), /a=sendonly\r\n/)
    await c.voice.hears(1000)
    assert.ok(!c.anna.client.queue.some((e) => e.method === 'call.update'))
    await c.end()
})

test('held by the browser: the SIP end hears the recording, then the browser again', async (t) => {
    const c = await inCall(t)
    await c.anna.client.call('call.hold', { call: c.call.call })
    await c.reinvited('sendonly', 'recvonly')
    await c.voice.hears(musicHz)
    await hearsNothing(c.browser)
    await c.voice.hears(musicHz, { after_ms: 1500 }) // over its end
    await c.anna.client.call('call.resume', { call: c.call.call })
    await c.reinvited('sendrecv', 'sendrecv')
    await c.voice.hears(1000)
    await c.browser.hears(440)
    await c.end()
})

test('both hold: nobody hears anything; each resumes by itself, in either order', async (t) => {
    for (const browserFirst of [true, false]) {
        const c = await inCall(t)
        await c.anna.client.call('call.hold', { call: c.call.call })
        await c.reinvited('sendonly', 'recvonly')
        await held(c.anna, { local: true, remote: false })
        assert.match(await c.offer(says('sendonly')), /a=inactive\r\n/)
        await held(c.anna, { local: true, remote: true })
        await hearsNothing(c.voice)
        await hearsNothing(c.browser)
        if (browserFirst) {
            await c.anna.client.call('call.resume', { call: c.call.call })
            await c.reinvited('sendrecv', 'sendonly')
            await held(c.anna, { local: false, remote: true })
            await c.browser.hears(440)
            await hearsNothing(c.voice)
            assert.match(await c.offer(says('sendrecv')), /a=sendrecv\r\n/)
        } else {
            assert.match(await c.offer(says('sendrecv')), /a=sendonly\r\n/)
            await held(c.anna, { local: true, remote: false })
            await c.voice.hears(musicHz)
            await c.anna.client.call('call.resume', { call: c.call.call })
            await c.reinvited('sendrecv', 'sendrecv')
        }
        await held(c.anna, { local: false, remote: false })
        await c.voice.hears(1000)
        await c.browser.hears(440)
        await c.end()
    }
})

test('held by another browser: the recording; who holds hears nothing', async (t) => {
    const [anna, bert] = [await Phone.open(t, gateway, peer, 'anna'), await Phone.open(t, gateway, peer, 'bert')]
    const out = await anna.start('user:bert')
    const back = await bert.incoming()
    await back.answer()
    await out.answered()
    await back.tone(610)
    await out.tone(820)
    await Sound.of(peer, out.id).hears(610)
    await bert.client.call('call.hold', { call: back.call })
    await Sound.of(peer, out.id).hears(musicHz)
    await hearsNothing(Sound.of(peer, back.id))
    await bert.client.call('call.resume', { call: back.call })
    await Sound.of(peer, out.id).hears(610)
    await Sound.of(peer, back.id).hears(820)
    await out.end()
    await back.ended()
})

test('baresip holds and resumes; is held, hears the recording, and is resumed', async (t) => {
    const bob = await Baresip.start(t, { user: 'bob', hz: 500 })
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await (await anna.start(bob.uri)).answered()
    await call.tone(1000)
    // (Its recording ends with its first hold: what was sent to it is looked at.)
    const sent = (hz) => until(() => {
        const samples = samplesOf(capture.rtp((p) => p.dport >= bob.rtpPorts[0] && p.dport <= bob.rtpPorts[1])).slice(-6000)
        return samples.length === 6000 && Math.abs(peakHz(samples) - hz) < 20
    }, `baresip is sent ${hz} Hz`, 8000, 200)
    const heard = Sound.of(peer, call.id)
    await heard.hears(500)
    bob.command('hold')
    await held(anna, { local: false, remote: true })
    bob.command('resume')
    await held(anna, { local: false, remote: false })
    await heard.hears(500)
    await sent(1000)
    await anna.client.call('call.hold', { call: call.call })
    await sent(musicHz)
    await anna.client.call('call.resume', { call: call.call })
    await sent(1000)
    await heard.hears(500)
    await call.end()
    await bob.expect('CALL_CLOSED')
})

test('video is held with the sound, and comes back with it', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const id = peer.nextId++
    const { sdp } = await peer.command('web.offer', { id, codecs: ['PCMA'], addr: '127.0.0.1', video: true })
    await anna.client.call('call.start', { call: 'seen', to: `sip:bob@${bob.address}`, sdp })
    const invite = await bob.expect('INVITE')
    const pt = /a=rtpmap:(\d+) VP8/.exec(invite.body)[1]
    let version = 0
    const both = (dir) => ['v=0', `o=bob 1 ${++version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 42000 RTP/AVP 8', `a=${dir}`,
        `m=video 42002 RTP/AVP ${pt}`, `a=rtpmap:${pt} VP8/90000`, `a=${dir}`, ''].join('\r\n')
    const directions = (text) => [...text.matchAll(/^m=(\w+) ([^0]\d*)[^]*?^a=(sendrecv|sendonly|recvonly|inactive)/gm)].map(([, kind, , dir]) => `${kind} ${dir}`)
    assert.deepEqual(directions(invite.body), ['audio sendrecv', 'video sendrecv'])
    bob.reply(invite, 200, 'OK', { body: both('sendrecv') })
    await bob.expect('ACK')
    await anna.client.expect('call.answer', { call: 'seen' })

    const dialog = bob.dialogOf(invite)
    for (const [says, answer, remote] of [['sendonly', 'recvonly', true], ['inactive', 'inactive', true], ['sendrecv', 'sendrecv', false]]) {
        bob.request('INVITE', '', gatewayAt, { dialog, body: both(says) })
        const told = await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
        bob.request('ACK', '', gatewayAt, { dialog })
        assert.deepEqual(directions(told.body), [`audio ${answer}`, `video ${answer}`], says)
        if (says !== 'inactive') await held(anna, { local: false, remote })
    }
    for (const [method, wanted, answer] of [['call.hold', 'sendonly', 'recvonly'], ['call.resume', 'sendrecv', 'sendrecv']]) {
        await anna.client.call(method, { call: 'seen' })
        const again = await bob.expect('INVITE')
        assert.deepEqual(directions(again.body), [`audio ${wanted}`, `video ${wanted}`], method)
        bob.reply(again, 200, 'OK', { body: both(answer) })
        await bob.expect('ACK')
    }
    assert.ok(!anna.client.queue.some((e) => e.method === 'call.update' && e.sdp), 'no description')
    await anna.client.call('call.end', { call: 'seen' })
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await anna.client.expect('call.end', { call: 'seen' })
    await peer.command('close', { id })
})

test('a trunk without music: its held callers hear nothing', async (t) => {
    const c = await inCall(t, { to: () => '+33 1 23 45 67 89', host: '127.0.0.9', port: quietPort })
    await c.anna.client.call('call.hold', { call: c.call.call })
    await c.reinvited('sendonly', 'recvonly')
    await hearsNothing(c.voice)
    await c.end()
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
