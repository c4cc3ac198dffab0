// Texts and data between users, and between the two ends of a call.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Client } from '../lib/rpc.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'

let gateway, peer

before(async () => {
    gateway = await Gateway.start(wholeFile, { web: { messages_per_s: 1, message_burst: 20 } })
    peer = WebPeer.start(wholeFile)
})

test('a text reaches every session of a user once, whatever is sent twice', async (t) => {
    const [anna, ...bert] = await Promise.all(['anna', 'bert', 'bert', 'bert'].map((name) => Client.open(t, gateway.ws, name)))
    const text = { to: 'user:bert', id: 'm1', body: 'Grüße,\nzwei Zeilen' }
    const sent = await anna.call('im.send', text)
    assert.deepEqual([sent.id, sent.status], ['m1', 'delivered'])
    assert.ok(Math.abs(Date.now() - sent.ts_ms) < 60000)
    assert.deepEqual(await anna.call('im.send', text), sent)
    for (const one of bert) {
        const { seq, method, ...message } = await one.expect('im.message')
        assert.deepEqual(message, { from: { uri: 'user:anna', user: 'anna' }, id: 'm1', type: 'text/plain', body: text.body, ts_ms: sent.ts_ms })
    }
    await anna.call('im.send', { to: 'user:bert', body: 'another' })
    for (const one of bert) assert.equal((await one.expect('im.message')).body, 'another')
    await anna.refused('im.send', { to: 'user:nobody', body: 'x' }, 'unavailable')
    await anna.refused('im.send', { to: 'sip:bert@example.com', body: 'x' }, 'bad-params')
    await anna.refused('im.send', { to: 'user:bert', body: 'x'.repeat(8193) }, 'too-large')
})

test('data: whatever JSON, of bounded size; the rate says when to try again', async (t) => {
    const [anna, bert] = await Promise.all(['anna', 'bert'].map((name) => Client.open(t, gateway.ws, name)))
    const body = { list: [1, 2.5, null, true, { deep: ['x'] }], text: '\u0001' }
    const sent = await anna.call('data.send', { to: 'user:bert', event: 'score', body })
    const got = await bert.expect('data.message')
    assert.deepEqual([got.from.user, got.event, got.body, got.id], ['anna', 'score', body, sent.id])
    await anna.refused('data.send', { to: 'user:bert', body: 'x'.repeat(16384) }, 'too-large')
    let error
    for (let i = 0; i < 25 && !error; i++) await anna.request('data.send', { to: 'user:bert', body: i }).catch((e) => (error = e))
    assert.equal(error?.kind, 'rate')
    assert.ok(error.data.retry_after_ms > 0 && error.data.retry_after_ms <= 1000)
})

test('data to the other side of a call: a browser gets it, a SIP end has no program', async (t) => {
    const [anna, bert] = [await Phone.open(t, gateway, peer, 'anna'), await Phone.open(t, gateway, peer, 'bert')]
    const call = await anna.start('user:bert')
    await anna.client.refused('data.send', { to: `call:${call.call}`, body: 1 }, 'state')
    const theirs = await (await bert.incoming()).answer()
    await call.answered()
    await anna.client.call('data.send', { to: `call:${call.call}`, body: 'there' })
    await bert.client.call('data.send', { to: `call:${theirs.call}`, body: 'and back' })
    const [there, back] = [await bert.client.expect('data.message'), await anna.client.expect('data.message')]
    assert.deepEqual([there.call, there.body, there.from.user], [theirs.call, 'there', 'anna'])
    assert.deepEqual([back.call, back.body, back.from.user], [call.call, 'and back', 'bert'])
    await call.end()
    await anna.client.refused('data.send', { to: 'call:none', body: 1 }, 'no-call')

    const bob = await SipPeer.open(t)
    const out = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const voice = await peer.command('rtp.accept', { id: peer.nextId++, sdp: invite.body, codecs: ['PCMA'] })
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    await out.answered()
    await anna.client.refused('data.send', { to: `call:${out.call}`, body: 1 }, 'unsupported')
})

test('to one whose connection is lost: queued, and there when it is back', async (t) => {
    const anna = await Client.open(t, gateway.ws, 'anna')
    const dora = await Client.open(t, gateway.ws, { guest: 'dora', resume: true })
    dora.socket.terminate()
    await until(async () => (await gateway.ctl('sessions')).some((s) => s.user === 'dora' && s.link === 'none'), 'its connection is lost')
    assert.equal((await anna.call('im.send', { to: 'user:dora', body: 'later' })).status, 'queued')
    const back = await Client.resume(t, gateway.ws, dora, { seq: dora.seq })
    assert.equal((await back.expect('im.message')).body, 'later')
    await back.close()
})
