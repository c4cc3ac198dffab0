// Trunks, transports and registrations with SIPp: digest, trunks that stand in for each other, TCP, IPv6, large
// requests, calls by a registration. Each call's ladder is as written here.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { does, lines, rows, scenarios } from '../lib/stage.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

// A port and a prefix for each trunk that SIPp is.
const names = ['digest', 'digest401', 'wrong', 'unknown', 'first', 'second', 'third', 'fourth', 'busy', 'never', 'tcp', 'large', 'probed', 'full']
const portOf = (name) => 5700 + 2 * names.indexOf(name)
const prefix = (name) => `+49${10 + names.indexOf(name)}`
const policies = {
    digest: { username: 'gw', password: 'secret' }, digest401: { username: 'gw', password: 'secret' }, wrong: { username: 'gw', password: 'false' },
    tcp: { transport: 'tcp' }, probed: { probe_interval_s: 1, probe_timeout_ms: 900, probe_down: 1 }, full: { calls_max: 1 },
}
const [scripted, routed] = [5760, 5762]
let gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { listen: ['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060', 'udp:[::1]:5060', 'tcp:[::1]:5060'], codecs: ['PCMA'], t1_ms: 2000 },
        web: { codecs: ['PCMA'] }, media: { rtp_listen: ['127.0.0.1', '::1'] },
        trunk: names.map((name) => ({ name, address: `127.0.0.1:${portOf(name)}`, prefixes: [prefix(name)], codecs: ['PCMA'], ...policies[name] })),
        group: [
            { name: 'failing', prefixes: ['+311'], members: ['first/1', 'second/2'] },
            { name: 'ringing', prefixes: ['+312'], members: ['third/1', 'fourth/2'] },
            { name: 'refusing', prefixes: ['+313'], members: ['busy/1', 'never/2'] },
        ],
        registrar: [{ name: 'scripted', domain: `127.0.0.1:${scripted}`, users: ['r-*'], realm: 'sipp.test', identity: '$', username: 'u-$', password: 'secret', grace_s: 0, retry_s: 1 }],
    })
    peer = WebPeer.start(wholeFile)
})

const stage = () => ({ gateway, peer })
const { answered, ended, end, all } = does
const { start, up, over } = rows
const { takes, letsGo } = lines
const by = (name) => ({ to: () => `${prefix(name)}55`, options: { port: portOf(name) } })
const group = (number, first, second) => ({ to: () => number, options: { port: portOf(first) }, calleeOptions: { port: portOf(second) } })
const challenge = (nonce, kind = 'Proxy') => `${kind}-Authenticate: Digest realm="sipp.test", nonce="${nonce}", algorithm=MD5, qop="auth"`
const standsIn = async (first) => (await gateway.ctl('trunks')).find((trunk) => trunk.name === first).held_ms

scenarios('trunks', stage, [
    {
        name: '407: digest', ...by('digest'),
        out: `< INVITE | !Proxy-Authorization:
            > 407 | ${challenge('one')}
            < ACK
            < INVITE | Proxy-Authorization: username="gw".*realm="sipp.test".*nonce="one".*qop=auth
            > 180
            > 200 sdp
            < ACK
            ${letsGo}`,
        ladder: 'a> call.start; <b INVITE; -- to tel:+491055; b> 407; <b INVITE; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: '401: digest, a nonce that is stale by then', ...by('digest401'),
        out: `< INVITE
            > 401 | ${challenge('one', 'WWW')}
            < ACK
            < INVITE | Authorization: nonce="one"
            > 401 | ${challenge('two', 'WWW')}, stale=true
            < ACK
            < INVITE | Authorization: nonce="two"
            > 180
            > 200 sdp
            < ACK
            ${letsGo}`,
        ladder: 'a> call.start; <b INVITE; -- to tel:+491155; b> 401; <b INVITE; b> 401; <b INVITE; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: '407 again: the password is wrong, the call ends', ...by('wrong'),
        out: `< INVITE
            > 407 | ${challenge('one')}
            < ACK
            < INVITE
            > 407 | ${challenge('two')}
            < ACK`,
        act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491255; b> 407; <b INVITE; b> 407; <a call.end auth; -- ended: auth',
    }, {
        name: '407 of who has no account: the call ends', ...by('unknown'),
        out: `< INVITE\n> 407 | ${challenge('one')}\n< ACK`,
        act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491355; b> 407; <a call.end auth; -- ended: auth',
    }, {
        name: '503 with Retry-After: the next trunk at once, and the first is spared', ...group('+31155', 'first', 'second'),
        out: `< INVITE\n> 503 | Retry-After: 60\n< ACK`,
        callee: `${takes}\n${letsGo}`,
        then: async () => assert.ok(await standsIn('first') > 30000),
        ladder: 'a> call.start; <b INVITE; -- to tel:+31155; b> 503; <b INVITE; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: '500 after ringing: the next trunk still', ...group('+31255', 'third', 'fourth'),
        out: `< INVITE\n> 180\n> 500\n< ACK`,
        callee: `${takes}\n${letsGo}`,
        ladder: 'a> call.start; <b INVITE; -- to tel:+31255; b> 180; <a call.progress ringing; b> 500; <b INVITE; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: '486: nobody else is asked', ...group('+31355', 'busy', 'never'),
        out: '< INVITE\n> 486\n< ACK', act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+31355; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'at its limit: refused before anybody is called', ...by('full'),
        out: `${takes}\n${letsGo}`,
        act: all(answered, async ({ anna }) => assert.rejects(anna.start(`${prefix('full')}66`), ({ kind }) => kind === 'overload' || kind === 'rate'), end),
        ladder: 'a> call.start; <b INVITE; -- to tel:+492355; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: 'asked by OPTIONS: no answer, up, 503', alone: true, options: { port: portOf('probed'), calls: 2 },
        out: '< OPTIONS | Max-Forwards: 0|70\n> 200',
        act: () => until(async () => (await gateway.ctl('trunks')).find((trunk) => trunk.name === 'probed').state === 'up', 'the trunk is up', 8000, 50),
    },
])

scenarios('transports', stage, [
    { name: 'TCP: called', ...by('tcp'), options: { port: portOf('tcp'), transport: 't1' }, out: `${takes}\n${letsGo}`, ladder: 'a> call.start; <b INVITE; -- to tel:+492055; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup' },
    { name: 'TCP: calls', options: { transport: 't1' }, in: `${lines.calls}\n${lines.bye}`, ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> BYE; <a 200; <b call.end; -- ended: hangup' },
    { name: 'IPv6: called', options: { host: '::1' }, out: `${takes}\n${letsGo}`, ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup' },
    { name: 'IPv6: calls', options: { host: '::1', to: '[::1]:5060' }, in: `${lines.calls}\n${lines.bye}`, ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> BYE; <a 200; <b call.end; -- ended: hangup' },
    { name: 'TCP over IPv6: calls', options: { host: '::1', to: '[::1]:5060', transport: 't1' }, in: `${lines.calls}\n${lines.bye}`, ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> BYE; <a 200; <b call.end; -- ended: hangup' },
    {
        name: 'a request too large for a datagram: by TCP', ...by('large'), options: { port: portOf('large'), transport: 't1' },
        call: { headers: Object.fromEntries([1, 2, 3, 4].map((n) => [`X-${n}`, 'x'.repeat(400)])) },
        out: `< INVITE | Via: SIP/2.0/TCP | X-4: xxx
            > 180
            > 200 sdp
            < ACK
            ${letsGo}`,
        ladder: 'a> call.start; <b INVITE; -- to tel:+492155; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    },
])

const logsIn = `< REGISTER | Supported: path
    > 401 | ${challenge('one', 'WWW')}
    < REGISTER | Authorization: username="u-r-
    > 423 | Min-Expires: 7200
    < REGISTER | Expires: 7200
    > 200 | [last_Contact:] | Expires: 7200 | Path: <sip:edge@127.0.0.1;lr> | Service-Route: <sip:orig@127.0.0.1:${routed};lr> | P-Associated-URI: <sip:+33170@sipp.test>`

scenarios('registrations', stage, [
    {
        name: 'challenged, too brief, taken; a call by its Service-Route, under its identity; the log-out',
        alone: true, options: { port: scripted },
        out: `${logsIn}
            < REGISTER | Expires: 0
            > 200`,
        callee: `< INVITE | Route: <sip:orig@127.0.0.1:${routed};lr> | From: .33170@sipp.test | ~ ^INVITE sip:4711@127.0.0.1:${scripted}
            > 486
            < ACK`,
        calleeOptions: { port: routed },
        act: async (stage) => {
            const user = await stage.phone('r-one')
            await user.client.expect('session.registration', { state: 'registered' })
            const call = await user.start('4711')
            await call.ended({ reason: 'busy' })
            stage.id = call.gatewayId
            await user.client.close()
        },
        ladder: 'a> call.start; <b INVITE; -- to tel:4711; b> 486; <a call.end busy; -- ended: busy',
    },
], { concurrency: 1 })

test('the gateway ends well', async () => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left', 8000)
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp'])
