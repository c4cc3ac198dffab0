// The SIP side with ends that misbehave, over UDP and TCP, IPv4 and IPv6.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { webOffer } from '../lib/offers.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture, atFirst
const target = { host: '127.0.0.1', port: 5060 }
const uri = 'sip:anna@127.0.0.1:5060'

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: {
            listen: ['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060', 'udp:[::1]:5060', 'tcp:[::1]:5060'],
            t1_ms: 100, t1x64_ms: 3000, invite_timeout_ms: 1000, peers: ['127.0.0.0/8', '::1'], ring_timeout_ms: 2500,
        },
        media: { rtp_listen: ['127.0.0.1', '::1'] },
    })
    peer = WebPeer.start(wholeFile)
    atFirst = await gateway.usage()
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)
const stat = async (name) => (await gateway.ctl('stats'))[name]

for (const [name, options] of [['UDP over IPv4', {}], ['TCP over IPv4', { transport: 't1' }], ['UDP over IPv6', { host: '::1' }], ['TCP over IPv6', { host: '::1', transport: 't1' }]]) {
    const there = options.host ? '[::1]:5060' : '127.0.0.1:5060'
    test(`${name}: calls`, async (t) => {
        const callee = await sipp(t, scenario.answer(), options)
        const anna = await phone(t)
        const call = await (await anna.start(callee.uri())).answered()
        await call.end()
        await callee.passed()
    })
    test(`${name}: is called`, async (t) => {
        const anna = await phone(t)
        const caller = await sipp(t, scenario.callAndEnd('anna', 200), { ...options, to: there })
        const call = await (await anna.incoming()).answer()
        await call.ended()
        await caller.passed()
    })
}

test('OPTIONS is answered with what we can do', async (t) => {
    const peer_ = await SipPeer.open(t)
    peer_.request('OPTIONS', 'sip:127.0.0.1:5060', target)
    const answer = await peer_.expect(200)
    for (const method of ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS']) assert.match(answer.get('allow'), new RegExp(`\\b${method}\\b`))
})

for (const method of ['SUBSCRIBE', 'PUBLISH', 'MESSAGE', 'REGISTER', 'FOO'])
    test(`${method}: refused, not ignored`, async (t) => {
        const end = await SipPeer.open(t)
        end.request(method, uri, target)
        const answer = await end.expect((m) => m.status >= 300)
        assert.ok([403, 404, 405, 489, 501].includes(answer.status), answer.first)
    })

test('BYE and CANCEL of nothing: 481', async (t) => {
    const end = await SipPeer.open(t)
    end.request('BYE', uri, target, { dialog: { remote: `<${uri}>;tag=nobody` } })
    await end.expect(481)
    end.request('CANCEL', uri, target, { cseq: 1 })
    await end.expect(481)
})

const rubbish = [
    ['m=x 9 Y /', ['m=x 9 Y /']],
    ['m=video 3227 RTP/A(((', ['m=video 3227 RTP/A((( 31']],
    ['no m= line', []],
    ['m= line cut short', ['m=audio']],
    ['ten thousand m= lines', Array(3000).fill('m=audio 1 RTP/AVP 0')],
    ['a port of no number', ['m=audio x RTP/AVP 8']],
    ['no payload type', ['m=audio 42000 RTP/AVP']],
    ['c= line cut short', ['m=audio 42000 RTP/AVP 8', 'c=IN']],
    ['NUL bytes', ['a=\u0000\u0000', 'm=audio 42000 RTP/AVP 8']],
    ['a codec we do not have', ['m=audio 42000 RTP/AVP 3', 'a=rtpmap:3 GSM/8000']],
]
for (const [name, lines] of rubbish)
    test(`INVITE with rubbish SDP (${name}) is answered`, async (t) => {
        await phone(t)
        const end = await SipPeer.open(t, { transport: lines.length > 100 ? 'tcp' : 'udp', to: lines.length > 100 ? target : undefined })
        const dialog = end.request('INVITE', uri, target, { body: sdp({ lines }) })
        const answer = await end.expect((m) => m.status >= 200, 4000)
        assert.ok([400, 415, 488, 513, 606].includes(answer.status), answer.first)
        end.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
        await gateway.ctl('status')
    })

test('a body that is no SDP: 415 or 488', async (t) => {
    await phone(t)
    const end = await SipPeer.open(t)
    const dialog = end.request('INVITE', uri, target, { body: 'hello', type: 'text/plain' })
    const answer = await end.expect((m) => m.status >= 200)
    assert.ok([415, 488, 400].includes(answer.status), answer.first)
    end.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

test('a user who is not here: 404 or 480', async (t) => {
    const caller = await SipPeer.open(t)
    const dialog = caller.request('INVITE', 'sip:nobody@127.0.0.1:5060', target, { body: sdp() })
    const answer = await caller.expect((m) => m.status >= 200)
    assert.ok([404, 480].includes(answer.status), answer.first)
    caller.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

test('a peer that is not let in: 403', async (t) => {
    const was = await stat('sip_refused')
    const end = await SipPeer.open(t, { host: '10.99.0.1' })
    end.request('INVITE', uri, target, { body: sdp({ host: '10.99.0.1' }) })
    const answer = await end.expect((m) => m.status >= 300).catch(() => null)
    if (answer) assert.equal(answer.status, 403)
    assert.ok((await stat('sip_refused')) > was)
})

test('a SIP peer that never answers: timeout, with a status', async (t) => {
    const silent = await SipPeer.open(t)
    const anna = await phone(t)
    const call = await anna.start(`sip:bob@${silent.address}`)
    const started = Date.now()
    const end = await call.ended({}, 6000)
    assert.ok(['timeout', 'network'].includes(end.reason), end.reason)
    assert.equal(end.by, 'gateway')
    assert.ok(Date.now() - started < 4000)
    // It was asked more than once.
    assert.ok(silent.queue.filter((m) => m.method === 'INVITE').length > 1)
})

test('a TCP peer that accepts and says nothing: timeout', async (t) => {
    const silent = await SipPeer.open(t, { transport: 'tcp' })
    const anna = await phone(t)
    const call = await anna.start(`sip:bob@${silent.address};transport=tcp`)
    const { reason } = await call.ended({}, 6000)
    assert.ok(['timeout', 'network'].includes(reason), reason)
})

test('rings for ever: ends after ring_timeout_ms with a CANCEL', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await phone(t)
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 180, 'Ringing')
    const cancel = await bob.expect('CANCEL', 6000)
    bob.reply(cancel, 200, 'OK')
    bob.reply(invite, 487, 'Request Terminated')
    await bob.expect('ACK')
    assert.equal((await call.ended()).reason, 'timeout')
})

test('nobody answers the browser\'s side: the SIP caller gets 480 or 408', async (t) => {
    const anna = await phone(t)
    const end = await SipPeer.open(t)
    const dialog = end.request('INVITE', uri, target, { body: sdp() })
    const call = await anna.incoming()
    const answer = await end.expect((m) => m.status >= 300, 6000)
    assert.ok([480, 408, 487].includes(answer.status), answer.first)
    end.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    await anna.client.expect('call.end', { call: call.call })
})

test('a SIP caller cancels: 487, and the browser is told', async (t) => {
    const anna = await phone(t)
    const end = await SipPeer.open(t)
    const dialog = end.request('INVITE', uri, target, { body: sdp() })
    const call = await anna.incoming()
    await end.expect(180)
    end.request('CANCEL', uri, target, { dialog, branch: dialog.branch, cseq: 1 })
    const answer = await end.expect(487)
    await end.expect((m) => m.status === 200 && /CANCEL/.test(m.get('cseq')))
    end.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    assert.equal((await anna.client.expect('call.end', { call: call.call })).reason, 'cancelled')
})

test('an INVITE sent again is not a second call', async (t) => {
    const anna = await phone(t)
    const end = await SipPeer.open(t)
    const dialog = end.request('INVITE', uri, target, { body: sdp() })
    const call = await anna.incoming()
    end.request('INVITE', uri, target, { dialog, branch: dialog.branch, cseq: 1, body: sdp() })
    await end.expect(180)
    await end.expect(180)
    await anna.client.call('call.reject', { call: call.call, reason: 'declined' })
    const answer = await end.expect(603)
    end.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    assert.equal(anna.client.queue.filter((e) => e.method === 'call.incoming').length, 0)
})

test('no ACK for our 200: it is repeated, then the call ends with a BYE', async (t) => {
    const anna = await phone(t)
    const end = await SipPeer.open(t)
    end.request('INVITE', uri, target, { body: sdp() })
    const call = await (await anna.incoming()).answer()
    await end.expect(200)
    await end.expect(200)
    const bye = await end.expect('BYE', 8000)
    end.reply(bye, 200, 'OK', { contact: false })
    await call.ended()
})

test('an offerless INVITE gets our offer in the 200', async (t) => {
    const anna = await phone(t)
    const end = await SipPeer.open(t)
    const dialog = end.request('INVITE', uri, target)
    const first = await Promise.race([anna.incoming().catch(() => null), end.expect((m) => m.status >= 300)])
    if (first?.status) {
        assert.equal(first.status, 488)
        end.request('ACK', uri, target, { dialog: { ...dialog, remote: first.get('to') }, branch: dialog.branch })
        return
    }
    const call = await first.answer()
    const answer = await end.expect(200)
    assert.match(answer.body, /m=audio \d+ RTP\/AVP/)
    SipPeer.follow(dialog, answer)
    end.request('ACK', uri, target, { dialog, body: sdp() })
    end.request('BYE', uri, target, { dialog })
    await end.expect((m) => m.status === 200 && /BYE/.test(m.get('cseq')))
    await call.ended()
})

test('re-INVITE in a call: answered, hold is told', async (t) => {
    const anna = await phone(t)
    const end = await SipPeer.open(t)
    const dialog = end.request('INVITE', uri, target, { body: sdp() })
    const call = await (await anna.incoming()).answer()
    SipPeer.follow(dialog, await end.expect(200))
    end.request('ACK', uri, target, { dialog })
    end.request('INVITE', uri, target, { dialog, body: sdp({ lines: ['m=audio PORT RTP/AVP 8', 'a=rtpmap:8 PCMA/8000', 'a=sendonly'] }) })
    const answer = await end.expect((m) => m.status === 200 && /2 INVITE/.test(m.get('cseq')))
    assert.match(answer.body, /a=(recvonly|inactive)/)
    end.request('ACK', uri, target, { dialog })
    await anna.client.expect('call.update', (e) => e.call === call.call && e.held.remote)
    // A request that is not of this moment is refused, and changes nothing.
    end.request('INVITE', uri, target, { dialog, body: sdp({ lines: ['m=x 9 Y /'] }) })
    const refused = await end.expect((m) => m.status >= 400 && /3 INVITE/.test(m.get('cseq')))
    assert.ok([400, 488].includes(refused.status), refused.first)
    end.request('ACK', uri, target, { dialog, branch: dialog.branch })
    end.request('BYE', uri, target, { dialog })
    await end.expect((m) => m.status === 200 && /BYE/.test(m.get('cseq')))
    assert.equal((await call.ended()).by, 'peer')
})

test('forked 18x: the answer is of the branch that answered', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await phone(t)
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 180, 'Ringing', { tag: 'one' })
    bob.reply(invite, 183, 'Progress', { tag: 'two', body: sdp({ port: 42100 }) })
    await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })
    bob.reply(invite, 200, 'OK', { tag: 'one', body: sdp({ port: 42200 }) })
    const ack = await bob.expect('ACK')
    assert.match(ack.get('to'), /tag=one/)
    await call.answered()
    const show = await until(async () => {
        const s = await gateway.ctl('call', 'show', call.gatewayId)
        return s.state.toLowerCase() === 'up' && s
    }, 'the call is up')
    assert.match(JSON.stringify(show.legs_b), /42200/)
    bob.request('BYE', '', { host: '127.0.0.1', port: 5060 }, { dialog: { ...bob.dialogOf(invite), local: `${invite.get('to')};tag=one` } })
    await bob.expect((m) => m.status === 200)
    await call.ended()
})

test('a second 200 of another branch gets its ACK and a BYE', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await phone(t)
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 200, 'OK', { tag: 'one', body: sdp({ port: 42300 }) })
    await bob.expect('ACK')
    bob.reply(invite, 200, 'OK', { tag: 'two', body: sdp({ port: 42400 }) })
    const ack = await bob.expect((m) => m.method === 'ACK' && /tag=two/.test(m.get('to')))
    assert.ok(ack)
    const bye = await bob.expect((m) => m.method === 'BYE' && /tag=two/.test(m.get('to')))
    bob.reply(bye, 200, 'OK', { contact: false })
    await call.answered()
    const ended = call.end()
    const last = await bob.expect((m) => m.method === 'BYE' && /tag=one/.test(m.get('to')))
    bob.reply(last, 200, 'OK', { contact: false })
    await ended
})

test('the 200 crosses our CANCEL: ACK and BYE', async (t) => {
    const bob = await SipPeer.open(t)
    const anna = await phone(t)
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 180, 'Ringing')
    await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })
    await anna.client.call('call.end', { call: call.call })
    const cancel = await bob.expect('CANCEL')
    bob.reply(invite, 200, 'OK', { body: sdp() })
    bob.reply(cancel, 200, 'OK', { contact: false })
    await bob.expect('ACK')
    const bye = await bob.expect('BYE')
    bob.reply(bye, 200, 'OK', { contact: false })
    await call.ended()
})

const garbage = [
    ['no SIP', 'hello\r\n\r\n'], ['a cut INVITE', 'INVITE sip:anna@127.0.0.1 SIP/2.0\r\nVia: SIP'], ['no Via', 'INVITE sip:anna@127.0.0.1 SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n'],
    ['a huge CSeq', 'OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKq\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 99999999999999999999 OPTIONS\r\nContent-Length: 0\r\n\r\n'],
    ['a Content-Length that lies', 'OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKr\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 999999999\r\n\r\n'],
    ['sixty thousand letters', 'A'.repeat(60000)], ['zeros', '\0'.repeat(500)],
]
for (const [name, text] of garbage)
    test(`garbage on the SIP port: ${name}`, async (t) => {
        const end = await SipPeer.open(t)
        end.sendText(text, target)
        end.request('OPTIONS', 'sip:127.0.0.1:5060', target)
        await end.expect((m) => m.status === 200 && /OPTIONS/.test(m.get('cseq')))
    })

test('garbage over TCP ends that connection only', async (t) => {
    const bad = await SipPeer.open(t, { transport: 'tcp', to: target })
    bad.sendText('\0\x01rubbish\r\n\r\n'.repeat(100))
    const good = await SipPeer.open(t, { transport: 'tcp', to: target })
    good.request('OPTIONS', 'sip:127.0.0.1:5060', target)
    await good.expect(200)
})

test('a message over sip.message_max_bytes is not taken', async (t) => {
    const end = await SipPeer.open(t, { transport: 'tcp', to: target })
    end.request('INVITE', uri, target, { body: 'v=0\r\n' + 'a=x\r\n'.repeat(20000) })
    const answer = await Promise.race([end.expect((m) => m.status >= 400), new Promise((resolve) => end.stream.once('close', () => resolve(null)))])
    if (answer) assert.ok([413, 513, 400, 488].includes(answer.status), answer.first)
    await gateway.ctl('status')
})

test('a browser that answers with rubbish: an error, and 488 or 500 for the caller in the end', async (t) => {
    const anna = await phone(t)
    const end = await SipPeer.open(t)
    const dialog = end.request('INVITE', uri, target, { body: sdp() })
    const call = await anna.incoming()
    const error = await anna.client.refused('call.answer', { call: call.call, sdp: webOffer().replace(/m=audio.*/, 'm=x 9 Y /') })
    assert.ok(['bad-sdp', 'no-codec', 'not-acceptable'].includes(error.kind), error.kind)
    await anna.client.request('call.reject', { call: call.call }).catch(() => {})
    const answer = await end.expect((m) => m.status >= 300)
    end.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

test('after all of this: dialogs, transactions and ports as before', async () => {
    await until(async () => {
        const { status: s } = await gateway.usage()
        return s.calls === 0 && s.dialogs === 0 && s.rtp_ports === 0 && s.transports === 0
    }, 'calls, dialogs and ports are gone', 5000, 100)
    // Server transactions end 64*T1 after the last of them (RFC 3261 17.2).
    await until(async () => (await gateway.ctl('status')).sip.transactions.server === 0, 'every server transaction is destroyed', 12000, 100)
    await until(async () => (await gateway.usage()).files.length <= atFirst.files.length, `descriptors are back to ${atFirst.files.length}`, 8000, 100)
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp'])
