// Who calls whom, as both sides learn it: numbers, caller IDs, forwarding, header fields.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { serveNames } from '../lib/dns.mjs'
import { token } from '../lib/jwt.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture, names
const [plain, tel, friend, other] = [5640, 5642, 5644, 5646]
const secret = 'a secret of thirty-two bytes and more'
const at = { plain: '127.0.0.1', friend: '127.0.0.2', stranger: '127.0.0.3' }
const home = { host: '127.0.0.1', port: 5060 }

before(async () => {
    capture = await startCapture(wholeFile)
    const tree = (digits) => `${[...digits].reverse().join('.')}.enum.test`
    names = await serveNames(wholeFile, {
        [tree('49700')]: { NAPTR: [[10, 20, 'u', 'E2U+sip', '', '!^.*$!sip:second@127.0.0.3:5660!'], [10, 10, 'u', 'E2U+sip', '', '!^\\+49(.*)$!sip:0\\1@127.0.0.3:5660!'], [5, 5, 'u', 'E2U+mailto', '', '!^.*$!mailto:a@h!']] },
        [tree('49701')]: null, // silent
        [tree('49702')]: { NAPTR: [[10, 10, 'u', 'E2U+sip', '', '!^.*$!sip:a@evil.example!'], [10, 20, 'u', 'E2U+sip', '', '!(.*)\\1!sip:a@127.0.0.3!']] },
    })
    gateway = await Gateway.start(wholeFile, {
        enum_tree: [{ match: '+4970*', suffix: 'enum.test', timeout_ms: 300, hosts: ['127.0.0.3', '*.enum.test'] }],
        trunk: [
            { name: 'plain', address: `127.0.0.1:${plain}`, prefixes: ['+33', '1'] },
            { name: 'tel', address: `127.0.0.1:${tel}`, prefixes: ['+44'], number_form: 'tel' },
            {
                name: 'friend', address: `${at.friend}:${friend}`, prefixes: ['+49'], trust: 'both', caller: ['from', 'pai', 'rpid'], from_domain: 'gw.test',
                headers_in: ['X-*', 'User-to-User'], headers_out: ['X-*', 'User-to-User'], forwarded: ['diversion', 'history-info'],
            },
            { name: 'other', address: `${at.plain}:${other}`, prefixes: ['+39'], caller: ['ppi'], default_number: '+39100', headers_out: [] },
        ],
        key: [{ id: 'k', algorithm: 'HS256', secret }],
        identity: [{ user: 'anna', numbers: ['+33140000000', '+3314567*'] }, { user: 'shy', reject_anonymous: true }],
        group: [{ name: 'both', prefixes: ['+35'], members: ['friend/1', 'plain/2'] }],
        number: [
            { from: 'user', match: '00Z*', strip: 2, prepend: '+' },
            { from: 'user', match: '0ZX*', digits_min: 10, digits_max: 10, strip: 1, prepend: '+33' },
            { from: 'trunk:plain', match: '0ZX*', strip: 1, prepend: '+33' },
            { to: 'trunk:plain', match: '+33*', strip: 3, prepend: '0', context: 'national' },
            { to: 'trunk:plain', match: '+*', strip: 1, prepend: '00' },
        ],
        inbound: [{ match: '+33140000000', to: 'user:anna' }, { match: '+49*', to: 'tel:$' }, { match: 'loop', to: 'sip:loop@127.0.0.1:5060' }, { match: '+33*', to: 'tel:$' }, { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name = 'anna', claims) => Phone.open(t, gateway, peer, claims ? { token: token('HS256', secret, { sub: name, ...claims }, { kid: 'k' }) } : name)
const refuse = async (end, invite, status = 486) => (end.reply(invite, status), await end.expect('ACK'))

test('a national number is dialled as the trunk wants it', async (t) => {
    const callee = await sipp(t, scenario.answer(), { port: plain })
    const anna = await phone(t)
    const call = await (await anna.start('01 23 45 67 89')).answered()
    await call.end()
    await callee.passed()
    assert.match(callee.messages(), /INVITE sip:0123456789@127\.0\.0\.1:5640 SIP/)
})

test('tel: with parameters, escaped, as a tel: URI to the trunk that wants those', async (t) => {
    const callee = await SipPeer.open(t, { port: tel })
    const anna = await phone(t)
    const call = await anna.start('tel:%2B44-20-1234;isub=7;x=y')
    const invite = await callee.expect('INVITE')
    assert.equal(invite.uri, 'tel:+44201234;isub=7')
    assert.equal(invite.get('to'), '<tel:+44201234;isub=7>')
    await refuse(callee, invite)
    await call.ended()
})

test('a phone-context nobody configured is refused', async (t) => {
    const anna = await phone(t)
    await assert.rejects(anna.start('tel:1234;phone-context=evil.example'), { kind: 'no-route' })
})

test('in: caller and callee are told in E.164; the rule is found by what was meant', async (t) => {
    const trunk = await SipPeer.open(t, { port: plain })
    const anna = await phone(t)
    const dialog = trunk.request('INVITE', 'sip:0140000000@127.0.0.1:5060', home, { body: sdp(), dialog: { local: `<sip:0612345678@127.0.0.1:${plain}>;tag=1` } })
    const call = await anna.incoming()
    assert.equal(call.event.from.number, '+33612345678')
    assert.equal(call.event.to, 'tel:+33140000000')
    await anna.client.call('call.reject', { call: call.call })
    const answer = await trunk.expect(603)
    trunk.request('ACK', 'sip:0140000000@127.0.0.1:5060', home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

test('causewayctl number test tells the rows', async () => {
    const told = await gateway.ctl('number', 'test', '01.23.45.67.89')
    assert.deepEqual([told.number, told.trunk, told.written, told.row.match, told.written_row.match], ['+33123456789', 'plain', '0123456789', '0ZX*', '+33*'])
    assert.match(told.row.at, /causeway\.conf:\d+$/)
    assert.equal((await gateway.ctl('number', 'test', '0612345678', 'trunk:plain')).number, '+33612345678')
    assert.equal((await gateway.ctl('number', 'test', '0612345678', 'peer')).number, '0612345678')
    assert.equal((await gateway.ctlRun('number', 'test', 'bob')).code, 1)
})


// ── Who calls, to a trunk ──────────────────────────────────────────────────────────────────────

// With a SIP end that is gone afterwards.
async function withEnd(where, use) {
    let close
    const end = await SipPeer.open({ after: (fn) => (close = fn) }, where)
    return await use(end).finally(close)
}

// The INVITE a call leads to; the call is then refused.
const inviteOf = (t, who, to, options, [host, port]) => withEnd({ host, port }, async (trunk) => {
    const call = await who.start(to, options)
    const invite = await trunk.expect('INVITE')
    await refuse(trunk, invite)
    await call.ended()
    return invite
})
const toFriend = [at.friend, friend]
const toPlain = [at.plain, plain]

test('out: a user\'s own number in From, P-Asserted-Identity and Remote-Party-ID, where the trunk wants them', async (t) => {
    const invite = await inviteOf(t, await phone(t, 'anna', { name: 'Anna "A"' }), '+49301', {}, toFriend)
    assert.match(invite.get('from'), /^"Anna \\"A\\"" <sip:\+33140000000@gw\.test>/)
    assert.equal(invite.get('p-asserted-identity'), '"Anna \\"A\\"" <sip:+33140000000@gw.test>')
    assert.match(invite.get('remote-party-id'), /^"Anna \\"A\\"" <sip:\+33140000000@gw\.test>;party=calling;screen=yes;privacy=off$/)
    assert.equal(invite.get('privacy'), undefined)
})

test('out: another of one\'s numbers, by pattern and by the token; as the trunk wants it', async (t) => {
    const byList = await inviteOf(t, await phone(t), '+33199', { from: '+33 1 45 67 89' }, toPlain)
    assert.match(byList.get('from'), /<sip:01456789@/)
    const byToken = await inviteOf(t, await phone(t, 'bert', { numbers: ['+33155', '+33156'] }), '+33199', { from: '+33156' }, toPlain)
    assert.match(byToken.get('from'), /<sip:0156@/)
})

test('out: a number that is not one\'s own is refused, and nothing is sent', async (t) => {
    const trunk = await SipPeer.open(t, { port: plain })
    await assert.rejects((await phone(t)).start('+33199', { from: '+33199999999' }), { kind: 'forbidden' })
    await assert.rejects((await phone(t, '33177')).start('+33199', { from: '33177' }), { kind: 'forbidden' })
    assert.equal(trunk.queue.filter((m) => m.method === 'INVITE').length, 0)
})

test('out: a guest who calls himself a number does not call from it', async (t) => {
    const invite = await inviteOf(t, await phone(t, '0612345678'), '+33199', {}, toPlain)
    assert.doesNotMatch(invite.text, /612345678/)
})

test('out: withheld is Privacy: id and an anonymous From; only a trusted trunk learns the number', async (t) => {
    const anna = await phone(t, 'anna', { name: 'Anna' })
    const told = await inviteOf(t, anna, '+49301', { anonymous: true }, toFriend)
    assert.match(told.get('from'), /^"Anonymous" <sip:anonymous@anonymous\.invalid>/)
    assert.deepEqual([told.get('privacy'), told.get('p-asserted-identity')], ['id', '"Anna" <sip:+33140000000@gw.test>'])
    const hidden = await inviteOf(t, anna, '+33199', { anonymous: true }, toPlain)
    assert.match(hidden.get('from'), /^"Anonymous" <sip:anonymous@anonymous\.invalid>/)
    assert.equal(hidden.get('privacy'), 'id')
    assert.doesNotMatch(hidden.text, /140000000|Anna|anna/)
})

test('out: P-Preferred-Identity, and the trunk\'s number for who has none', async (t) => {
    const known = await inviteOf(t, await phone(t), '+39301', {}, [at.plain, other])
    assert.match(known.get('p-preferred-identity'), /<sip:\+33140000000@/)
    assert.match(known.get('from'), /<sip:\+39100@/)
    const unknown = await inviteOf(t, await phone(t, 'carl'), '+39301', {}, [at.plain, other])
    assert.match(unknown.get('from'), /<sip:\+39100@/)
})

test('out: a trusted trunk that fails is told the number, the next one, which is not trusted, is not', async (t) => {
    const [first, second] = [await SipPeer.open(t, { host: at.friend, port: friend }), await SipPeer.open(t, { port: plain })]
    const anna = await phone(t, 'anna', { name: 'Anna' })
    const call = await anna.start('+35300', { anonymous: true, headers: { 'X-Ticket': '1' } })
    const told = await first.expect('INVITE')
    assert.match(told.get('p-asserted-identity'), /33140000000/)
    await refuse(first, told, 503)
    const hidden = await second.expect('INVITE')
    assert.equal(hidden.uri, `sip:0035300@${at.plain}:${plain}`)
    assert.deepEqual([hidden.get('p-asserted-identity'), hidden.get('remote-party-id'), hidden.get('privacy'), hidden.get('x-ticket')], [undefined, undefined, 'id', '1'])
    assert.doesNotMatch(hidden.text, /140000000|Anna|anna/)
    await refuse(second, hidden)
    await call.ended()
})

// ── ENUM ───────────────────────────────────────────────────────────────────────────────────────

test('ENUM: the best rule leads straight to its URI, which is told no more than a stranger; the answer is kept', async (t) => {
    const anna = await phone(t, 'anna', { name: 'Anna' })
    for (let i = 0; i < 2; i++) {
        const invite = await inviteOf(t, anna, '+49700', { headers: { 'X-Ticket': '1' } }, [at.stranger, 5660])
        assert.match(invite.uri, /^sip:0700@127\.0\.0\.3:5660/)
        assert.deepEqual([invite.get('p-asserted-identity'), invite.get('x-ticket')], [undefined, '1'])
        assert.match(invite.get('from'), /<sip:\+33140000000@/)
    }
    assert.equal(names.asked.filter((q) => q === 'NAPTR 0.0.7.9.4.enum.test').length, 1)
})

for (const [what, number] of [['a silent name server', '+49701'], ['a host that is not listed', '+49702'], ['no answer', '+49703']])
    test(`ENUM: ${what}: the trunk gets the call, in time`, async (t) => {
        const started = Date.now()
        const invite = await inviteOf(t, await phone(t), number, {}, toFriend)
        assert.ok(Date.now() - started < 1000)
        assert.equal(invite.uri, `sip:${number}@${at.friend}:${friend}`)
        assert.match(invite.get('p-asserted-identity'), /33140000000/)
    })

test('ENUM: who a call is transferred to is looked for as well', async (t) => {
    const [first, there, behind] = [await SipPeer.open(t, { port: plain }), await SipPeer.open(t, { host: at.stranger, port: 5660 }), await SipPeer.open(t, { host: at.friend, port: friend })]
    const anna = await phone(t)
    const call = await anna.start('+33150')
    const invite = await first.expect('INVITE')
    first.reply(invite, 200, 'OK', { body: sdp() })
    await first.expect('ACK')
    await call.answered()
    for (const [number, end, uri] of [['+49700', there, /^sip:0700@127\.0\.0\.3:5660/], ['+49701', behind, /^sip:\+49701@127\.0\.0\.2/]]) {
        await anna.client.call('call.transfer', { call: call.call, to: number })
        const asked = await end.expect('INVITE')
        assert.match(asked.uri, uri)
        await refuse(end, asked)
        assert.equal((await anna.client.expect('call.transfer', { state: 'failed' })).reason, 'busy')
    }
    await anna.client.call('call.transfer', { call: call.call, to: '+49701' })
    const dialog = first.dialogOf(invite)
    first.request('BYE', dialog.target, home, { dialog })
    await call.ended()
    await until(async () => (await gateway.ctl('stats')).calls === 0, 'no call is left')
})

test('ENUM: a call given up while DNS is asked ends, and a browser that leaves as well', async (t) => {
    const anna = await phone(t)
    const call = await anna.start('+49701')
    await anna.client.call('call.end', { call: call.call })
    await call.ended()
    await anna.start('+49701', { call: 'left' })
    await anna.client.call('session.close', {}).catch(() => {})
    await until(async () => (await gateway.ctl('stats')).calls === 0, 'no call is left')
})

test('ENUM: a call that comes in and goes on', async (t) => {
    const [caller, stranger] = [await SipPeer.open(t, { host: at.friend }), await SipPeer.open(t, { host: at.stranger, port: 5660 })]
    const uri = 'sip:+49700@127.0.0.1:5060'
    const dialog = caller.request('INVITE', uri, home, { body: sdp({ host: at.friend }), headers: [asserted] })
    await refuse(stranger, await stranger.expect('INVITE'))
    const answer = await caller.expect((m) => m.status >= 300)
    assert.equal(answer.status, 486)
    caller.request('ACK', uri, home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

// ── Who calls, from a trunk ────────────────────────────────────────────────────────────────────

const anonymous = { uri: 'sip:anonymous@anonymous.invalid', anonymous: true }

// What a browser is told of an INVITE with these header fields; the call is then rejected.
const told = (t, host, port, headers, { local, user = '+33140000000' } = {}) => withEnd({ host, port }, async (end) => {
    const anna = await phone(t)
    const uri = `sip:${user}@127.0.0.1:5060`
    const dialog = end.request('INVITE', uri, home, { body: sdp({ host }), headers, dialog: { local: local ?? `"Eve" <sip:+33999@${host}>;tag=1` } })
    const call = await anna.incoming()
    await anna.client.call('call.reject', { call: call.call })
    const answer = await end.expect(603)
    end.request('ACK', uri, home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    await anna.client.call('session.close', {}).catch(() => {})
    return call.event
})
const asserted = 'P-Asserted-Identity: "Bob" <sip:+33155@net>, <tel:+33156>'

test('in: what a trusted trunk asserts is who calls', async (t) => {
    const { from } = await told(t, at.friend, friend, [asserted])
    assert.deepEqual(from, { uri: 'sip:+33155@net', display: 'Bob', number: '+33156', asserted: true })
})

for (const [name, host, port] of [['an untrusted trunk', at.plain, plain], ['a peer that is no trunk', at.stranger, 0]])
    test(`in: what ${name} asserts is not shown at all`, async (t) => {
        const event = await told(t, host, port, [asserted, 'Remote-Party-ID: <sip:+33157@net>;party=calling'])
        assert.deepEqual(event.from, { uri: `sip:+33999@${host}`, display: 'Eve', number: '+33999' })
        assert.doesNotMatch(JSON.stringify(event), /Bob|33155|33156|33157/)
    })

test('in: Privacy hides all of it, whoever asks for it', async (t) => {
    for (const [host, port] of [[at.friend, friend], [at.plain, plain]]) {
        const event = await told(t, host, port, [asserted, 'Privacy: id;critical'])
        assert.deepEqual(event.from, anonymous)
        assert.doesNotMatch(JSON.stringify(event), /Bob|33155|33999|Eve/)
    }
    assert.equal((await told(t, at.friend, friend, [asserted, 'Privacy: none'])).from.display, 'Bob')
})

test('in: an anonymous From is shown as such', async (t) => {
    const { from } = await told(t, at.plain, plain, [], { local: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1' })
    assert.deepEqual(from, anonymous)
})

test('in: 433 to who withholds the number, where the user wants none of those', async (t) => {
    await phone(t, 'shy')
    const end = await SipPeer.open(t, { port: plain })
    const dialog = end.request('INVITE', 'sip:shy@127.0.0.1:5060', home, { body: sdp(), headers: ['Privacy: id'] })
    const answer = await end.expect((m) => m.status >= 300)
    assert.deepEqual([answer.status, answer.reason], [433, 'Anonymity Disallowed'])
    end.request('ACK', 'sip:shy@127.0.0.1:5060', home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    await assert.rejects((await phone(t, 'bert')).start('user:shy', { anonymous: true }), { kind: 'anonymous' })
})

test('between users: withheld is withheld', async (t) => {
    const [anna, bert] = [await phone(t), await phone(t, 'bert')]
    const call = await bert.start('user:anna', { anonymous: true })
    const { event } = await anna.incoming()
    assert.deepEqual(event.from, anonymous)
    await call.end()
})

// ── Connected identity ─────────────────────────────────────────────────────────────────────────

test('connected identity: who it rings at and who answers, from a trusted trunk; restricted; changed by UPDATE', async (t) => {
    const trunk = await SipPeer.open(t, { host: at.friend, port: friend })
    const anna = await phone(t)
    const call = await anna.start('+49301')
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 180, 'Ringing', { headers: ['P-Asserted-Identity: "Desk" <tel:+49302>', 'X-Queue: 3'] })
    const ringing = await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })
    assert.deepEqual([ringing.peer, ringing.headers], [{ uri: 'tel:+49302', display: 'Desk', number: '+49302', asserted: true }, { 'X-Queue': '3' }])
    trunk.reply(invite, 183, 'Progress', { headers: ['P-Asserted-Identity: <tel:+49303>', 'Privacy: id'] })
    assert.deepEqual((await anna.client.expect('call.progress', { call: call.call, status: 183 })).peer, anonymous)
    trunk.reply(invite, 200, 'OK', { body: sdp({ host: at.friend }), headers: ['P-Asserted-Identity: "Carl" <tel:+49304>', 'User-to-User: 0a0b;encoding=hex'] })
    await trunk.expect('ACK')
    const answer = await anna.client.expect('call.answer', { call: call.call })
    assert.deepEqual([answer.peer.number, answer.headers], ['+49304', { 'User-to-User': '0a0b;encoding=hex' }])
    const dialog = { ...trunk.dialogOf(invite), local: `"Dora" <sip:dora@${at.friend}>;tag=${trunk.tag}` }
    trunk.request('UPDATE', dialog.target, home, { dialog })
    await trunk.expect(200)
    assert.deepEqual((await anna.client.expect('call.info', { call: call.call })).peer, { uri: `sip:dora@${at.friend}`, display: 'Dora' })
    await anna.client.call('call.end', { call: call.call })
    const bye = await trunk.expect('BYE')
    trunk.reply(bye, 200, 'OK')
    await call.ended()
})

test('connected identity: an untrusted trunk\'s is not shown', async (t) => {
    const trunk = await SipPeer.open(t, { port: plain })
    const anna = await phone(t)
    const call = await anna.start('+33199')
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 180, 'Ringing', { headers: ['P-Asserted-Identity: "Desk" <tel:+49302>', 'X-Queue: 3'] })
    const ringing = await anna.client.expect('call.progress', { call: call.call, state: 'ringing' })
    assert.deepEqual([ringing.peer, ringing.headers], [undefined, undefined])
    await refuse(trunk, invite)
    await call.ended()
})

// ── Forwarding ─────────────────────────────────────────────────────────────────────────────────

test('in: who forwarded the call, by Diversion and by History-Info', async (t) => {
    const diversion = await told(t, at.friend, friend, ['Diversion: "Bob" <sip:+33155@net>;reason=user-busy;counter=2', 'Diversion: <tel:+33156>;reason=no-answer;privacy=full'])
    assert.deepEqual(diversion.forwarded, [
        { uri: 'sip:+33155@net', number: '+33155', name: 'Bob', reason: 'user-busy', counter: 2 }, { reason: 'no-answer', counter: 1, anonymous: true }])
    const history = await told(t, at.friend, friend, ['History-Info: <sip:+33155@net>;index=1, <sip:+33156@net;cause=486>;index=1.1;mp=1'])
    assert.deepEqual(history.forwarded, [{ uri: 'sip:+33155@net', number: '+33155', reason: 'user-busy', counter: 1 }])
})

test('in: subject, priority, how to ring and what else; Answer-Mode is not followed', async (t) => {
    const event = await told(t, at.plain, plain, ['Subject: tea', 'Priority: urgent', 'Alert-Info: <urn:alert:source:external>, <http://evil.example/ring.wav>',
        'Call-Info: <http://h.example/p.png>;purpose=icon', 'Answer-Mode: Auto', 'X-Secret: 1'])
    assert.deepEqual([event.subject, event.priority, event.alert, event.info, event.headers],
        ['tea', 'urgent', ['urn:alert:source:external', 'http://evil.example/ring.wav'], [{ uri: 'http://h.example/p.png', purpose: 'icon' }], undefined])
})

test('forwarded by us: the caller stays, the called number is in Diversion and History-Info', async (t) => {
    const trunk = await SipPeer.open(t, { host: at.friend, port: friend })
    const caller = await SipPeer.open(t, { host: at.friend })
    const uri = 'sip:+49555@127.0.0.1:5060'
    const dialog = caller.request('INVITE', uri, home, {
        body: sdp({ host: at.friend }), headers: [asserted, 'Privacy: id', 'Diversion: <tel:+33157>;reason=no-answer', 'X-Order: 5'],
        dialog: { local: '<sip:anonymous@anonymous.invalid>;tag=1' },
    })
    const invite = await trunk.expect('INVITE')
    assert.deepEqual(invite.headers.diversion, ['<sip:+49555@gw>'.replace('gw', '127.0.0.1:5060') + ';reason=unconditional;counter=1;privacy=off', '<sip:+33157@127.0.0.1:5060>;reason=no-answer;counter=1;privacy=off'])
    assert.match(invite.get('history-info'), /^<sip:\+33157@.*>;index=1, <sip:\+49555@.*;cause=408>;index=1\.1;mp=1, <sip:\+49555@.*;cause=302>;index=1\.1\.1;mp=1\.1$/)
    assert.deepEqual([invite.get('privacy'), invite.get('p-asserted-identity'), invite.get('x-order')], ['id', '"Bob" <sip:+33156@gw.test>', '5'])
    assert.match(invite.get('from'), /anonymous@anonymous\.invalid/)
    // And back: who answers, why it ends.
    trunk.reply(invite, 180, 'Ringing', { headers: ['P-Asserted-Identity: <tel:+49302>', 'X-Queue: 3'] })
    assert.match((await caller.expect(180)).get('p-asserted-identity'), /<sip:\+49302@/)
    trunk.reply(invite, 486, 'Busy Here', { headers: ['Reason: Q.850;cause=17;text="busy"'] })
    await trunk.expect('ACK')
    const answer = await caller.expect((m) => m.status >= 300)
    assert.equal(answer.status, 486)
    assert.match(answer.get('reason'), /^Q\.850;cause=17/)
    caller.request('ACK', uri, home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

test('forwarded too often: 483', async (t) => {
    const caller = await SipPeer.open(t, { host: at.friend })
    for (const [uri, headers] of [['sip:+49555@127.0.0.1:5060', ['Diversion: <tel:+33157>;counter=5']], ['sip:loop@127.0.0.1:5060', []]]) {
        const dialog = caller.request('INVITE', uri, home, { body: sdp({ host: at.friend }), headers })
        const answer = await caller.expect((m) => m.status >= 300)
        assert.equal(answer.status, 483)
        caller.request('ACK', uri, home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    }
    await until(async () => (await gateway.ctl('stats')).calls === 0, 'no call is left')
})

// ── Reason ─────────────────────────────────────────────────────────────────────────────────────

test('Reason from a trunk, in BYE and in CANCEL', async (t) => {
    const trunk = await SipPeer.open(t, { host: at.friend, port: friend })
    const anna = await phone(t)
    const call = await anna.start('+49301')
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 200, 'OK', { body: sdp({ host: at.friend }) })
    await trunk.expect('ACK')
    const dialog = trunk.dialogOf(invite)
    trunk.request('BYE', dialog.target, home, { dialog, headers: ['Reason: Q.850;cause=38;text="lost", SIP;cause=503;text="Gone, sorry"', 'User-to-User: 0c;encoding=hex'] })
    const end = await call.ended()
    assert.deepEqual([end.by, end.q850, end.sip, end.headers], ['peer', 38, { status: 503, reason: 'Gone, sorry' }, { 'User-to-User': '0c;encoding=hex' }])

    const uri = 'sip:+33140000000@127.0.0.1:5060'
    const incoming = trunk.request('INVITE', uri, home, { body: sdp({ host: at.friend }) })
    const ringing = await anna.incoming()
    await trunk.expect(180)
    trunk.request('CANCEL', uri, home, { dialog: incoming, branch: incoming.branch, headers: ['Reason: SIP;cause=200;text="Call completed elsewhere"'] })
    assert.equal((await anna.client.expect('call.end', { call: ringing.call })).reason, 'answered-elsewhere')
    const answer = await trunk.expect(487)
    trunk.request('ACK', uri, home, { dialog: { ...incoming, remote: answer.get('to') }, branch: incoming.branch })
})

test('Reason from a browser, in BYE, CANCEL and a refusal; with header fields', async (t) => {
    const trunk = await SipPeer.open(t, { host: at.friend, port: friend })
    const anna = await phone(t)
    const up = await anna.start('+49301')
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 200, 'OK', { body: sdp({ host: at.friend }) })
    await trunk.expect('ACK')
    await anna.client.expect('call.answer', { call: up.call })
    await anna.client.call('call.end', { call: up.call, q850: 31, text: 'enough', headers: { 'X-Left': '1' } })
    const bye = await trunk.expect('BYE')
    assert.deepEqual([bye.get('reason'), bye.get('x-left')], ['Q.850;cause=31;text="enough"', '1'])
    trunk.reply(bye, 200, 'OK')
    await up.ended()

    const ringing = await anna.start('+49301')
    const second = await trunk.expect('INVITE')
    trunk.reply(second, 180, 'Ringing')
    await anna.client.expect('call.progress', { call: ringing.call, state: 'ringing' })
    await anna.client.call('call.end', { call: ringing.call, q850: 19 })
    const cancel = await trunk.expect('CANCEL')
    assert.match(cancel.get('reason'), /^Q\.850;cause=19/)
    trunk.reply(cancel, 200, 'OK')
    trunk.reply(second, 487, 'Request Terminated')
    await trunk.expect('ACK')
    await ringing.ended()

    const uri = 'sip:+33140000000@127.0.0.1:5060'
    const dialog = trunk.request('INVITE', uri, home, { body: sdp({ host: at.friend }) })
    const call = await anna.incoming()
    await anna.client.call('call.reject', { call: call.call, reason: 'busy', q850: 17, text: 'on the phone', headers: { 'User-to-User': '01;encoding=hex' } })
    const answer = await trunk.expect((m) => m.status >= 300)
    assert.deepEqual([answer.status, answer.get('reason'), answer.get('user-to-user')], [486, 'Q.850;cause=17;text="on the phone"', '01;encoding=hex'])
    trunk.request('ACK', uri, home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

// ── Header fields ──────────────────────────────────────────────────────────────────────────────

test('header fields: those a trunk takes, in the INVITE and in an answer, and those it shows', async (t) => {
    const invite = await inviteOf(t, await phone(t), '+49301', { headers: { 'User-to-User': '00;encoding=hex', 'X-Ticket': 'a; b' } }, toFriend)
    assert.deepEqual([invite.get('user-to-user'), invite.get('x-ticket')], ['00;encoding=hex', 'a; b'])
    const anna = await phone(t)
    const trunk = await SipPeer.open(t, { host: at.friend, port: friend })
    const uri = 'sip:+33140000000@127.0.0.1:5060'
    const rtp = await peer.command('rtp.offer', { id: peer.nextId++, codecs: ['PCMA'] })
    const dialog = trunk.request('INVITE', uri, home, { body: rtp.sdp, headers: ['X-Queue: one', 'x-queue: two', 'User-to-User: 01', 'Subject: no'] })
    const call = await anna.incoming()
    assert.deepEqual(call.event.headers, { 'X-Queue': 'one, two', 'User-to-User': '01' })
    await call.answer({ headers: { 'User-to-User': '02' } })
    const ok = await trunk.expect(200)
    assert.deepEqual([ok.get('user-to-user'), ok.get('p-asserted-identity')], ['02', '<sip:+33140000000@gw.test>'])
    SipPeer.follow(dialog, ok)
    trunk.request('ACK', uri, home, { dialog })
    trunk.request('BYE', uri, home, { dialog })
    await call.ended()
})

test('header fields: none to a trunk that takes none', async (t) => {
    await assert.rejects((await phone(t)).start('+39301', { headers: { 'X-Ticket': '1' } }), { kind: 'bad-params' })
})

const tricks = [
    ['CRLF in a value', { 'X-A': 'b\r\nX-Evil: 1' }], ['LF in a value', { 'X-A': 'b\nX-Evil: 1' }], ['CR in a value', { 'X-A': 'b\rX-Evil: 1' }],
    ['CRLF CRLF and a request', { 'X-A': 'b\r\n\r\nINVITE sip:evil SIP/2.0\r\nX-Evil: 1' }], ['NUL in a value', { 'X-A': 'b\u0000X-Evil: 1' }],
    ['next line in a value', { 'X-A': 'b\u0085X-Evil: 1' }], ['line separator in a value', { 'X-A': 'b\u2028X-Evil: 1' }],
    ['CRLF in a name', { 'X-A\r\nX-Evil': '1' }], ['LF in a name', { 'X-A\nX-Evil': '1' }], ['colon in a name', { 'X-A: b, X-Evil': '1' }],
    ['blank behind a name', { 'X-Evil ': '1' }], ['tab behind a name', { 'X-Evil\t': '1' }], ['blank before a name', { ' X-Evil': '1' }],
    ['compact form', { v: 'SIP/2.0/UDP evil' }, /evil/], ['compact form of Contact', { m: '<sip:evil@h>' }, /evil/], ['Via', { Via: 'SIP/2.0/UDP evil' }, /evil/],
    ['route, in small letters', { route: '<sip:evil>' }, /evil/], ['Contact', { CONTACT: '<sip:evil>' }, /evil/], ['P-Asserted-Identity', { 'P-Asserted-Identity': '<tel:+1666>' }, /1666/],
    ['P-Preferred-Identity', { 'p-preferred-identity': '<tel:+1666>' }, /1666/], ['Privacy', { Privacy: 'none' }, /none/], ['Diversion', { Diversion: '<tel:+1666>' }, /1666/],
    ['History-Info', { 'History-Info': '<tel:+1666>;index=1' }, /1666/], ['Identity', { Identity: 'evil' }, /evil/], ['From', { From: '<sip:evil>' }, /evil/],
    ['fullwidth letters', { '\uff38-Evil': '1' }], ['Kelvin sign', { 'X-\u212aevil': '1' }, /evil/], ['twice by case', { 'X-Evil': '1', 'x-evil': '2' }],
]
test(`header tricks from JSON: ${tricks.length} shapes in call.start, answer, reject and end, 0 new header lines`, async (t) => {
    const trunk = await SipPeer.open(t, { host: at.friend, port: friend })
    const anna = await phone(t)
    const uri = 'sip:+33140000000@127.0.0.1:5060'
    const dialog = trunk.request('INVITE', uri, home, { body: sdp({ host: at.friend }) })
    const call = await anna.incoming()
    for (const [name, headers] of tricks)
        for (const [method, params] of [['call.start', { to: '+49301', call: 'x', sdp: call.event.sdp }], ['call.answer', { call: call.call, sdp: call.event.sdp }], ['call.reject', { call: call.call }], ['call.end', { call: call.call }]]) {
            // A reply has no id when the JSON itself is refused.
            const said = /NUL/.test(name) ? (anna.client.request(method, { ...params, headers }).catch(() => {}), await anna.client.expect('error')) : await anna.client.refused(method, { ...params, headers })
            assert.match(said.kind ?? said.data.kind, /^(unsafe-text|bad-params|parse|too-large)$/, `${method}: ${name}`)
        }
    for (const to of ['+49301\r\nX-Evil: 1', 'sip:a@h?X-Evil=1', 'sip:a%0d%0aX-Evil:1@h', 'tel:+49301;isub=1%0d%0aX-Evil:1', 'tel:+49301;phone-context=a\r\nX-Evil: 1'])
        await assert.rejects(anna.start(to), /./)
    await assert.rejects(anna.start('+49301', { from: '+33140000000\r\nX-Evil: 1' }), /./)
    await anna.client.call('call.reject', { call: call.call })
    const answer = await trunk.expect(603)
    trunk.request('ACK', uri, home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    const sent = capture.udp().filter((p) => p.sport === 5060).map((p) => String(p.data))
    for (const [name, , mark = /Evil/i] of tricks) assert.ok(!sent.some((text) => /^(x-)?evil|^v: SIP|\+1666\b/im.test(text) || (mark.source === 'evil' && /evil/.test(text))), name)
})

test('names of users and callers start no header line either', async (t) => {
    const invite = await inviteOf(t, await phone(t, 'anna', { name: 'A\r\nX-Evil: 1' }), '+49301', {}, toFriend)
    assert.equal(invite.get('x-evil'), undefined)
    const event = await told(t, at.friend, friend, ['P-Asserted-Identity: "B\\\r\n X" <tel:+1>', 'Subject: a\r\n b'])
    assert.deepEqual([event.subject, event.from.number], ['a b', '+1'])
})

// ── The same with SIPp, which holds each field against a pattern ───────────────────────────────

const holds = (header, pattern, n) => `<ereg regexp="${pattern}" search_in="hdr" header="${header}:" check_it="true" assign_to="h${n}"/>`
const checks = (fields) => `<action>${Object.entries(fields).map(([header, pattern], n) => holds(header, pattern, n)).join('')}</action>`
const names_ = (fields) => `<Reference variables="${Object.keys(fields).map((_, n) => `h${n}`).join(',')}"/>\n`

test('SIPp as a trusted trunk: caller, forwarding, privacy and custom fields of a call forwarded to it', async (t) => {
    const fields = {
        'From': 'anonymous@anonymous.invalid', 'P-Asserted-Identity': '.33156@gw.test', 'Privacy': 'id', 'Diversion': '49555@.*reason=unconditional',
        'History-Info': '49555@.*cause=302.*index=1.1', 'X-Order': '5', 'User-to-User': '0a;encoding=hex', 'Remote-Party-ID': 'privacy=full',
    }
    const headers = `${asserted}\nPrivacy: id\nX-Order: 5\nUser-to-User: 0a;encoding=hex\n`
    const callee = await sipp(t, [`<recv request="INVITE">${checks(fields)}</recv>\n`, ...scenario.refuse(404, 'Not Found', 'Reason: Q.850;cause=1\n').slice(1), names_(fields)], { host: at.friend, port: friend })
    const caller = await sipp(t, [...scenario.callRefused('+49555', 404, { headers }).slice(0, 2), `<recv response="404">${checks({ Reason: 'Q.850;cause=1;' })}</recv>\n`,
        ...scenario.callRefused('+49555', 404).slice(3), names_({ Reason: '' })], { host: at.friend, to: '127.0.0.1:5060' })
    await Promise.all([callee.passed(), caller.passed()])
})

test('SIPp answers with an identity and hangs up with a Reason; the browser\'s library sees both', async (t) => {
    const callee = await sipp(t, [...scenario.answerAndEnd(200).map((part) => part.replace('SIP/2.0 200 OK\n', 'SIP/2.0 200 OK\nP-Asserted-Identity: "Desk" <tel:+49302>\nX-Queue: 7\n').replace('CSeq: 1 BYE\n', 'CSeq: 1 BYE\nReason: Q.850;cause=31\n'))], { host: at.friend, port: friend })
    const anna = await phone(t)
    const call = await anna.start('+49301')
    const answer = await anna.client.expect('call.answer', { call: call.call })
    assert.deepEqual([answer.peer, answer.headers], [{ uri: 'tel:+49302', display: 'Desk', number: '+49302', asserted: true }, { 'X-Queue': '7' }])
    assert.equal((await call.ended()).q850, 31)
    await callee.passed()
})

test('after all of this: no call is left, and the gateway ends well', async (t) => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left')
    const last = await SipPeer.open(t)
    last.request('OPTIONS', 'sip:127.0.0.1:5060', home, { dialog: { callId: 'the-last-one' } })
    await last.expect(200)
    await until(() => capture.udp().some((p) => p.sport === 5060 && /the-last-one/.test(p.data)), 'the capture has it all')
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp'])
