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

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { t1_ms: 100, t1x64_ms: 2000, invite_timeout_ms: 1500, ring_timeout_ms: 20000 },
        trunk: [
            { name: 'ims', address: `127.0.0.1:${imsPort}`, prefixes: ['+33'], early_media: 'authorized' },
            { name: 'never', address: `127.0.0.1:${neverPort}`, prefixes: ['+44'], early_media: 'never' },
        ],
    })
    peer = WebPeer.start(wholeFile)
})

const ringing = async (t, to = (bob) => `sip:bob@${bob.address}`, { port = 0, ...options } = {}) => {
    const bob = await SipPeer.open(t, { port })
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

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
