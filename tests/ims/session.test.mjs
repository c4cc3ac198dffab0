// Calls through the core, both roles: what a VoLTE phone does at the other end (3GPP TS 24.229 5.1.3, 5.1.4, 6.1).
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import * as ims from '../lib/ims.mjs'
import { accountsFile, at, there } from '../lib/ims.mjs'
import { ImsCore, pstn } from '../lib/imscore.mjs'
import { wholeFile } from '../lib/proc.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { Ue } from '../lib/ue.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    await ImsCore.start(wholeFile)
    const conf = at('127.0.0.84', 'mw', { preconditions: 'accept', codecs: ['AMR-WB', 'AMR', 'PCMA'], early_media: 'authorized' })
    gateway = await Gateway.start(wholeFile, {
        ...conf,
        sip: { ...conf.sip, session_min_s: 2 },
        registrar: [{ ...there('mw'), name: 'own', accounts: accountsFile(wholeFile) }],
    })
    peer = WebPeer.start(wholeFile)
})

const media = { host: '127.0.0.82', port: 42000 }
const audio = ['m=audio PORT RTP/AVP 8 101', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15']
const qos = (local, remote, strength = 'mandatory') => [`a=curr:qos local ${local}`, `a=curr:qos remote ${remote}`,
    `a=des:qos ${strength} local sendrecv`, `a=des:qos ${strength} remote sendrecv`]
const described = (...lines) => sdp({ ...media, lines: [...audio, 'a=sendrecv', ...lines] })

// dave calls bob; bob's INVITE.
async function calling(t, to = 'tel:+15550002', options = {}) {
    const bob = await Ue.open(t, 'bob')
    const dave = await ims.registered(t, gateway, peer, 'dave')
    const call = await dave.start(to, options)
    return { bob, dave, call, invite: await bob.expect('INVITE') }
}

// bob calls dave.
async function called(t, body = described(), headers = []) {
    const bob = await Ue.open(t, 'bob')
    const dave = await ims.registered(t, gateway, peer, 'dave')
    const dialog = bob.request('INVITE', 'sip:dave@ims.test', { body, headers: ['Supported: 100rel, precondition, timer', ...headers] })
    return { bob, dave, dialog, invite: dialog.cseq }
}

const answerTo = (bob, method, status = (s) => s >= 200) => bob.expect((m) => m.status && status(m.status) && m.get('cseq').endsWith(method))

test('S4 S5 S6: out: a reliable 183 with preconditions, PRACK, UPDATE when the far network is ready, 180, 200', async (t) => {
    const { bob, dave, call, invite } = await calling(t)
    for (const tag of ['100rel', 'precondition']) assert.match(invite.get('supported'), new RegExp(tag))
    assert.match(invite.body, /a=curr:qos local sendrecv/)
    bob.reply(invite, 183, 'Session Progress', { headers: ['Require: 100rel, precondition', 'RSeq: 77'], body: described(...qos('none', 'sendrecv'), 'a=conf:qos remote sendrecv') })
    const prack = await bob.expect('PRACK')
    assert.match(prack.get('rack'), /^77 \d+ INVITE$/)
    bob.reply(prack, 200, 'OK', { contact: false })
    const dialog = bob.peer.dialogOf(invite)
    bob.within('UPDATE', dialog, { get: (name) => ({ to: invite.get('from'), contact: invite.get('contact') })[name], headers: { 'record-route': [...(invite.headers['record-route'] ?? [])].reverse() } },
        { body: described(...qos('sendrecv', 'sendrecv')).replace(/^(o=\S+ \S+) \S+/m, '$1 2') })
    const updated = await answerTo(bob, 'UPDATE')
    assert.equal(updated.status, 200)
    bob.reply(invite, 180, 'Ringing')
    await dave.client.expect('call.progress', { call: call.call, state: 'ringing' })
    bob.reply(invite, 200, 'OK', { headers: ['Require: timer', 'Session-Expires: 1800;refresher=uac'] })
    await bob.expect('ACK')
    await call.answered()
    await dave.client.call('call.end', { call: call.call })
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await call.ended()
})

test('S4 S6: in: 183 first; dave is rung once the caller\'s network is ready', async (t) => {
    const { bob, dave, dialog, invite } = await called(t, described(...qos('none', 'none')), ['Require: precondition'])
    const first = await bob.expect((m) => m.status === 183)
    assert.match(first.get('require'), /100rel/)
    assert.match(first.body, /a=conf:qos remote sendrecv/)
    bob.within('PRACK', dialog, first, { headers: [`RAck: ${first.get('rseq')} ${first.get('cseq')}`] })
    assert.equal((await answerTo(bob, 'PRACK')).status, 200)
    assert.ok(!dave.client.queue.some((event) => event.method === 'call.incoming'))
    bob.within('UPDATE', dialog, first, { body: described(...qos('sendrecv', 'sendrecv')).replace(/^(o=\S+ \S+) \S+/m, '$1 2') })
    assert.equal((await answerTo(bob, 'UPDATE')).status, 200)
    const rings = await dave.incoming()
    await rings.answer()
    const answer = await answerTo(bob, 'INVITE')
    assert.equal(answer.status, 200)
    bob.within('ACK', dialog, answer, { cseq: invite })
    await dave.client.call('call.end', { call: rings.call })
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
})

test('S7: session timer: asked for, agreed, and refreshed by us', async (t) => {
    const { bob, dave, call, invite } = await calling(t)
    assert.match(invite.get('supported'), /timer/)
    assert.match(invite.get('session-expires'), /^\d+/)
    bob.reply(invite, 200, 'OK', { body: described(), headers: ['Require: timer', 'Session-Expires: 4;refresher=uac'] })
    await bob.expect('ACK')
    await call.answered()
    const refresh = await bob.expect((m) => m.method === 'UPDATE' || m.method === 'INVITE')
    assert.match(refresh.get('session-expires'), /^4;refresher=uac/)
    bob.reply(refresh, 200, 'OK', { body: refresh.method === 'INVITE' ? described() : '', headers: ['Require: timer', 'Session-Expires: 1800;refresher=uac'] })
    await dave.client.call('call.end', { call: call.call })
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await call.ended()
})

test('S14: cancelled while it rings: CANCEL reaches the far end, 487', async (t) => {
    const { bob, dave, call, invite } = await calling(t)
    bob.reply(invite, 180, 'Ringing')
    await dave.client.expect('call.progress', { call: call.call, state: 'ringing' })
    await dave.client.call('call.end', { call: call.call })
    bob.reply(await bob.expect('CANCEL'), 200, 'OK', { contact: false })
    bob.reply(invite, 487, 'Request Terminated', { contact: false })
    await bob.expect('ACK')
})

for (const [what, to, want] of [
    ['503 with Retry-After', 'tel:+1999503', { status: 503 }],
    ['486', 'tel:+1999486', { reason: 'busy', status: 486 }],
    ['302, which is not followed', 'tel:+1999302', { status: 302 }],
    ['484 to a local number', 'tel:5550002', { status: 484 }],
])
    test(`S10 S12: the core answers ${what}`, async (t) => {
        const dave = await ims.registered(t, gateway, peer, 'dave')
        const call = await dave.start(to)
        const end = await call.ended()
        assert.equal(end.sip.status, want.status)
        if (want.reason) assert.equal(end.reason, want.reason)
    })

test('S3 X4: out, withheld: Privacy: id, an anonymous From; the core still knows who', async (t) => {
    const far = await SipPeer.open(t, { host: pstn, port: 5060 })
    const dave = await ims.registered(t, gateway, peer, 'dave')
    const call = await dave.start('tel:+19991234567', { anonymous: true })
    const invite = await far.expect('INVITE')
    assert.match(invite.get('from'), /anonymous/i)
    assert.match(invite.get('privacy'), /id/)
    assert.match(invite.get('p-asserted-identity'), /dave@ims\.test|\+15550004/)
    far.reply(invite, 486, 'Busy Here', { contact: false })
    assert.equal((await call.ended()).reason, 'busy')
})

test('M1 M3: to a browser with Opus alone: AMR-WB first, telephone-event at 8000 and 16000 Hz', async (t) => {
    const { bob, call, invite } = await calling(t, 'tel:+15550002', { codecs: ['opus'] })
    const rtpmaps = [...invite.body.matchAll(/^a=rtpmap:\d+ (\S+)/gm)].map((m) => m[1].toUpperCase())
    assert.match(rtpmaps[0], /^AMR-WB\/16000/)
    for (const clock of [8000, 16000]) assert.ok(rtpmaps.includes(`TELEPHONE-EVENT/${clock}`), rtpmaps.join(' '))
    bob.reply(invite, 486, 'Busy Here', { contact: false })
    await call.ended()
})

test('X1: held and resumed, both ways, by sendonly and sendrecv', async (t) => {
    const { bob, dave, call, invite } = await calling(t)
    bob.reply(invite, 200, 'OK', { body: described() })
    await bob.expect('ACK')
    await call.answered()
    await dave.client.call('call.hold', { call: call.call })
    const hold = await bob.expect((m) => m.method === 'INVITE' || m.method === 'UPDATE')
    assert.match(hold.body, /a=sendonly|a=inactive/)
    bob.reply(hold, 200, 'OK', { body: sdp({ ...media, lines: [...audio, 'a=recvonly'] }) })
    if (hold.method === 'INVITE') await bob.expect('ACK')
    await dave.client.call('call.resume', { call: call.call })
    const resume = await bob.expect((m) => m.method === 'INVITE' || m.method === 'UPDATE')
    assert.doesNotMatch(resume.body, /a=sendonly|a=inactive/)
    bob.reply(resume, 200, 'OK', { body: described() })
    if (resume.method === 'INVITE') await bob.expect('ACK')
    await dave.client.call('call.end', { call: call.call })
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    await call.ended()
})

wireIsClean(() => capture, ['sip', 'sdp'])
