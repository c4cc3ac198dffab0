// Who calls whom, with SIPp, both ways: identities, privacy, forwarding, header fields, numbers, signatures, quotas and
// tokens for calls. Each call's ladder is as written here.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { serveNames } from '../lib/dns.mjs'
import { token } from '../lib/jwt.mjs'
import { Authority, CertServer, identity, read } from '../lib/shaken.mjs'
import { does, lines, rows, scenarios } from '../lib/stage.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const secret = 'a secret of thirty-two bytes and more'
const at = { friend: '127.0.0.2', plain: '127.0.0.3', tag: '127.0.0.11', strict: '127.0.0.12', transit: '127.0.0.13', stranger: '127.0.0.14' }
// Trunks that SIPp is called by: a prefix and a port each, for many calls at a time.
const trusted = { trust: 'both', caller: ['from', 'pai', 'rpid'], from_domain: 'gw.test', headers_in: ['X-*'], headers_out: ['X-*'], forwarded: ['diversion', 'history-info'] }
const called = [
    trusted, trusted, trusted, { caller: ['ppi'], default_number: '+39100' }, {}, { number_form: 'tel' }, { stir_sign: true }, { stir_sign: true }, {}, trusted, trusted, {}, {}, {}, {},
]
const prefix = (n) => `+49${10 + n}`
const portOf = (n) => 5700 + 2 * n
let gateway, peer, capture, server, vouches, ours

before(async () => {
    await serveNames(wholeFile, { '0.0.7.9.4.enum.test': { NAPTR: [[10, 10, 'u', 'E2U+sip', '', `!^.*$!sip:enum@${at.stranger}:5690!`]] } })
    const web = new Authority(wholeFile, 'web'), callers = new Authority(wholeFile, 'callers')
    vouches = callers.certify('caller')
    ours = callers.certify('ours')
    server = await CertServer.open(wholeFile, web.certify('site', { listed: false, names: 'IP:127.0.0.2' }), { '/good.pem': vouches.pem })
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { codecs: ['PCMA'], t1_ms: 2000, headers_in: ['X-*'] }, web: { codecs: ['PCMA'] },
        key: [{ id: 'k', algorithm: 'HS256', secret }],
        enum_tree: [{ match: '+4970*', suffix: 'enum.test', timeout_ms: 500, hosts: [at.stranger] }],
        shaken: { authorities: callers.path, key: ours.key, certificate_url: 'https://cert.example.org/ours.pem', fetch_networks: ['127.0.0.2'], fetch_authorities: web.path },
        trunk: [
            { name: 'friend', address: `${at.friend}:5060`, prefixes: ['none'], ...trusted },
            { name: 'plain', address: `${at.plain}:5060`, prefixes: ['none'] },
            { name: 'tag', address: `${at.tag}:5060`, prefixes: ['none'], stir_verify: 'tag' },
            { name: 'strict', address: `${at.strict}:5060`, prefixes: ['none'], stir_verify: 'require' },
            { name: 'transit', address: `${at.transit}:5060`, prefixes: ['none'] },
            { name: 'enum', address: '127.0.0.1:5698', prefixes: ['+4970'] },
            ...called.map((policy, n) => ({ name: `called${n}`, address: `127.0.0.1:${portOf(n)}`, prefixes: [prefix(n)], codecs: ['PCMA'], ...policy })),
        ],
        number: [{ from: 'trunk:plain', match: '0ZX*', strip: 1, prepend: '+33' }],
        quota: [{ name: 'brief', users: ['*'], to: [`tel:${prefix(11)}*`], seconds_per_call: 1 }, { name: 'transit', users: ['trunk:transit'], to: ['tel:*'], deny: true }],
        inbound: [{ match: '+33140000000', to: 'user:shop' }, ...[0, 4, 8].map((n) => ({ match: `${prefix(n)}*`, to: 'tel:$' })), { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const stage = () => ({ gateway, peer })
const { take, answered, ended, all } = does
const { incoming, taken, bye, up, over } = rows
const { calls, takes, letsGo } = lines
const own = '+33156000000'
const signed = (sub, claims) => ({ token: token('HS256', secret, { sub, ...claims }, { kid: 'k' }) })
const login = (user) => signed(user, { numbers: [own] })
// A number by a trunk of `called`, and SIPp there.
const by = (n) => ({ to: () => `${prefix(n)}55`, options: { port: portOf(n) } })

// ── From SIPp ──

// The browser is told `want` of who calls, then refuses.
const told = (name, host, headers, want, more = {}) => ({
    name, options: { host },
    in: `> INVITE USER sdp | ${headers}\n< 100?\n< 180\n< 603\n> ACK`,
    act: async ({ anna, call }) => {
        const event = Object.fromEntries(Object.keys(want).map((key) => [key, call.event[key]]))
        assert.deepEqual(event, want)
        await anna.client.call('call.reject', { call: call.call })
    },
    ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.reject; <a 603; <b call.end declined; -- ended: declined',
    ...more,
})
const anonymous = { uri: 'sip:anonymous@anonymous.invalid', anonymous: true }
const sippIs = (host) => ({ uri: `sip:+33123456789@${host}:PORT`, display: 'Sipp Caller', number: '+33123456789' })

scenarios('SIPp calls', stage, [
    told('an asserted identity of a trusted trunk', at.friend, 'P-Asserted-Identity: "Bob" <sip:+33199@net>', { from: { uri: 'sip:+33199@net', display: 'Bob', number: '+33199', asserted: true } }),
    told('Privacy: id', at.friend, 'P-Asserted-Identity: "Bob" <sip:+33199@net> | Privacy: id', { from: anonymous }),
    told('who forwarded it, by Diversion', at.friend, 'Diversion: "Bob" <sip:+33155@net>;reason=user-busy;counter=2', { forwarded: [{ uri: 'sip:+33155@net', number: '+33155', name: 'Bob', reason: 'user-busy', counter: 2 }] }),
    told('who forwarded it, by History-Info', at.friend, 'History-Info: <sip:+33155@net>;index=1, <sip:+33156@net;cause=486>;index=1.1;mp=1', { forwarded: [{ uri: 'sip:+33155@net', number: '+33155', reason: 'user-busy', counter: 1 }] }),
    told('subject, priority, how to ring, what else', at.friend, 'Subject: tea | Priority: urgent | Alert-Info: <urn:alert:source:external> | Call-Info: <http://h.example/p.png>;purpose=icon | X-Order: 7',
        { subject: 'tea', priority: 'urgent', alert: ['urn:alert:source:external'], info: [{ uri: 'http://h.example/p.png', purpose: 'icon' }], headers: { 'X-Order': '7' } }),
    told('header fields that a trunk may not show', at.plain, 'X-Order: 7', { headers: undefined }),
    {
        name: 'an asserted identity of a trunk that is not trusted', options: { host: at.plain },
        in: '> INVITE USER sdp | P-Asserted-Identity: "Bob" <sip:+33199@net>\n< 100?\n< 180\n< 603\n> ACK',
        act: async ({ anna, call, sipp }) => {
            assert.deepEqual(JSON.parse(JSON.stringify(call.event.from).replace(`:${sipp.port}`, ':PORT')), sippIs(at.plain))
            await anna.client.call('call.reject', { call: call.call })
        },
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.reject; <a 603; <b call.end declined; -- ended: declined',
    }, {
        name: 'a tel: URI', user: 'shop',
        in: '> INVITE tel:+33140000000 sdp\n< 100?\n< 180\n< 200\n> ACK\n> BYE\n< 200',
        ladder: 'a> INVITE; <b call.incoming; -- to user:shop; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'another name in the call, by UPDATE', options: { host: at.friend },
        in: `${calls}
            > UPDATE | P-Asserted-Identity: "Carl" <sip:+33198@net>
            < 200
            ${lines.bye}`,
        act: all(take, async ({ anna, call }) => assert.equal((await anna.client.expect('call.info', { call: call.call })).peer.number, '+33198'), ended),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> UPDATE; -- sip:+33123456789@ADDRESS is sip:+33198@net now; <b call.info; <a 200; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'a number that goes on to a trunk: who calls, withheld, forwarded by us; the refusal comes back with its Reason',
        options: { host: at.friend },
        in: `> INVITE ${prefix(0)}55 sdp | P-Asserted-Identity: "Bob" <sip:+33199@net> | Privacy: id | X-Order: 5
            < 100?
            < 404 | Reason: Q.850;cause=1
            > ACK`,
        callee: `< INVITE | From: anonymous@anonymous.invalid | P-Asserted-Identity: .33199@gw.test | Privacy: id | Remote-Party-ID: privacy=full | Diversion: reason=unconditional | History-Info: cause=302.*index=1.1 | X-Order: 5
            > 404 | Reason: Q.850;cause=1
            < ACK`,
        calleeOptions: { port: portOf(0) }, logged: ` to=tel:\\${prefix(0)}55 `,
        ladder: 'a> INVITE; <b INVITE; -- to tel:+491055; b> 404; <a 404; -- ended: not-found',
    }, {
        name: 'a number that goes on to a trunk: it is answered; the cause of its end goes along',
        in: `> INVITE ${prefix(4)}55 sdp
            < 100?
            < 180
            < 200
            > ACK
            > BYE | Reason: Q.850;cause=31
            < 200`,
        callee: `${takes}\n< BYE | Reason: Q.850;cause=31\n> 200`,
        calleeOptions: { port: portOf(4) },
        ladder: 'a> INVITE; <b INVITE; -- to tel:+491455; b> 180; <a 180; b> 200; <b ACK; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> BYE; <a 200; <b BYE; -- ended: hangup',
    }, {
        name: 'quota of a trunk: 403, nobody is called', alone: true, options: { host: at.transit },
        in: `> INVITE ${prefix(8)}55 sdp\n< 100?\n< 403\n> ACK`,
    },
])

// ── Vouched for ──

const url = () => `https://127.0.0.2:${server.port}/good.pem`
const from = '"Sipp Caller" <sip:+12155550100@[local_ip]:[local_port]>'
const passport = (more = {}) => identity({ keyText: vouches.keyText, url: url(), from: '12155550100', to: '33140000000', ...more })
const verified = (name, value, want, judged) => ({
    ...told(name, at.tag, '', { verified: want }), user: 'shop', from,
    in: () => `> INVITE +33140000000 sdp${value ? ` | Identity: ${value()}` : ''}\n< 100?\n< 180\n< 603\n> ACK`,
    ladder: `a> INVITE; -- caller: ${judged}; <b call.incoming; -- to user:USER; <a 180; b> call.reject; <a 603; <b call.end declined; -- ended: declined`,
})
const unverified = (name, value, status) => ({
    name, alone: true, from, options: { host: at.strict },
    in: () => `> INVITE +33140000000 sdp${value ? ` | Identity: ${value()}` : ''}\n< 100?\n< ${status} | ~ Reason: STIR;cause=${status}\n> ACK`,
})

// One user, one after the other.
scenarios('SIPp calls, and somebody vouches for its number, or nobody', stage, [
    verified('vouched for', passport, { status: 'passed', attest: 'A', number: '+12155550100' }, 'vouched for, attestation A'),
    verified('nobody vouches', null, { status: 'none' }, 'no-identity'),
    verified('by whose key it is not', () => passport({ keyText: ours.keyText }), { status: 'failed', reason: 'bad-identity' }, 'bad-identity'),
    verified('too long ago', () => passport({ iat: Math.floor(Date.now() / 1000) - 3600 }), { status: 'failed', reason: 'identity-stale' }, 'identity-stale'),
    unverified('428: nobody vouches, and that is asked for', null, 428),
    unverified('438: by whose key it is not', () => passport({ keyText: ours.keyText }), 438),
    unverified('436: no certificate there', () => passport({ url: url().replace('good', 'none') }), 436),
], { concurrency: 1 })

// ── To SIPp ──

scenarios('SIPp is called', stage, [
    {
        name: 'a user\'s own number, to a trusted trunk', ...by(0), login,
        out: `< INVITE | From: .33156000000@gw.test | P-Asserted-Identity: .33156000000@gw.test | Remote-Party-ID: .33156000000@ | !Privacy:\n> 486\n< ACK`,
        act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491055; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'withheld: a trusted trunk learns it, with Privacy: id', ...by(1), login, call: { anonymous: true },
        out: `< INVITE | From: anonymous@anonymous.invalid | P-Asserted-Identity: .33156000000@gw.test | Privacy: id\n> 486\n< ACK`,
        act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491155; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'withheld: another trunk does not', ...by(4), login, call: { anonymous: true },
        out: `< INVITE | From: anonymous@anonymous.invalid | !P-Asserted-Identity: | !P-Preferred-Identity: | Privacy: id\n> 486\n< ACK`,
        act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491455; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'P-Preferred-Identity, and the trunk\'s number for who has none', ...by(3),
        out: `< INVITE | P-Preferred-Identity: .39100@ | !P-Asserted-Identity:\n> 486\n< ACK`,
        act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491355; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'who it rings at, who answers, who it is later', ...by(2), login,
        out: `< INVITE
            > 180 | P-Asserted-Identity: "Desk" <tel:+49302>
            > 200 sdp | P-Asserted-Identity: "Carl" <tel:+49304> | X-Queue: 3
            < ACK
            > UPDATE | P-Asserted-Identity: "Dora" <tel:+49305>
            < 200
            ${letsGo}`,
        act: async (it) => {
            const { anna, call } = it
            const heard = async (method) => (await anna.client.expect(method, (e) => e.call === call.call && e.peer)).peer.number
            assert.equal(await heard('call.progress'), '+49302')
            const answer = await anna.client.expect('call.answer', { call: call.call })
            assert.deepEqual([answer.peer.number, answer.headers], ['+49304', { 'X-Queue': '3' }])
            assert.equal(await heard('call.info'), '+49305')
            await does.end(it)
        },
        ladder: 'a> call.start; <b INVITE; -- to tel:+491255; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; b> UPDATE; -- sip:+491255@ADDRESS is tel:+49305 now; <a call.info; <b 200; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: 'header fields that a trunk takes, and none else', ...by(9), call: { headers: { 'X-Order': '7' } },
        out: '< INVITE | X-Order: 7\n> 486\n< ACK', act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491955; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'a tel: URI, where the trunk wants it', ...by(5),
        out: '< INVITE | To: <tel:.491555> | ~ ^INVITE tel:.491555 SIP\n> 486\n< ACK', act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491555; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'ENUM leads to a SIP URI', to: () => '+49700', options: { host: at.stranger, port: 5690 },
        out: '< INVITE | ~ ^INVITE sip:enum@\n> 486\n< ACK', act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+49700; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'signed for a user\'s own number', ...by(6), login,
        out: '< INVITE | Identity: ;info=<https://cert.example.org/ours.pem>;alg=ES256;ppt=shaken | Date: GMT\n> 486\n< ACK',
        act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491655; <b INVITE; b> 486; <a call.end busy; -- ended: busy',
        then: async ({ sipp }) => {
            const { claims } = read(/^Identity: (.*?)\r?$/m.exec(sipp.messages())[1], ours.pem)
            assert.deepEqual([claims.attest, claims.orig.tn, claims.dest.tn], ['A', own.slice(1), [`${prefix(6)}55`.slice(1)]])
        },
    }, {
        name: 'not signed: the number is withheld', ...by(7), login, call: { anonymous: true },
        out: '< INVITE | !Identity:\n> 486\n< ACK', act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491755; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'not signed: the trunk takes none', ...by(8), login,
        out: '< INVITE | !Identity:\n> 486\n< ACK', act: ended, ladder: 'a> call.start; <b INVITE; -- to tel:+491855; b> 486; <a call.end busy; -- ended: busy',
    }, {
        name: 'quota: cut when its time is over, with a cause', ...by(11),
        out: `${takes}\n< BYE | Reason: Q.850;cause=[0-9]+\n> 200`,
        act: async ({ call }) => (await call.given(), assert.equal((await call.client.expect('call.end', { call: call.call })).reason, 'quota')),
        ladder: 'a> call.start; <b INVITE; -- to tel:+492155; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; -- brief: the time for this call is over; <a call.end quota; <b BYE; -- ended: quota',
    }, {
        name: 'a token for the call: its place, once', ...by(12), login: (user) => signed(user, { scope: '' }),
        call: ({ user }) => ({ grant: token('HS256', secret, { sub: user, use: 'call', jti: `once-${user}`, call: { to: [`tel:${prefix(12)}*`], uses: 1 } }, { kid: 'k' }) }),
        out: `${takes}\n${letsGo}`,
        act: async (it) => {
            await does.answered(it)
            await does.end(it)
            const grant = token('HS256', secret, { sub: it.user, use: 'call', jti: `once-${it.user}`, call: { to: [`tel:${prefix(12)}*`], uses: 1 } }, { kid: 'k' })
            await assert.rejects(it.anna.start(`${prefix(12)}55`, { grant }), { kind: 'quota' })
            await assert.rejects(it.anna.start(`${prefix(13)}55`, { grant }), { kind: 'forbidden' })
        },
        ladder: 'a> call.start; <b INVITE; -- to tel:+492255; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    },
])

test('the gateway ends well', async () => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left', 8000)
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp'])
