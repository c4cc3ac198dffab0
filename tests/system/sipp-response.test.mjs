// Each class of responses with SIPp, both ways: what a browser is told of those to us, and what a caller gets from us
// and from who is called beyond us. Each call's ladder is as written here.
import { before, test } from 'node:test'
import { Gateway } from '../lib/gateway.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { scenarios } from '../lib/stage.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
// [status, what the browser is told, what a caller of ours gets if it is not the same]
const finals = [
    [300, 'sip-failed', 500], [301, 'sip-failed', 500], [302, 'sip-failed', 500], [305, 'sip-failed', 500], [380, 'sip-failed', 500],
    [400, 'sip-failed', 500], [401, 'auth', 403], [402, 'sip-failed', 500], [403, 'forbidden'], [404, 'not-found'], [405, 'sip-failed', 500], [406, 'sip-failed', 500], [407, 'auth', 403],
    [408, 'timeout'], [410, 'not-found'], [413, 'sip-failed', 500], [414, 'sip-failed', 500], [415, 'no-codec', 488], [416, 'sip-failed', 500], [420, 'sip-failed', 500], [421, 'sip-failed', 500],
    [423, 'sip-failed', 500], [433, 'anonymous'], [480, 'unavailable'], [481, 'no-call'], [482, 'hops', 483], [483, 'hops'], [484, 'not-found'], [485, 'sip-failed'], [486, 'busy'],
    [487, 'cancelled'], [488, 'no-codec'], [489, 'sip-failed', 500], [491, 'sip-failed', 500], [493, 'sip-failed', 500], [494, 'sip-failed', 500],
    [500, 'sip-failed'], [501, 'sip-failed'], [502, 'sip-failed'], [503, 'network'], [504, 'network'], [505, 'sip-failed', 500], [513, 'sip-failed'],
    [600, 'busy'], [603, 'declined'], [604, 'not-found'], [606, 'no-codec'], [607, 'declined'], [608, 'sip-failed'],
]
// [status, what a caller of ours gets]
const provisionals = [[180, 180], [181, 181], [182, 182], [183, 183], [199, null]]
const all = [...finals, ...provisionals].map(([status]) => status)
const beyond = (status) => 5700 + 2 * all.indexOf(status) // where who calls "beyondSTATUS" is sent

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { codecs: ['PCMA'], t1_ms: 2000, reject_anonymous: true, ring_timeout_ms: 4000, peers: ['127.0.0.1'] },
        web: { codecs: ['PCMA'] },
        inbound: [...all.map((status) => ({ match: `beyond${status}`, to: `sip:x@127.0.0.1:${beyond(status)}` })),
            { match: 'dead', to: 'sip:x@127.0.0.1:5699' }, { match: 'echo', to: 'service:echo' }, { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const stage = () => ({ gateway, peer })
const ended = ({ call }) => call.ended({}, 8000)

// ── To us: the browser calls SIPp ──

scenarios('a browser calls, SIPp refuses', stage, finals.map(([status, kind]) => ({
    name: String(status),
    out: `< INVITE
        > 100
        > ${status}${status === 503 ? ' | Retry-After: 7' : ''}
        < ACK`,
    act: ended,
    ladder: `a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 100; b> ${status}; <a call.end ${kind}; -- ended: ${kind}`,
})))

scenarios('a browser calls, SIPp says first', stage, provisionals.map(([status]) => ({
    name: String(status),
    out: `< INVITE
        > ${status}
        > 486
        < ACK`,
    act: ended,
    ladder: `a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> ${status}; <a call.progress ${status === 180 ? 'ringing' : 'trying'}; b> 486; <a call.end busy; -- ended: busy`,
})))

// ── From beyond us: SIPp calls SIPp by the gateway ──

scenarios('SIPp calls, another SIPp refuses', stage, finals.map(([status, kind, passed = status]) => ({
    name: `${status}: ${passed}`,
    in: `> INVITE beyond${status} sdp
        < 100?
        < ${passed}
        > ACK`,
    callee: `< INVITE
        > ${status}
        < ACK`,
    calleeOptions: { port: beyond(status) },
    ladder: `a> INVITE; <b INVITE; -- to sip:x@ADDRESS; b> ${status}; <a ${passed}; -- ended: ${kind}`,
})))

scenarios('SIPp calls, another SIPp says first', stage, provisionals.map(([status, passed]) => ({
    name: `${status}: ${passed ?? 'nothing'}`,
    in: `> INVITE beyond${status} sdp
        < 100?
        ${passed ? `< ${passed}` : ''}
        < 486
        > ACK`,
    callee: `< INVITE
        > ${status}
        > 486
        < ACK`,
    calleeOptions: { port: beyond(status) },
    ladder: `a> INVITE; <b INVITE; -- to sip:x@ADDRESS; b> ${status}; ${passed ? `<a ${passed}; ` : ''}b> 486; <a 486; -- ended: busy`,
})))

// ── Our own, to SIPp ──

const refused = (name, status, { headers = '', user = 'USER', sdp = 'sdp', ...more } = {}) => ({
    name: `${status}: ${name}`,
    in: `> INVITE ${user} ${sdp}${headers && ` | ${headers}`}
        < 100?
        < ${status}${more.says ? ` | ${more.says}` : ''}
        > ACK`,
    alone: true, ...more,
})
const rejects = (status, reason) => ({
    ...refused(`the browser says ${reason}`, status), alone: false,
    in: `> INVITE USER sdp
        < 100?
        < 180
        < ${status}
        > ACK`,
    act: async ({ anna, call }) => (await anna.client.call('call.reject', { call: call.call, reason }), await call.client.expect('call.end', { call: call.call })),
    ladder: `a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.reject; <a ${status}; <b call.end ${reason}; -- ended: ${reason}`,
})

scenarios('SIPp calls, the gateway refuses', stage, [
    rejects(486, 'busy'), rejects(603, 'declined'), rejects(480, 'unavailable'),
    refused('an address that may not call', 403, { options: { host: '127.0.0.77' } }),
    refused('nobody by this name', 404),
    refused('no description but a text', 415, { sdp: '', headers: 'Content-Type: text/plain | = hello', says: 'Accept: application/sdp' }),
    refused('an extension unknown here', 420, { headers: 'Require: 100rel, x-new', says: 'Unsupported: x-new' }),
    refused('a session timer too short', 422, { headers: 'Supported: timer | Session-Expires: 10', says: 'Min-SE: 90' }),
    refused('no number shown', 433, { alone: false, wait: false, from: '"Anonymous" <sip:anonymous@anonymous.invalid>' }),
    refused('too many hops', 483, { user: 'dead', headers: 'Max-Forwards: 0' }),
    refused('no codec of ours', 488, { alone: false, wait: false, sdp: 'sdp:g729' }),
    refused('the next hop is dead', 503, { user: 'dead', says: 'Retry-After: [0-9]+', ladder: 'a> INVITE; <b INVITE; -- to sip:x@ADDRESS; <a 503; -- ended: network' }),
    {
        name: '408: it rings too long',
        in: `> INVITE USER sdp
            < 100?
            < 180
            < 408
            > ACK`,
        act: ({ call }) => call.client.expect('call.end', { call: call.call, reason: 'timeout' }),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; <a 408; <b call.end timeout; -- ended: timeout',
    }, {
        name: '487: cancelled',
        in: `> INVITE USER sdp
            < 100?
            < 180
            > CANCEL USER | Reason: SIP;cause=200;text="Call completed elsewhere"
            < 200
            < 487
            > ACK`,
        act: ({ call }) => call.client.expect('call.end', { call: call.call, reason: 'answered-elsewhere' }),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; a> CANCEL; <a 487; <b call.end answered-elsewhere; -- ended: answered-elsewhere',
    },
    { name: '481: BYE of nothing', alone: true, in: `> BYE USER | To: <sip:x@127.0.0.1>;tag=1\n< 481` },
    { name: '481: CANCEL of nothing', alone: true, in: `> CANCEL USER\n< 481` },
    { name: '501: a method unknown here', alone: true, in: `> FOO USER\n< 501` },
    { name: '405: a method known, not here', alone: true, in: `> PUBLISH USER | Event: presence\n< 405` },
    { name: '200: OPTIONS', alone: true, in: `> OPTIONS USER\n< 200 | Allow: INVITE.*UPDATE | Accept: application/sdp | Supported: timer` },
])

test('the gateway ends well', async () => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left')
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp'])
