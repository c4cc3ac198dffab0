// Dialogs with SIPp at the far end, both ways: 100rel, UPDATE, session timers, late offers, each class of
// responses; then a link that loses every fifth packet.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { own, pcma, scenario, sipp, step } from '../lib/sipp.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const here = '127.0.0.1:5060'

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { t1_ms: 100, t1x64_ms: 6400, session_min_s: 2, session_expires_s: 1800, ring_timeout_ms: 20000 },
        inbound: [{ match: 'echo', to: 'service:echo' }, { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)

// A header that must look like this; its match in the variable, if one is named.
let names = 0
const check = (header, regexp, name = `seen${++names}`) => `<action><ereg regexp="${regexp}" search_in="hdr" header="${header}:" check_it="true" assign_to="${name}"/></action>`
const known = (...variables) => `<Reference variables="${variables.join(',')}"/>\n`
const checked = (what, header, regexp, attributes = '') => {
    const name = `seen${++names}`
    return own.recv(what, attributes, check(header, regexp, name)) + known(name)
}
const optional = ['100', '180', '183'].map((status) => step.recvStatus(status, 'optional="true"')).join('')

// A request of the caller in its dialog, early or not.
const request = (method, n, { headers = '', body, attributes = 'retrans="500"' } = {}) => own.send(`${method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: ${n} ${method}
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${headers}${body ? own.media(body) : own.none}`, attributes)

// A request of the callee in its dialog, to whom the INVITE's Contact says.
const requestAsCallee = (method, n, { headers = '', body } = {}) => own.send(`${method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [$to];tag=[pid]SIPp[call_number]
To: [$from]
Call-ID: [call_id]
CSeq: ${n} ${method}
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${headers}${body ? own.media(body) : own.none}`, 'retrans="500"')

const rseq = own.recv('response="180"', 'rrs="true"', check('RSeq', '[0-9]+', 'rseq'))
const bye = [step.recvRequest('BYE'), step.replyInDialog(200, 'OK')]

// --- called by SIPp ---

test('a caller that requires 100rel: 180 until its PRACK, then the answer', async (t) => {
    const anna = await phone(t)
    const caller = await sipp(t, [step.invite('anna', { headers: 'Require: 100rel\n' }), step.recvStatus(100, 'optional="true"'), rseq,
        request('PRACK', 2, { headers: 'RAck: [$rseq] 1 INVITE\n' }), step.recvStatus(200), step.recvStatus(200, 'rrs="true"'),
        step.ackOf2xx(), step.pause(300), step.bye(3), step.recvStatus(200)], { to: here })
    const call = await (await anna.incoming()).answer()
    await call.ended()
    await caller.passed()
})

test('UPDATE and a session refresh of the caller change nothing for the browser', async (t) => {
    const anna = await phone(t)
    const timer = 'Supported: timer\nSession-Expires: 100;refresher=uac\n'
    const caller = await sipp(t, [step.invite('anna', { headers: timer }), optional,
        checked('response="200"', 'Session-Expires', '100;refresher=uac', 'rrs="true"'), step.ackOf2xx(), step.pause(300),
        request('UPDATE', 2, { headers: timer }), checked('response="200"', 'Session-Expires', '100;refresher=uac'),
        request('INVITE', 3, { headers: timer, body: pcma }), step.recvStatus(100, 'optional="true"'), step.recvStatus(200), step.ackOf2xx(3),
        step.pause(300), step.bye(4), step.recvStatus(200)], { to: here })
    const call = await (await anna.incoming()).answer()
    await call.ended()
    await caller.passed()
    assert.deepEqual(anna.client.queue.filter((event) => event.sdp || /update|hold|held/.test(event.method)), [])
})

test('an INVITE without an offer: ours in the 200, the answer in the ACK', async (t) => {
    const caller = await sipp(t, [step.invite('echo', { body: 'none' }).replace('Max-Forwards: 70\n', 'Max-Forwards: 70\nContent-Length: 0\n\n'), optional,
        own.recv('response="200"', 'rrs="true"'),
        own.send(`ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
${own.media(pcma)}`), step.pause(300), step.bye(), step.recvStatus(200)], { to: here })
    await caller.passed()
})

for (const [name, headers, status, header, regexp] of [
    ['an unknown extension: 420', 'Require: 100rel, x-new\n', 420, 'Unsupported', 'x-new'],
    ['a session timer too short: 422', 'Supported: timer\nSession-Expires: 1\n', 422, 'Min-SE', '2'],
])
    test(`${name}, says what instead`, async (t) => {
        const steps = scenario.callRefused('anna', status, { headers })
        const caller = await sipp(t, steps.map((s) => s === step.recvStatus(status) ? checked(`response="${status}"`, header, regexp) : s), { to: here })
        await caller.passed()
    })

// --- calling SIPp ---

const reliable = (status, reason, n, body) => step.reply(status, reason, { body, headers: `Require: 100rel\nRSeq: ${n}\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\n`, attributes: 'retrans="500"' })

// The INVITE whose header fields the answer needs after other requests have come.
const keptInvite = step.recvInvite().replace('</action>', '<ereg regexp=".*" search_in="hdr" header="Via" assign_to="via"/></action>').replace('from,to,cseq', 'from,to,cseq,via')
const answerKept = (status, reason, attributes = '') => own.send(`SIP/2.0 ${status} ${reason}
Via[$via]
From:[$from]
To:[$to];tag=[pid]SIPp[call_number]
[last_Call-ID:]
CSeq:[$cseq]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
${own.none}`, attributes)

test('reliable early media: a PRACK for each, the 200 needs no description any more', async (t) => {
    const callee = await sipp(t, [keptInvite, reliable(183, 'Session Progress', 10, pcma),
        checked('request="PRACK"', 'RAck', '10 [0-9]+ INVITE'), step.replyInDialog(200, 'OK'), step.tone(), step.pause(200),
        answerKept(200, 'OK', 'retrans="500"'), step.recvRequest('ACK'), ...bye])
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    await call.end()
    await callee.passed()
})

test('the callee changes the media before it answers', async (t) => {
    const callee = await sipp(t, [keptInvite, reliable(183, 'Session Progress', 1, pcma), step.recvRequest('PRACK', 'rrs="true"'), step.replyInDialog(200, 'OK'),
        requestAsCallee('UPDATE', 1, { body: pcma }), step.recvStatus(200), step.pause(100), answerKept(486, 'Busy Here'), step.recvRequest('ACK')])
    const anna = await phone(t)
    const call = await anna.start(callee.uri())
    const end = await call.ended({}, 8000)
    assert.equal(end.reason, 'busy')
    await callee.passed()
})

test('422: asked again with what it wants; then we refresh by UPDATE', async (t) => {
    const callee = await sipp(t, [checked('request="INVITE"', 'Session-Expires', '1800'), step.reply(422, 'Session Interval Too Small', { headers: 'Min-SE: 2000\n' }), step.recvRequest('ACK'),
        checked('request="INVITE"', 'Min-SE', '2000', 'rrs="true"'), step.reply(180, 'Ringing'),
        step.reply(200, 'OK', { body: pcma, headers: 'Allow: INVITE, ACK, BYE, UPDATE\nRequire: timer\nSession-Expires: 4;refresher=uac\n', attributes: 'retrans="500"' }),
        step.recvRequest('ACK'), checked('request="UPDATE"', 'Session-Expires', 'refresher=uac'),
        step.replyInDialog(200, 'OK'), ...bye])
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    await until(() => /^UPDATE /m.test(callee.messages()), 'a refresh came', 6000)
    await call.end()
    await callee.passed()
})

test('nobody refreshes: the call ends shortly before its time', async (t) => {
    const callee = await sipp(t, [step.recvRequest('INVITE', 'rrs="true"'), step.reply(180, 'Ringing'),
        step.reply(200, 'OK', { body: pcma, headers: 'Session-Expires: 3;refresher=uas\n', attributes: 'retrans="500"' }), step.recvRequest('ACK'), ...bye])
    const anna = await phone(t)
    const call = await (await anna.start(callee.uri())).answered()
    const end = await call.ended({}, 6000)
    assert.equal(end.by, 'gateway')
    await callee.passed()
})

for (const [status, reason, kind] of [[302, 'Moved Temporarily', 'sip-failed'], [404, 'Not Found', 'not-found'], [408, 'Request Timeout', 'timeout'], [480, 'Unavailable', 'unavailable'],
    [481, 'No Such Call', 'no-call'], [484, 'Address Incomplete', 'not-found'], [486, 'Busy Here', 'busy'], [488, 'Not Acceptable Here', 'no-codec'], [491, 'Request Pending', null],
    [500, 'Server Error', 'sip-failed'], [503, 'Service Unavailable', 'network'], [603, 'Decline', 'declined']])
    test(`refused with ${status}: an end with its reason, no call beside it`, async (t) => {
        const callee = await sipp(t, scenario.refuse(status, reason, status === 503 ? 'Retry-After: 7\n' : ''))
        const anna = await phone(t)
        const call = await anna.start(callee.uri())
        const end = await call.ended({}, 8000)
        if (kind) assert.equal(end.reason, kind)
        await callee.passed()
    })

// --- a link that loses every fifth packet each way ---

test('fifty calls over a link that loses every fifth packet: both ends agree, nothing is left', async (t) => {
    const nft = (text) => execFileSync('nft', ['-f', '-'], { input: text })
    nft(`table inet loss {
        chain in {
            type filter hook input priority 0
            udp dport 5060 numgen random mod 5 == 0 counter drop
            udp sport 5060 numgen random mod 5 == 0 counter drop
        }
    }
`)
    t.after(() => execFileSync('nft', ['delete', 'table', 'inet', 'loss']))
    const before_ = (await gateway.ctl('stats')).sip_requests_in
    const caller = await sipp(t, [step.invite('echo'), optional, step.recvStatus(200, 'rrs="true"'), step.ackOf2xx(), step.pause(500), step.bye(), step.recvStatus(200)],
        { to: here, calls: 50, rate: 25, args: ['-max_retrans', '12', '-recv_timeout', '15000'] })
    await until(() => caller.end, 'SIPp is done with its calls', 50000)
    await until(async () => (await gateway.usage()).status.calls === 0, 'no call is left', 20000, 200)
    const dropped = JSON.parse(execFileSync('nft', ['-j', 'list', 'table', 'inet', 'loss'])).nftables.flatMap(({ rule }) => rule?.expr ?? []).map((e) => e.counter?.packets ?? 0).reduce((a, b) => a + b, 0)
    assert.ok(dropped > 50, `only ${dropped} packets were lost`)
    assert.ok((await gateway.ctl('stats')).sip_requests_in - before_ >= 100)
    await until(async () => (await gateway.ctl('stats')).sip_calls === 0, 'no dialog is left', 12000, 200)
    const failed = Number(/Failed call\s*\|\s*\d+\s*\|\s*(\d+)/.exec(caller.text)?.[1] ?? 0)
    assert.ok(failed <= 15, `${failed} calls failed in SIPp's eyes`)
})

test('after all of this: calls and transactions as before', async () => {
    await until(async () => {
        const { status: s } = await gateway.usage()
        return s.calls === 0 && s.dialogs === 0 && s.rtp_ports === 0
    }, 'calls, dialogs and ports are gone', 12000, 100)
    await until(async () => (await gateway.ctl('status')).sip.transactions.server === 0, 'every server transaction is destroyed', 12000, 100)
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp'])
