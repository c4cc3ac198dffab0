// Before the answer: forks that all send, what P-Early-Media says, ringing that the gateway plays.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { Sound } from '../lib/sound.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const imsPort = 5640
const neverPort = 5642
const plainPort = 5644

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { t1_ms: 100, t1x64_ms: 2000, invite_timeout_ms: 1500, ring_timeout_ms: 20000 },
        trunk: [
            { name: 'ims', address: `127.0.0.1:${imsPort}`, prefixes: ['+33'], early_media: 'authorized', ringback: true },
            { name: 'never', address: `127.0.0.1:${neverPort}`, prefixes: ['+44'], early_media: 'never' },
            { name: 'plain', address: `127.0.0.1:${plainPort}`, prefixes: ['+49'], codecs: ['PCMU', 'PCMA'] },
        ],
    })
    peer = WebPeer.start(wholeFile)
})

const ringing = async (t, to = (bob) => `sip:bob@${bob.address}`, { port = 0, bob, ...options } = {}) => {
    bob ??= await SipPeer.open(t, { port })
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start(to(bob), options)
    const invite = await bob.expect('INVITE')
    const fork = async (tag, hz, codec = 'PCMA') => Object.assign(await Sound.answering(t, peer, invite.body, { codecs: [codec], hz }), { tag })
    return { bob, anna, call, invite, fork }
}

const progress = (bob, invite, fork, headers = [], status = 183) =>
    bob.reply(invite, status, status === 180 ? 'Ringing' : 'Session Progress', { tag: fork.tag, body: fork.sdp, headers })

async function early({ anna, call }) {
    const event = await anna.client.expect('call.progress', { call: call.call, state: 'early' })
    await peer.command('web.answer', { id: call.id, sdp: event.sdp })
    await peer.event(call.id, 'connected')
    return event
}

async function end({ bob, call }) {
    const ended = call.end()
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await ended
}

async function giveUp({ bob, call, invite }, tag) {
    const ended = call.end()
    bob.reply(await bob.expect('CANCEL'), 200, 'OK', { contact: false })
    bob.reply(invite, 487, 'Request Terminated', { tag })
    await bob.expect('ACK')
    await ended
}

const told = (anna) => anna.client.queue.filter((e) => !['call.quality', 'call.media'].includes(e.method))

test('forks that send at once: the newest that speaks is heard, then whoever still does, then the winner', async (t) => {
    const all = await ringing(t)
    const { bob, anna, call, invite, fork } = all
    const one = await fork('one', 400)
    const two = await fork('two', 700, 'PCMU')
    progress(bob, invite, one)
    await early(all)
    await one.play()
    await call.tone(1000)
    await Sound.of(peer, call.id).hears(400)
    await one.hears(1000)

    progress(bob, invite, two)
    await until(async () => JSON.stringify(await gateway.ctl('call', 'show', call.gatewayId)).includes('"fork":2'), 'the second fork is known', 3000, 50)
    await Sound.of(peer, call.id).hears(400) // it says nothing yet
    await two.play()
    await Sound.of(peer, call.id).hears(700) // now it does
    await two.hears(1000)
    await two.stop()
    await Sound.of(peer, call.id).hears(400) // the first went on all the time
    await one.hears(1000)

    bob.reply(invite, 200, 'OK', { tag: 'two', body: two.sdp })
    const answer = await anna.client.expect('call.answer', { call: call.call })
    assert.equal(answer.sdp, undefined)
    await two.play()
    await Sound.of(peer, call.id).hears(700)
    await two.hears(1000)
    await Sound.of(peer, call.id).hears(700, { after_ms: 500 }) // the loser still sends, in vain
    assert.deepEqual(told(anna), [])
    await end(all)
})

test('a fork heard before wins with a 200 that needs no SDP', async (t) => {
    const all = await ringing(t)
    const { bob, anna, call, invite, fork } = all
    const one = await fork('one', 450)
    const two = await fork('two', 750)
    progress(bob, invite, one)
    await early(all)
    await one.play()
    await Sound.of(peer, call.id).hears(450)
    await one.stop()
    progress(bob, invite, two)
    await two.play()
    await Sound.of(peer, call.id).hears(750)
    bob.reply(invite, 200, 'OK', { tag: 'one' })
    await anna.client.expect('call.answer', { call: call.call })
    await one.play()
    await call.tone(1000)
    await Sound.of(peer, call.id).hears(450)
    await one.hears(1000)
    await end(all)
})

test('P-Early-Media: supported is said; inactive is not heard, sendonly is heard only', async (t) => {
    const all = await ringing(t)
    const { bob, anna, call, invite, fork } = all
    assert.equal(invite.get('p-early-media'), 'supported')
    const one = await fork('one', 500)
    progress(bob, invite, one, ['P-Early-Media: inactive'])
    await anna.client.expect('call.progress', { call: call.call, state: 'trying' })
    assert.ok(!anna.client.queue.some((e) => e.state === 'early'))
    progress(bob, invite, { tag: 'one' }, ['P-Early-Media: sendonly, gated'])
    await early(all)
    await one.play()
    await call.tone(1000)
    await Sound.of(peer, call.id).hears(500)
    assert.ok((await one.stats()).received <= 0, 'nothing forward')
    progress(bob, invite, { tag: 'one' }, ['P-Early-Media: sendrecv'])
    await one.hears(1000)
    progress(bob, invite, { tag: 'one' }, ['P-Early-Media: inactive'])
    await until(async () => JSON.stringify(await gateway.ctl('call', 'show', call.gatewayId)).includes('"early_media":"inactive"'), 'revoked', 3000, 50)
    bob.reply(invite, 200, 'OK', { tag: 'one', body: one.sdp })
    await anna.client.expect('call.answer', { call: call.call })
    await Sound.of(peer, call.id).hears(500)
    await one.hears(1000)
    await end(all)
})

test('early_media = "authorized": silence of the network is no permission', async (t) => {
    const all = await ringing(t, () => '+33 1 23 45 67 89', { port: imsPort })
    const { bob, anna, call, invite, fork } = all
    const one = await fork('one', 500)
    progress(bob, invite, one)
    await anna.client.expect('call.progress', { call: call.call, state: 'trying' })
    progress(bob, invite, one, ['P-Early-Media: sendrecv'])
    await early(all)
    await one.play()
    await Sound.of(peer, call.id).hears(500)
    await giveUp(all, 'one')
})

test('early_media = "never": not asked for, not heard, whatever the network says', async (t) => {
    const all = await ringing(t, () => '+44 20 7946 0000', { port: neverPort })
    const { bob, anna, call, invite, fork } = all
    assert.equal(invite.get('p-early-media'), undefined)
    const one = await fork('one', 500)
    progress(bob, invite, one, ['P-Early-Media: sendrecv'])
    await anna.client.expect('call.progress', { call: call.call, state: 'trying' })
    bob.reply(invite, 200, 'OK', { tag: 'one' })
    await call.answered()
    await one.play()
    await Sound.of(peer, call.id).hears(500)
    await end(all)
})

// ── Ringing ──

const pulses = async (id, hz, ms) => { // how the tone comes and goes: when it changed, and to what
    const seen = []
    const from = Date.now()
    let on
    while (Date.now() - from < ms) {
        await peer.command('stats', { id, reset: true })
        const { sound: s } = await until(async () => {
            const stats = await peer.stats(id, hz)
            return stats.received >= 10 && stats
        }, 'ten packets', 2000, 20)
        const now = Math.abs(s.peak_hz - hz) < 20 && s.level_db > -30
        if (now !== on) seen.push({ at: Date.now() - from, on: now })
        on = now
    }
    return seen
}

test('180 alone: the tone of ringing, until somebody speaks, and again when nobody does', async (t) => {
    const all = await ringing(t)
    const { bob, anna, call, invite, fork } = all
    bob.reply(invite, 180, 'Ringing', { tag: 'one' })
    const event = await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })
    assert.ok(event.sdp && event.status === 180)
    await call.connected()
    const heard = Sound.of(peer, call.id)
    await heard.hears(425)
    const one = await fork('one', 700)
    progress(bob, invite, one)
    const early = await anna.client.expect('call.progress', { call: call.call, state: 'early' })
    assert.equal(early.sdp, undefined)
    await heard.hears(425) // described, and still silent
    await one.play()
    await heard.hears(700)
    await heard.hears(700, { after_ms: 5000 }) // a whole cadence later: nothing is between
    await one.stop()
    await heard.hears(425)
    bob.reply(invite, 200, 'OK', { tag: 'one', body: one.sdp })
    const answer = await anna.client.expect('call.answer', { call: call.call })
    assert.equal(answer.sdp, undefined)
    await one.play()
    await call.tone(1000)
    await heard.hears(700)
    await one.hears(1000)
    await end(all)
})

test('the tone has the cadence that is configured, in the browser\'s codec', async (t) => {
    const all = await ringing(t, undefined, { codecs: ['PCMU'] })
    all.bob.reply(all.invite, 180, 'Ringing', { tag: 'one' })
    await all.call.connected()
    await Sound.of(peer, all.call.id).hears(425)
    const seen = await pulses(all.call.id, 425, 7000)
    const offs = seen.filter((s) => !s.on)
    const next = seen.find((s) => s.on && s.at > (offs[0]?.at ?? Infinity))
    assert.ok(next && Math.abs(next.at - offs[0].at - 4000) < 700, JSON.stringify(seen))
    await giveUp(all, 'one')
})

test('183 without SDP rings nowhere; a page that makes the tone itself gets none', async (t) => {
    const one = await ringing(t)
    one.bob.reply(one.invite, 183, 'Session Progress', { tag: 'one' })
    const event = await one.anna.client.expect('call.progress', { call: one.call.call, state: 'trying' })
    assert.equal(event.sdp, undefined)
    await giveUp(one, 'one')

    const two = await ringing(t, undefined, { ringback: false })
    two.bob.reply(two.invite, 180, 'Ringing', { tag: 'one' })
    const rings = await two.anna.client.expect('call.progress', { call: two.call.call, state: 'ringing' })
    assert.equal(rings.sdp, undefined)
    await giveUp(two, 'one')
})

test('which codec a trunk takes is not guessed: no tone the first time; a wrong guess is translated, once', async (t) => {
    const plain = await SipPeer.open(t, { port: plainPort })
    for (const [takes, tone, sends, transcoded] of [['PCMA', false, 'PCMA', false], ['PCMU', true, 'PCMA', true], ['PCMU', true, 'PCMU', false]]) {
        const all = await ringing(t, () => '+49 30 1234567', { bob: plain, codecs: ['PCMU', 'PCMA'] })
        const { anna, bob, call, invite, fork } = all
        bob.reply(invite, 180, 'Ringing', { tag: 'one' })
        if (tone) await call.connected()
        else assert.equal((await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })).sdp, undefined)
        const one = await fork('one', 700, takes)
        bob.reply(invite, 200, 'OK', { tag: 'one', body: one.sdp })
        await call.answered()
        await one.play()
        await call.tone(1000, sends)
        await Sound.of(peer, call.id).hears(700)
        await one.hears(1000)
        const { leg_a: a } = await gateway.ctl('call', 'show', call.gatewayId)
        assert.equal(a.streams[0].transcoded, transcoded, JSON.stringify(a.streams[0]))
        await end(all)
    }
})

test('a SIP caller hears ringing in a 183 where that is configured, else gets a 180', async (t) => {
    for (const [host, status] of [['127.0.0.1', 183], ['127.0.0.2', 180]]) {
        const bert = await Phone.open(t, gateway, peer, 'bert')
        const caller = await SipPeer.open(t, { host })
        const voice = await Sound.offering(t, peer, { hz: 600 })
        const dialog = caller.request('INVITE', 'sip:bert@127.0.0.1:5060', { host: '127.0.0.1', port: 5060 }, { body: voice.sdp, headers: ['P-Early-Media: supported'] })
        const call = await bert.incoming()
        const rings = await caller.expect((m) => m.status > 100)
        assert.equal(rings.status, status)
        if (status === 183) {
            assert.equal(rings.get('p-early-media'), 'sendonly')
            await voice.answer(rings.body)
            await voice.play()
            await voice.hears(425)
        }
        await call.answer()
        const answer = await caller.expect(200)
        if (status === 183) assert.equal(answer.body.replace(/^o=.*/m, ''), rings.body.replace(/^o=.*/m, ''))
        else await voice.answer(answer.body)
        SipPeer.follow(dialog, answer)
        caller.request('ACK', '', { host: '127.0.0.1', port: 5060 }, { dialog })
        await voice.play()
        await call.tone(1000)
        await voice.hears(1000)
        await Sound.of(peer, call.id).hears(600)
        const ended = call.end()
        caller.reply(await caller.expect('BYE'), 200, 'OK', { contact: false })
        await ended
    }
})

test('two browsers: the caller hears it ring, then the callee', async (t) => {
    const [anna, bert] = [await Phone.open(t, gateway, peer, 'anna'), await Phone.open(t, gateway, peer, 'bert')]
    const out = await anna.start('user:bert')
    const back = await bert.incoming()
    await out.connected()
    await Sound.of(peer, out.id).hears(425)
    await back.answer()
    await out.answered()
    await back.tone(610)
    await out.tone(820)
    await Sound.of(peer, out.id).hears(610)
    await Sound.of(peer, back.id).hears(820)
    await out.end()
    await back.ended()
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
