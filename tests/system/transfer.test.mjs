// Transfer, blind and attended, from the browser's side and from the SIP side; what is refused.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { SipPeer, sdp } from '../lib/sip.mjs'
import { ladderIs } from '../lib/ladder.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const [pbx, asks] = ['127.0.0.2', '127.0.0.3']

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        trunk: [
            { name: 'pbx', address: `${pbx}:5301`, prefixes: ['+331'], refer: true },
            { name: 'asks', address: `${asks}:5301`, prefixes: ['+332'], refer_out: true },
            { name: 'friend', address: '127.0.0.5:5301', prefixes: ['+335'], trust: 'both' },
            { name: 'closed', address: '127.0.0.6:5301', prefixes: ['+336'], trust: 'both', connected: 'off' },
            { name: 'phone', address: '127.0.0.4:5400', prefixes: ['+334'], refer_out: true },
        ],
        identity: [{ user: 'bert', numbers: ['+33140000000'] }],
        sip: { refer: true, refer_targets: [`sip:*`] },
        inbound: [{ match: 'echo', to: 'service:echo' }, { match: '+331*', to: 'tel:$' }, { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)
const hears = (call, hz, ms = 8000) => until(async () => {
    const { sound } = await call.stats(hz)
    return sound && Math.abs((sound.hz ?? sound.peak_hz) - hz) < 20 && sound
}, `hears ${hz} Hz`, ms, 50)
const moves = async (call, ...states) => {
    for (const state of states) {
        const event = await call.client.expect('call.transfer', { call: call.call })
        assert.equal(event.state, state, JSON.stringify(event))
        if (state === states.at(-1)) return event
    }
}

test('blind: a browser transfers a SIP caller to another SIP end; both hear each other', async (t) => {
    const caller = await Baresip.start(t, { user: 'one', hz: 500 })
    const target = await Baresip.start(t, { user: 'two', hz: 900 })
    const anna = await phone(t)
    caller.dial('sip:anna@127.0.0.1:5060')
    const call = await (await anna.incoming()).answer()
    await call.tone(1000)
    await hears(call, 500)
    await anna.client.call('call.transfer', { call: call.call, to: target.uri })
    await moves(call, 'trying', 'ringing', 'done')
    const end = await call.ended()
    assert.deepEqual([end.reason, end.by], ['transferred', 'gateway'])
    await caller.hears(900)
    await target.hears(500)
    await ladderIs(gateway, call.event.id, 'a> INVITE; <b call.incoming; -- to user:anna; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000 - opus/48000 transcoded; a> ACK; b> call.transfer; <b INVITE; -- anna transfers sip:one@ADDRESS to sip:two@ADDRESS; <b call.transfer trying; b> 180; <b call.transfer ringing; b> 200; <b ACK; -- transferred to sip:two@ADDRESS; <b call.transfer done; <b call.end transferred; -- codecs: PCMA/8000')
    assert.equal((await gateway.ctl('calls')).length, 1)
    caller.hangup()
    await target.expect('CALL_CLOSED')
})

test('blind: the browser that stays keeps its connection, and learns who it is with', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const call = await anna.start('user:bert')
    const other = await (await bert.incoming()).answer()
    await call.answered()
    const target = await sipp(t, scenario.answer(), { hz: 700 })
    await anna.client.call('call.transfer', { call: call.call, to: target.uri() })
    await moves(call, 'trying', 'ringing', 'done')
    await call.ended()
    const told = await bert.client.expect('call.info', { call: other.call })
    assert.equal(told.peer.uri, target.uri())
    await other.tone(1000)
    await hears(other, 700)
    assert.ok(!bert.client.queue.some((e) => e.sdp), 'no new offer')
    await other.end()
    await target.passed()
})

// A SIP caller of anna's, who is put through to bert; what it is sent before bert hangs up.
async function putThrough(t, host, headers) {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const caller = await SipPeer.open(t, { host })
    const to = { host: '127.0.0.1', port: 5060 }
    const dialog = caller.request('INVITE', 'sip:anna@127.0.0.1:5060', to, { body: sdp({ host }), headers })
    const call = await (await anna.incoming()).answer()
    SipPeer.follow(dialog, await caller.expect(200))
    caller.request('ACK', '', to, { dialog })
    await anna.client.call('call.transfer', { call: call.call, to: 'user:bert' })
    const third = await (await bert.incoming()).answer()
    await call.client.expect('call.transfer', { call: call.call, state: 'done' })
    await call.ended()
    const told = []
    for (;;) {
        if (!told.length) await third.client.call('call.end', { call: third.call })
        const request = await caller.expect((m) => m.method && m.method !== 'ACK')
        caller.reply(request, 200, 'OK', request.method === 'INVITE' ? { body: sdp({ host }) } : {})
        if (request.method === 'BYE') return { told, bye: request, dialog }
        told.push(request)
        if (request.method === 'INVITE') await caller.expect('ACK')
    }
}

test('who stays on a SIP leg is told who it talks to: an assertion where it is trusted, by UPDATE or else a re-INVITE', async (t) => {
    for (const [allow, method] of [['Allow: INVITE, ACK, BYE, UPDATE', 'UPDATE'], ['Allow: INVITE, ACK, BYE', 'INVITE']]) {
        const { told, dialog } = await putThrough(t, '127.0.0.5', [allow])
        assert.deepEqual(told.map((m) => m.method), [method])
        assert.match(told[0].get('p-asserted-identity'), /<sip:\+33140000000@/)
        assert.equal(told[0].get('from'), dialog.remote)
        assert.equal(!!told[0].body, method === 'INVITE')
    }
})

test('From changes for who says that it follows, and stays so', async (t) => {
    const { told, bye, dialog } = await putThrough(t, '127.0.0.1', ['Allow: INVITE, ACK, BYE, UPDATE', 'Supported: from-change'])
    assert.deepEqual(told.map((m) => m.method), ['UPDATE'])
    assert.match(told[0].get('from'), /<sip:\+33140000000@/)
    assert.equal(told[0].get('from').split(';tag=')[1], dialog.remote.split(';tag=')[1])
    assert.equal(told[0].get('p-asserted-identity'), undefined)
    assert.equal(bye.get('from'), told[0].get('from'))
})

test('who does neither, or whose trunk says off, is told nothing', async (t) => {
    for (const [host, headers] of [['127.0.0.1', ['Allow: INVITE, ACK, BYE, UPDATE']], ['127.0.0.6', ['Allow: INVITE, ACK, BYE, UPDATE', 'Supported: from-change']]])
        assert.deepEqual((await putThrough(t, host, headers)).told, [])
})

test('blind: busy; the call returns to who had it', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const call = await anna.start('user:bert')
    const other = await (await bert.incoming()).answer()
    await call.answered()
    const target = await sipp(t, scenario.refuse(486, 'Busy Here'))
    await anna.client.call('call.transfer', { call: call.call, to: target.uri() })
    const failed = await moves(call, 'trying', 'failed')
    assert.deepEqual([failed.reason, failed.sip.status], ['busy', 486])
    await call.tone(1100)
    await hears(other, 1100)
    await call.end()
    await other.ended({ by: 'peer' })
    await target.passed()
})

test('blind: who transfers hangs up first; it goes on', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert'), cleo = await phone(t, 'cleo')
    const call = await anna.start('user:bert')
    const other = await (await bert.incoming()).answer()
    await call.answered()
    await anna.client.call('call.transfer', { call: call.call, to: 'user:cleo' })
    const third = await cleo.incoming()
    await call.end()
    await third.answer()
    const told = await bert.client.expect('call.info', { call: other.call })
    assert.equal(told.peer.user, 'cleo')
    await third.tone(800)
    await hears(other, 800)
    await third.end()
    await other.ended({ by: 'peer' })
})

test('blind: not in the scopes, nobody there, no such call', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const call = await anna.start('user:bert')
    const other = await (await bert.incoming()).answer()
    await call.answered()
    await anna.client.refused('call.transfer', { call: call.call, to: 'user:nobody' }, 'not-found')
    await anna.client.refused('call.transfer', { call: call.call, to: '+499' }, 'no-route')
    await anna.client.refused('call.transfer', { call: 'x', to: 'echo' }, 'no-call')
    await anna.client.refused('call.transfer', { call: call.call }, 'bad-params')
    await anna.client.refused('call.transfer', { call: call.call, other: call.call }, 'state')
    await call.end()
    await other.ended()
})

test('attended: two SIP ends are joined; both consultations end for the browser', async (t) => {
    const one = await Baresip.start(t, { user: 'one', hz: 500 })
    const two = await Baresip.start(t, { user: 'two', hz: 900 })
    const anna = await phone(t)
    one.dial('sip:anna@127.0.0.1:5060')
    const call = await (await anna.incoming()).answer()
    const second = await (await anna.start(two.uri)).answered()
    await second.tone(1000)
    await hears(second, 900)
    await anna.client.call('call.transfer', { call: call.call, other: second.call })
    await moves(call, 'done')
    assert.equal((await call.ended()).reason, 'transferred')
    assert.equal((await second.ended()).reason, 'transferred')
    await one.hears(900)
    await two.hears(500)
    assert.equal((await gateway.ctl('calls')).length, 1)
    two.hangup()
    await one.expect('CALL_CLOSED')
})

test('attended: who was held while another was asked is no longer', async (t) => {
    const far = await SipPeer.open(t)
    const anna = await phone(t), bert = await phone(t, 'bert')
    const call = await anna.start(`sip:far@${far.address}`)
    far.reply(await far.expect('INVITE'), 200, 'OK', { body: sdp({ port: 42100 }) })
    await far.expect('ACK')
    await call.answered()
    const again = async (direction) => {
        const invite = await far.expect('INVITE')
        assert.match(invite.body, new RegExp(`a=${direction}`))
        far.reply(invite, 200, 'OK', { body: sdp({ port: 42100 }) })
        await far.expect('ACK')
    }
    await anna.client.call('call.hold', { call: call.call })
    await again('sendonly')
    const second = await anna.start('user:bert')
    const other = await (await bert.incoming()).answer()
    await second.answered()
    await anna.client.call('call.transfer', { call: call.call, other: second.call })
    await again('sendrecv')
    assert.equal((await bert.client.expect('call.info', { call: other.call })).peer.uri, `sip:far@${far.address}`)
    await other.end()
    far.reply(await far.expect('BYE'), 200, 'OK')
})

test('attended: three browsers, on whatever workers they are', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert'), cleo = await phone(t, 'cleo')
    // Both call anna: nothing keeps the two calls on one worker.
    const from = await bert.start('user:anna')
    const call = await (await anna.incoming()).answer()
    await from.answered()
    const also = await cleo.start('user:anna')
    const second = await (await anna.incoming()).answer()
    await also.answered()
    await anna.client.call('call.transfer', { call: call.call, other: second.call })
    await moves(call, 'done')
    await call.ended()
    await second.ended()
    await from.tone(600)
    await also.tone(1200)
    await hears(also, 600)
    await hears(from, 1200)
    assert.equal((await bert.client.expect('call.info', { call: from.call })).peer.user, 'cleo')
    assert.equal((await cleo.client.expect('call.info', { call: also.call })).peer.user, 'bert')
    await from.end()
    await also.ended({ by: 'peer' })
})

test('attended: the second still rings, and refuses', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert'), cleo = await phone(t, 'cleo')
    const call = await anna.start('user:bert')
    const other = await (await bert.incoming()).answer()
    await call.answered()
    const second = await anna.start('user:cleo')
    const ringing = await cleo.incoming()
    await anna.client.call('call.transfer', { call: call.call, other: second.call })
    assert.equal((await anna.client.expect('call.end', { call: second.call })).reason, 'transferred')
    await moves(call, 'trying', 'ringing')
    await cleo.client.call('call.reject', { call: ringing.call, reason: 'busy' })
    assert.equal((await moves(call, 'failed')).reason, 'busy')
    await call.end()
    await other.ended()
})

// ── By REFER ──

// A SIP peer in a call with user `name`; its address says what it may.
async function inCall(t, host, name) {
    const far = await SipPeer.open(t, { host, port: 5301 })
    const dialog = far.request('INVITE', `sip:${name}@127.0.0.1:5060`, { host: '127.0.0.1', port: 5060 }, { body: sdp({ host, port: 42000 }) })
    const ok = await far.expect(200)
    SipPeer.follow(dialog, ok)
    const to = { host: '127.0.0.1', port: 5060 }
    far.request('ACK', dialog.target, to, { dialog })
    return { far, dialog, to, refer: (headers) => far.request('REFER', dialog.target, to, { dialog, headers }) }
}

// The NOTIFYs until the last, each answered; their first lines.
async function reports(far) {
    const seen = []
    for (;;) {
        const notify = await far.expect('NOTIFY')
        far.reply(notify, 200, 'OK')
        assert.match(notify.get('event'), /^refer(;id=\d+)?$/)
        assert.match(notify.get('content-type'), /^message\/sipfrag/)
        seen.push(notify.body.trim())
        if (/^terminated/.test(notify.get('subscription-state'))) return seen
        assert.match(notify.get('subscription-state'), /^active;expires=\d+/)
    }
}

test('REFER of a trunk that may: NOTIFY 100, 180, 200, then BYE; the browser keeps its connection', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const calling = inCall(t, pbx, 'anna')
    const call = await (await anna.incoming()).answer()
    const { far, refer } = await calling
    refer(['Refer-To: <sip:bert@127.0.0.1:5060>', 'Referred-By: <sip:desk@127.0.0.1>'])
    const third = await bert.incoming()
    await far.expect(202)
    await third.answer()
    assert.deepEqual(await reports(far), ['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing', 'SIP/2.0 200 OK'])
    far.reply(await far.expect('BYE'), 200, 'OK')
    await call.tone(1000)
    await third.tone(700)
    await hears(third, 1000)
    await hears(call, 700)
    assert.equal((await anna.client.expect('call.info', { call: call.call })).peer.user, 'bert')
    assert.ok(!anna.client.queue.some((e) => e.sdp))
    await ladderIs(gateway, call.event.id, 'a> INVITE; <b call.incoming; -- to user:anna; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000 - opus/48000 transcoded; a> ACK; a> REFER; <a call.incoming; <a 202; <a NOTIFY 100; -- sip:tester@ADDRESS transfers anna to user:bert; a> call.answer; -- transferred to bert; <b call.info; -- codecs: opus/48000; a> 200; <a NOTIFY 180; a> 200; <a NOTIFY 200; a> 200; <a BYE')
    await third.end()
    await call.ended({ by: 'peer' })
})

test('REFER: the target is busy; the call is as it was', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const calling = inCall(t, pbx, 'anna')
    const call = await (await anna.incoming()).answer()
    const { far, refer, dialog, to } = await calling
    refer(['Refer-To: <sip:bert@127.0.0.1:5060>'])
    const third = await bert.incoming()
    await bert.client.call('call.reject', { call: third.call, reason: 'busy' })
    assert.equal((await reports(far)).at(-1), 'SIP/2.0 486 Busy Here')
    await far.expect(202)
    far.request('BYE', dialog.target, to, { dialog })
    await far.expect(200)
    await call.ended({ by: 'peer' })
})

test('REFER without reports (norefersub), and one whose sender hangs up at once', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const calling = inCall(t, pbx, 'anna')
    const call = await (await anna.incoming()).answer()
    const { far, refer, dialog, to } = await calling
    refer(['Refer-To: <sip:bert@127.0.0.1:5060>', 'Refer-Sub: false', 'Require: norefersub'])
    const third = await bert.incoming()
    assert.equal((await far.expect(202)).get('refer-sub'), 'false')
    far.request('BYE', dialog.target, to, { dialog })
    await far.expect(200)
    await third.answer()
    await call.tone(1000)
    await hears(third, 1000)
    await call.end()
    await third.ended({ by: 'peer' })
    assert.ok(!far.queue.some((m) => m.method === 'NOTIFY'))
})

test('REFER that is refused: not trusted, other schemes, other hosts, numbers that are not ours to dial', async (t) => {
    const anna = await phone(t)
    const calling = inCall(t, pbx, 'anna')
    const call = await (await anna.incoming()).answer()
    const { far, refer, dialog, to } = await calling
    for (const [target, status] of [
        ['<http://127.0.0.1/>', 416], ['<https://127.0.0.1/>', 416], ['<file:///etc/passwd>', 416], ['<sips:bert@127.0.0.1>', 416],
        ['<sip:bert@127.0.0.1:5060;method=BYE>', 416], ['<sip:x@127.0.0.1:9>', 403], ['<sip:x@169.254.169.254>', 403], ['<sip:x@[::ffff:127.0.0.1]:9>', 403],
        ['<sip:x@localhost:8080>', 403], ['<tel:+33212345>', 403], ['<tel:+90012345>', 404], ['<sip:nobody@127.0.0.1:5060>', 404],
        ['<sip:bert@127.0.0.1:5060?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz>', 481],
    ]) {
        refer([`Refer-To: ${target}`])
        const answer = await far.expect((m) => m.status >= 200 && /REFER/.test(m.get('cseq')))
        assert.equal(answer.status, status, target)
    }
    far.request('BYE', dialog.target, to, { dialog })
    await call.ended({ by: 'peer' })
    // Of a trunk that may not.
    const other = inCall(t, asks, 'anna')
    const second = await (await anna.incoming()).answer()
    const off = await other
    off.refer(['Refer-To: <sip:bert@127.0.0.1:5060>'])
    assert.equal((await off.far.expect((m) => /REFER/.test(m.get('cseq')))).status, 403)
    await second.end()
    off.far.reply(await off.far.expect('BYE'), 200, 'OK')
})

test('REFER with Replaces: both calls are ours, and become one', async (t) => {
    const anna = await phone(t), bert = await phone(t, 'bert')
    const calling = inCall(t, pbx, 'anna')
    const call = await (await anna.incoming()).answer()
    const { far, refer, to } = await calling
    const dialog = far.request('INVITE', 'sip:bert@127.0.0.1:5060', to, { body: sdp({ host: pbx, port: 42400 }) })
    const second = await (await bert.incoming()).answer()
    SipPeer.follow(dialog, await far.expect(200))
    far.request('ACK', dialog.target, to, { dialog })
    const tag = (text) => /;tag=([^;>]+)/.exec(text)[1]
    refer([`Refer-To: <sip:bert@127.0.0.1:5060?Replaces=${encodeURIComponent(`${dialog.callId};to-tag=${tag(dialog.remote)};from-tag=${tag(dialog.local)}`)}>`])
    await far.expect(202)
    assert.deepEqual(await reports(far), ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK'])
    far.reply(await far.expect('BYE'), 200, 'OK')
    far.reply(await far.expect('BYE'), 200, 'OK')
    await call.tone(1000)
    await second.tone(700)
    await hears(second, 1000)
    await hears(call, 700)
    await call.end()
    await second.ended({ by: 'peer' })
})

test('INVITE with Replaces takes a leg\'s place; what is unknown gets 481', async (t) => {
    const anna = await phone(t)
    const calling = inCall(t, pbx, 'anna')
    const call = await (await anna.incoming()).answer()
    const { far, dialog, to } = await calling
    const tag = (text) => /;tag=([^;>]+)/.exec(text)[1]
    const value = `${dialog.callId};to-tag=${tag(dialog.remote)};from-tag=${tag(dialog.local)}`
    for (const [replaces, status] of [['x;to-tag=y;from-tag=z', 481], [`${value};early-only`, 486], ['broken', 400], [`${value}x`, 481]]) {
        far.request('INVITE', 'sip:anna@127.0.0.1:5060', to, { headers: [`Replaces: ${replaces}`], body: sdp({ host: pbx, port: 42500 }) })
        const answer = await far.expect((m) => m.status >= 300 && /INVITE/.test(m.get('cseq')))
        assert.equal(answer.status, status, replaces)
        far.request('ACK', 'sip:anna@127.0.0.1:5060', to, { dialog: { callId: answer.get('call-id'), local: answer.get('from'), remote: answer.get('to'), cseq: 1 }, branch: /branch=([^;]+)/.exec(answer.get('via'))[1] })
    }
    const taking = far.request('INVITE', 'sip:anna@127.0.0.1:5060', to, { headers: [`Replaces: ${value}`, 'Require: replaces'], body: sdp({ host: pbx, port: 42500 }) })
    SipPeer.follow(taking, await far.expect((m) => m.status === 200 && m.get('call-id') === taking.callId))
    far.request('ACK', taking.target, to, { dialog: taking })
    const bye = await far.expect('BYE')
    assert.equal(bye.get('call-id'), dialog.callId)
    far.reply(bye, 200, 'OK')
    assert.ok(await anna.client.expect('call.info', (e) => e.call === call.call && e.peer))
    assert.ok(!anna.client.queue.some((e) => e.sdp || e.method === 'call.end'))
    far.request('BYE', taking.target, to, { dialog: taking })
    await call.ended({ by: 'peer' })
})

test('refer_out: the trunk is asked to, blind and attended; its reports are told', async (t) => {
    const far = await SipPeer.open(t, { host: asks, port: 5301 })
    const anna = await phone(t)
    const dialogs = []
    const dial = async () => {
        const call = await anna.start('+33212345')
        const invite = await far.expect('INVITE')
        far.reply(invite, 200, 'OK', { body: sdp({ host: asks, port: 42600 }) })
        await far.expect('ACK')
        dialogs.push({ ...far.dialogOf(invite), invite })
        return call.answered()
    }
    const notify = async (dialog, refer, frag, state) => {
        far.request('NOTIFY', dialog.target, refer.from, { dialog, headers: [`Event: refer;id=${parseInt(refer.get('cseq'))}`, `Subscription-State: ${state}`], type: 'message/sipfrag', body: frag })
        await far.expect((m) => m.status && /NOTIFY/.test(m.get('cseq')))
    }
    const call = await dial()
    await anna.client.call('call.transfer', { call: call.call, to: '+33299999' })
    let refer = await far.expect('REFER')
    assert.match(refer.get('refer-to'), /^<sip:\+33299999@127\.0\.0\.3:5301/)
    far.reply(refer, 202, 'Accepted')
    await notify(dialogs[0], refer, 'SIP/2.0 180 Ringing\r\n', 'active;expires=60')
    await notify(dialogs[0], refer, 'SIP/2.0 486 Busy Here\r\n', 'terminated;reason=noresource')
    assert.equal((await moves(call, 'trying', 'ringing', 'failed')).sip.status, 486)
    const second = await dial()
    await anna.client.call('call.transfer', { call: call.call, other: second.call })
    refer = await far.expect('REFER')
    const replaces = decodeURIComponent(/Replaces=([^>&]+)/.exec(refer.get('refer-to'))[1])
    assert.ok(replaces.startsWith(`${dialogs[1].callId};`), replaces)
    far.reply(refer, 202, 'Accepted')
    await notify(dialogs[0], refer, 'SIP/2.0 200 OK\r\n', 'terminated;reason=noresource')
    await moves(call, 'trying', 'done')
    assert.equal((await call.ended()).reason, 'transferred')
    far.reply(await far.expect('BYE'), 200, 'OK')
    await second.end()
    far.reply(await far.expect('BYE'), 200, 'OK')
})

test('baresip transfers: its REFER leads where sip.refer_targets says, and it is let go', async (t) => {
    const one = await Baresip.start(t, { user: 'one', hz: 500 })
    const two = await Baresip.start(t, { user: 'two', hz: 900 })
    const anna = await phone(t)
    one.dial('sip:anna@127.0.0.1:5060')
    const call = await (await anna.incoming()).answer()
    await one.expect('CALL_ESTABLISHED')
    one.command('transfer', two.uri)
    await two.expect('CALL_ESTABLISHED')
    await one.expect('CALL_CLOSED')
    await call.tone(1000)
    await hears(call, 900)
    await two.hears(1000)
    await call.end()
    await two.expect('CALL_CLOSED')
})

test('baresip is transferred: asked by REFER it calls who it is to, and reports', async (t) => {
    const one = await Baresip.start(t, { user: '+3341', host: '127.0.0.4', port: 5400, hz: 500 })
    const anna = await phone(t), bert = await phone(t, 'bert')
    const call = await (await anna.start('+3341')).answered()
    await call.tone(1000)
    await hears(call, 500)
    // Whoever it calls is called through the gateway: it is the far side's own doing.
    await anna.client.call('call.transfer', { call: call.call, to: 'sip:bert@127.0.0.1:5060' })
    await moves(call, 'trying')
    const third = await (await bert.incoming()).answer()
    await moves(call, 'done')
    assert.equal((await call.ended()).reason, 'transferred')
    await third.tone(1200)
    await hears(third, 500)
    await one.hears(1200)
    await third.end()
})

test('all is let go of', async () => {
    await until(async () => (await gateway.ctl('calls')).length === 0, 'no call is left')
    const sip = (await gateway.ctl('status')).stats ?? {}
    assert.ok(!sip.sip_subscriptions, JSON.stringify(sip.sip_subscriptions))
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
