// Preconditions (RFC 3312) at a gateway that accepts them: a caller whose network is not ready.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { Sound } from '../lib/sound.mjs'
import { wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const gatewayAt = { host: '127.0.0.1', port: 5060 }
let gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, { sip: { preconditions: 'accept', t1_ms: 100, t1x64_ms: 2000, ring_timeout_ms: 6000 },
        trunk: [
            { name: 'strict', address: '127.0.0.2:5700', prefixes: ['+2'], preconditions: 'require' },
            { name: 'never', address: '127.0.0.3:5700', prefixes: ['+3'], preconditions: 'off' },
        ] })
    peer = WebPeer.start(wholeFile)
})

const wants = ({ local = 'none', remote = 'none', type = 'qos' } = {}) => [`a=curr:${type} local ${local}`, `a=curr:${type} remote ${remote}`,
    `a=des:${type} mandatory local sendrecv`, `a=des:${type} mandatory remote sendrecv`, ''].join('\r\n')

// bert, and a caller in an early dialog with the gateway.
async function calling(t, lines = wants(), { host = '127.0.0.1', headers = ['Supported: 100rel', 'Require: precondition'] } = {}) {
    const bert = await Phone.open(t, gateway, peer, 'bert')
    const caller = await SipPeer.open(t, { host })
    const voice = await Sound.offering(t, peer, { hz: 600 })
    const uri = 'sip:bert@127.0.0.1:5060'
    const dialog = caller.request('INVITE', uri, gatewayAt, { body: voice.sdp + lines, headers })
    const branch = dialog.branch
    const first = await caller.expect((m) => m.status > 100)
    return { bert, caller, voice, uri, dialog, branch, first }
}

async function acknowledge({ caller, dialog, first }) {
    const invite = dialog.cseq
    SipPeer.follow(dialog, first)
    caller.request('PRACK', '', gatewayAt, { dialog, headers: [`RAck: ${first.get('rseq')} ${first.get('cseq')}`] })
    assert.equal((await caller.expect((m) => m.status && /PRACK/.test(m.get('cseq')))).status, 200)
    return invite
}

test('nobody is alerted before the caller\'s network is ready', async (t) => {
    const c = await calling(t)
    const { bert, caller, voice, dialog, first } = c
    assert.equal(first.status, 183)
    assert.match(first.get('require'), /100rel/)
    for (const line of ['curr:qos local sendrecv', 'curr:qos remote none', 'des:qos mandatory local sendrecv', 'des:qos mandatory remote sendrecv', 'conf:qos remote sendrecv'])
        assert.ok(first.body.includes(`a=${line}\r\n`), line)
    const invite = await acknowledge(c)
    await bert.client.call('ping')
    assert.ok(!bert.client.queue.some((e) => e.method === 'call.incoming'))

    caller.request('UPDATE', '', gatewayAt, { dialog, body: voice.sdp.replace(/^(o=\S+ \S+) \S+/m, '$1 77') + wants({ local: 'sendrecv', remote: 'sendrecv' }) })
    const updated = await caller.expect((m) => m.status && /UPDATE/.test(m.get('cseq')))
    assert.equal(updated.status, 200)
    assert.ok(updated.body.includes('a=curr:qos remote sendrecv\r\n'))
    assert.ok(!updated.body.includes('a=conf:'))
    const call = await bert.incoming()
    assert.equal((await caller.expect((m) => m.status > 100 && m.status < 200 && m !== first)).status, 180)
    await call.answer()
    await caller.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    caller.request('ACK', '', gatewayAt, { dialog, cseq: invite })
    await voice.answer(updated.body)
    await voice.play()
    await call.tone(1000)
    await voice.hears(1000)
    await Sound.of(peer, call.id).hears(600)
    const ended = call.end()
    caller.reply(await caller.expect('BYE'), 200, 'OK', { contact: false })
    await ended
})

test('ready from the start: alerted at once', async (t) => {
    const { bert, caller, first, dialog, branch, uri } = await calling(t, wants({ local: 'sendrecv' }))
    const call = await bert.incoming()
    assert.equal(first.status, 180)
    await bert.client.call('call.reject', { call: call.call, reason: 'busy' })
    const refused = await caller.expect((m) => m.status >= 300)
    assert.equal(refused.status, 486)
    caller.request('ACK', uri, gatewayAt, { dialog: { ...dialog, remote: refused.get('to') }, branch })
})

test('who gives up while it waits was never heard of', async (t) => {
    const { bert, caller, uri, dialog, branch } = await calling(t)
    caller.request('CANCEL', uri, gatewayAt, { dialog, branch })
    const end = await caller.expect((m) => m.status >= 300)
    assert.equal(end.status, 487)
    caller.request('ACK', uri, gatewayAt, { dialog: { ...dialog, remote: end.get('to') }, branch })
    await bert.client.call('ping')
    assert.deepEqual(bert.client.queue.filter((e) => e.method.startsWith('call.')), [])
    assert.deepEqual((await gateway.ctl('calls')).calls ?? await gateway.ctl('calls'), [])
})

test('a type that cannot be had: 580', async (t) => {
    await refused(await calling(t, wants({ type: 'sec' })), 580, ['a=des:sec unknown remote sendrecv'])
})

// A final answer other than 2xx, here or after the early dialog, with these lines of SDP in it.
async function refused({ caller, uri, dialog, branch, first }, status, lines) {
    const end = first.status >= 300 ? first : await caller.expect((m) => m.status >= 300)
    assert.equal(end.status, status)
    if (lines.length) {
        assert.equal(end.get('content-type'), 'application/sdp')
        assert.match(end.body, /^v=0\r\n/)
        assert.match(end.body, /\r\nm=audio 0 RTP/)
    }
    for (const line of lines) assert.ok(end.body.includes(`${line}\r\n`), `${line}: ${end.body}`)
    caller.request('ACK', uri, gatewayAt, { dialog: { ...dialog, remote: end.get('to') }, branch })
    return end
}

const strict = (headers) => ({ host: '127.0.0.2', headers })

test('required: a caller that knows none gets 421, one that cannot wait 580', async (t) => {
    const end = await refused(await calling(t, '', strict(['Supported: 100rel'])), 421, [])
    assert.equal(end.get('require'), 'precondition')
    await refused(await calling(t, wants(), strict(['Supported: precondition'])), 580, ['a=des:qos failure remote sendrecv', 'a=curr:qos local sendrecv'])
})

test('required: one that said nothing of its network, or only wished, is asked, and nobody alerted before it says so', async (t) => {
    for (const lines of ['', wants().replaceAll('mandatory', 'optional')]) {
        const c = await calling(t, lines, strict(['Supported: 100rel, precondition']))
        const { bert, caller, voice, dialog, first } = c
        assert.equal(first.status, 183)
        for (const line of ['curr:qos remote none', 'des:qos mandatory remote sendrecv', 'conf:qos remote sendrecv']) assert.ok(first.body.includes(`a=${line}\r\n`), line)
        await acknowledge(c)
        await bert.client.call('ping')
        assert.ok(!bert.client.queue.some((e) => e.method === 'call.incoming'))
        caller.request('UPDATE', '', gatewayAt, { dialog, body: voice.sdp.replace(/^(o=\S+ \S+) \S+/m, '$1 77') + wants({ local: 'sendrecv', remote: 'sendrecv' }) })
        assert.equal((await caller.expect((m) => m.status && /UPDATE/.test(m.get('cseq')))).status, 200)
        const call = await bert.incoming()
        await bert.client.call('call.reject', { call: call.call, reason: 'busy' })
        await refused({ ...c, first: {} }, 486, [])
    }
})

test('a network that fails while it is waited for: 580, nobody heard of the call', async (t) => {
    const c = await calling(t, wants(), strict(['Supported: 100rel', 'Require: precondition']))
    await acknowledge(c)
    c.caller.request('UPDATE', '', gatewayAt, { dialog: c.dialog, body: c.voice.sdp.replace(/^(o=\S+ \S+) \S+/m, '$1 77') + wants().replace('mandatory local', 'failure local') })
    assert.equal((await c.caller.expect((m) => m.status && /UPDATE/.test(m.get('cseq')))).status, 200)
    await refused({ ...c, first: {} }, 580, ['a=des:qos failure remote sendrecv'])
    await c.bert.client.call('ping')
    assert.ok(!c.bert.client.queue.some((e) => e.method === 'call.incoming'))
})

test('off for one trunk: what requires it gets 420, ours say nothing of it', async (t) => {
    const end = await refused(await calling(t, wants(), { host: '127.0.0.3' }), 420, [])
    assert.equal(end.get('unsupported'), 'precondition')
    const never = await SipPeer.open(t, { host: '127.0.0.3', port: 5700 })
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start('+31')
    const invite = await never.expect('INVITE')
    assert.doesNotMatch(invite.text, /precondition|a=curr|a=des/)
    never.reply(invite, 486)
    await never.expect('ACK')
    await call.ended()
})

// To the trunk that requires it; what it says to our INVITE, and what becomes of the call then.
async function demanding(t) {
    const end = await SipPeer.open(t, { host: '127.0.0.2', port: 5700 })
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start('+21')
    const invite = await end.expect('INVITE')
    assert.equal(invite.get('require'), 'precondition')
    for (const line of ['curr:qos local sendrecv', 'curr:qos remote none', 'des:qos mandatory local sendrecv', 'des:qos mandatory remote sendrecv', 'conf:qos remote sendrecv'])
        assert.ok(invite.body.includes(`a=${line}\r\n`), line)
    return { end, call, invite, voice: await Sound.answering(t, peer, invite.body) }
}

test('required, calling out: who confirms its network is called', async (t) => {
    const { end, call, invite, voice } = await demanding(t)
    end.reply(invite, 200, 'OK', { body: voice.sdp + wants({ local: 'sendrecv', remote: 'sendrecv' }) })
    await end.expect('ACK')
    await call.answered()
    const ended = call.end()
    end.reply(await end.expect('BYE'), 200, 'OK', { contact: false })
    await ended
})

for (const [what, status, more] of [['answers as if it had not been required', 200, {}], ['does not know it', 420, { headers: ['Unsupported: precondition'] }], ['has none', 580, {}]])
    test(`required, calling out: who ${what} is not`, async (t) => {
        const { end, call, invite, voice } = await demanding(t)
        end.reply(invite, status, 'Because', { ...more, ...(status === 200 && { body: voice.sdp }) })
        await end.expect('ACK')
        if (status === 200) end.reply(await end.expect('BYE'), 200, 'OK', { contact: false })
        assert.equal((await call.ended()).reason, 'precondition')
    })

test('calling out: ours are said, nothing is demanded, who knows none of it may answer so', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    assert.match(invite.get('supported'), /precondition/)
    assert.doesNotMatch(invite.get('require') ?? '', /precondition/)
    assert.ok(invite.body.includes('a=curr:qos local sendrecv\r\n') && !invite.body.includes('mandatory'))
    const voice = await Sound.answering(t, peer, invite.body)
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    await call.answered()
    await voice.play()
    await Sound.of(peer, call.id).hears(440)
    const ended = call.end()
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await ended
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
