// SIP over WebSocket (RFC 7118): who may, as whom, how long; JsSIP as it is, and clients that try something.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import dgram from 'node:dgram'
import { once } from 'node:events'
import WebSocket from 'ws'
import { Gateway } from '../lib/gateway.mjs'
import { token } from '../lib/jwt.mjs'
import { Client } from '../lib/rpc.mjs'
import { challenges, jssip, Message, ofUa, RawSip } from '../lib/sipws.mjs'
import { webOffer } from '../lib/offers.mjs'
import { until, wholeFile, withDeadline } from '../lib/proc.mjs'

const secret = 'a secret of more than thirty-two bytes, for tests'
const domain = 'gw.example'
const ha1 = (hash, user) => createHash(hash).update(`${user}:${domain}:${user}'s secret`).digest('hex')
let gateway

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        web: { sip_expires_min_s: 10, open_timeout_ms: 2000, message_max_bytes: 16384, messages_per_s: 1, message_burst: 5 },
        sip: { domain },
        key: [{ algorithm: 'HS256', secret }],
        account: [
            { user: 'anna', password: "anna's secret", display: 'Anna Example' },
            { user: 'bert', ha1_md5: ha1('md5', 'bert'), ha1_sha256: ha1('sha256', 'bert') },
        ],
    })
})

const registrations = () => gateway.ctl('registrations')
const contactOf = (response) => response.all('Contact')

test('JsSIP: registers by digest, is shown, unregisters', async (t) => {
    const ua = jssip(t, gateway, 'anna')
    ua.start()
    await ofUa(ua, 'registered')
    const [one] = await registrations()
    assert.deepEqual([one.user, one.identity, one.state, one.reg_id], ['anna', `sip:anna@${domain}`, 'registered', 1])
    assert.match(one.agent, /^JsSIP/)
    const session = (await gateway.ctl('sessions')).find((s) => s.link === 'sip')
    assert.deepEqual([session.user, session.registered, session.calls], ['anna', true, 0])
    ua.unregister()
    await ofUa(ua, 'unregistered')
    assert.deepEqual(await registrations(), [])
})

test('JsSIP: registers by bearer token (RFC 8898)', async (t) => {
    const ua = jssip(t, gateway, 'tom', { password: undefined, authorization_jwt: `Bearer ${token('HS256', secret, { sub: 'tom' })}` })
    ua.start()
    await ofUa(ua, 'registered')
    assert.equal((await registrations())[0].user, 'tom')
})

for (const algorithm of ['MD5', 'SHA-256'])
    test(`digest by ${algorithm}, from a kept hash; an answer says where the user is`, async (t) => {
        const raw = await RawSip.open(t, gateway, { user: 'bert' })
        const instance = '<urn:uuid:00000000-0000-4000-8000-00000000000b>'
        const ok = await raw.prove('REGISTER', {
            algorithm,
            headers: { Contact: `<sip:b@x.invalid;transport=ws>;+sip.instance="${instance}";reg-id=1;expires=600`, Supported: 'path, gruu, outbound' },
        })
        assert.equal(ok.status, 200)
        assert.equal(ok.get('Require'), 'outbound')
        assert.match(ok.get('Flow-Timer'), /^\d+$/)
        assert.deepEqual(contactOf(ok), [`<sip:b@x.invalid;transport=ws>;expires=600;+sip.instance="${instance}";reg-id=1;pub-gruu="sip:bert@${domain};gr=urn:uuid:00000000-0000-4000-8000-00000000000b"`])
        // The same end by another connection: there is one of it.
        const again = await RawSip.open(t, gateway, { user: 'bert' })
        const second = await again.prove('REGISTER', { headers: { Contact: `<sip:b2@x.invalid;transport=ws>;+sip.instance="${instance}";reg-id=1` } })
        assert.match(contactOf(second).join(), /^<sip:b2@x\.invalid/)
        assert.equal((await registrations()).length, 1)
    })

test('a registration ends with its connection, or when it is too old', async (t) => {
    const raw = await RawSip.open(t, gateway)
    const short = await raw.prove('REGISTER', { headers: { Expires: '3' } })
    assert.deepEqual([short.status, short.get('Min-Expires')], [423, '10'])
    assert.equal((await raw.ask('REGISTER', { headers: { Expires: '10' } })).status, 200)
    assert.equal((await registrations()).length, 1)
    const old = await raw.ask('REGISTER', { headers: { 'CSeq': '1 REGISTER' } })
    assert.equal(old.status, 500)
    raw.socket.terminate()
    await until(async () => (await registrations()).length === 0, 'the registration is gone')
})

test('CRLF is answered (RFC 5626 3.5.1); a message may be binary, and without Content-Length', async (t) => {
    const raw = await RawSip.open(t, gateway)
    raw.socket.send('\r\n\r\n')
    assert.equal(await raw.next(), '\r\n')
    raw.socket.send(Buffer.from(raw.write('OPTIONS', { headers: { 'Content-Length': null } })))
    assert.match(await raw.next(), /^SIP\/2\.0 200 /)
    const text = raw.write('MESSAGE', { body: 'hello', headers: { 'Content-Length': null, 'Content-Type': 'text/plain' } })
    raw.socket.send(text)
    assert.match(await raw.next(), /^SIP\/2\.0 401 /)
})

const refusals = [
    ['no password', (raw) => raw.ask('REGISTER'), 401],
    ['an INVITE of nobody', (raw) => raw.ask('INVITE', { ruri: `sip:echo@${domain}` }), 401],
    ['a MESSAGE of nobody', (raw) => raw.ask('MESSAGE', { ruri: `sip:bert@${domain}` }), 401],
    ['a SUBSCRIBE of nobody', (raw) => raw.ask('SUBSCRIBE', { ruri: `sip:bert@${domain}` }), 401],
    ['a wrong password', (raw) => raw.prove('REGISTER', { password: 'guess' }), 401],
    ['another user\'s name', (raw) => raw.prove('REGISTER', { user: 'bert', password: "anna's secret" }), 401],
    ['a password for another\'s address', (raw) => raw.prove('REGISTER', { headers: { To: `<sip:bert@${domain}>` } }), 403],
    ['From somebody else', (raw) => raw.prove('INVITE', { ruri: `sip:echo@${domain}`, headers: { From: `<sip:bert@${domain}>;tag=1` } }), 403],
    ['From another domain', (raw) => raw.prove('INVITE', { ruri: `sip:echo@${domain}`, headers: { From: '<sip:anna@bank.example>;tag=1' } }), 403],
    ['two contacts', (raw) => raw.prove('REGISTER', { headers: { Contact: ['<sip:a@x.invalid>', '<sip:b@x.invalid>'] } }), 400],
    ['a forged token', (raw) => raw.ask('REGISTER', { headers: { Authorization: `Bearer ${token('HS256', secret + '!', { sub: 'anna' })}` } }), 401],
    ['an old token', (raw) => raw.ask('REGISTER', { headers: { Authorization: `Bearer ${token('HS256', secret, { sub: 'anna', exp: 1 })}` } }), 401],
    ['a dialog that is none', (raw) => raw.prove('BYE', { headers: { To: `<sip:echo@${domain}>;tag=nothing` } }), 481],
]
for (const [name, act, status] of refusals)
    test(`refused: ${name}`, async (t) => {
        const raw = await RawSip.open(t, gateway)
        assert.equal((await act(raw)).status, status)
        assert.deepEqual(await registrations(), [])
    })

test('a nonce is good once for each count, on the connection that got it', async (t) => {
    const raw = await RawSip.open(t, gateway)
    const challenge = challenges(await raw.ask('REGISTER')).find((one) => one.algorithm === 'MD5')
    const headers = { Authorization: raw.authorization('REGISTER', challenge) }
    const other = await RawSip.open(t, gateway)
    assert.equal((await other.ask('REGISTER', { headers })).status, 401)
    assert.equal((await raw.ask('REGISTER', { headers })).status, 200)
    assert.equal((await raw.ask('REGISTER', { headers })).status, 401)
    assert.equal((await raw.ask('REGISTER', { headers: { Authorization: raw.authorization('REGISTER', challenge, { nc: '00000002' }) } })).status, 200)
})

const endings = [
    ['text that is no SIP', () => 'hello', 1002],
    ['half a message', (raw) => raw.write('OPTIONS').slice(0, -10), 1002],
    ['a message that says it is longer', (raw) => raw.write('OPTIONS', { headers: { 'Content-Length': '10' } }), 1002],
    ['two messages at once', (raw) => raw.write('OPTIONS') + raw.write('OPTIONS'), 1002],
    ['a Via of another transport', (raw) => raw.write('OPTIONS', { headers: { Via: 'SIP/2.0/TCP a.invalid;branch=z9hG4bK1' } }), 1002],
    ['no Via', (raw) => raw.write('OPTIONS', { headers: { Via: null } }), 1002],
    ['a message that is too large', (raw) => raw.write('OPTIONS', { body: 'x'.repeat(20000) }), 1009],
]
for (const [name, what, code] of endings)
    test(`the connection ends for ${name}`, async (t) => {
        const raw = await RawSip.open(t, gateway)
        raw.socket.send(what(raw))
        assert.equal((await withDeadline(raw.closed, 5000, 'closed')).code, code)
    })

test('who does not log in is let go of; wrong passwords are, too', async (t) => {
    const silent = await RawSip.open(t, gateway)
    const guesser = await RawSip.open(t, gateway)
    for (let i = 0; i < 4; i++) assert.equal((await guesser.prove('REGISTER', { password: `guess ${i}` })).status, 401)
    const [challenge] = challenges(await guesser.ask('REGISTER'))
    guesser.socket.send(guesser.write('REGISTER', { headers: { Authorization: guesser.authorization('REGISTER', { ...challenge, algorithm: 'MD5' }, { password: 'a last guess' }) } }))
    assert.equal((await withDeadline(guesser.closed, 5000, 'closed')).code, 4401)
    assert.equal((await withDeadline(silent.closed, 5000, 'closed')).code, 4401)
})

test('a MESSAGE goes by the connection of whom it is for', async (t) => {
    const anna = await RawSip.open(t, gateway)
    assert.equal((await anna.prove('REGISTER')).status, 200)
    const bert = await RawSip.open(t, gateway, { user: 'bert' })
    assert.equal((await bert.prove('REGISTER')).status, 200)
    // Anna writes to bert: the request comes by his connection, and hers gets his answer.
    const sent = anna.ask('MESSAGE', { ruri: `sip:bert@${domain}`, body: 'hello', headers: { 'Content-Type': 'text/plain' } })
    const message = await bert.next((text) => text.startsWith('MESSAGE'))
    assert.match(message, /^MESSAGE sip:bert@\w+\.invalid;transport=ws SIP\/2\.0\r\n/)
    assert.match(message, /\r\nVia: SIP\/2\.0\/WS /)
    assert.match(message, /\r\nFrom: .*<sip:anna@gw\.example>/)
    assert.match(message, /\r\n\r\nhello$/)
    assert.equal((await sent).status, 200)
    assert.equal((await anna.ask('MESSAGE', { ruri: `sip:nobody@${domain}`, body: 'x', headers: { 'Content-Type': 'text/plain' } })).status, 404)
    assert.equal((await anna.ask('MESSAGE', { ruri: `sip:bert@${domain}`, body: '<x/>', headers: { 'Content-Type': 'text/xml' } })).status, 415)
})

const text = (ruri, body, headers = {}) => ({ ruri, body, headers: { 'Content-Type': 'text/plain', ...headers } })

test('texts and JSON clients: who is not registered is unavailable; none is delivered twice; the rate is one', async (t) => {
    const json = await Client.open(t, gateway.ws, 'cleo')
    const bert = await RawSip.open(t, gateway, { user: 'bert' })
    assert.equal((await bert.prove('OPTIONS')).status, 200)
    await bert.prove('MESSAGE', text(`sip:nobody@${domain}`, 'logged in'))
    await json.refused('im.send', { to: 'user:bert', body: 'x' }, 'unavailable')
    assert.equal((await bert.prove('REGISTER')).status, 200)
    assert.equal((await json.call('im.send', { to: 'user:bert', id: 'c1', body: 'Grüße' })).status, 'delivered')
    await json.call('im.send', { to: 'user:bert', id: 'c1', body: 'Grüße' })
    await json.call('im.send', { to: 'user:bert', body: 'second' })
    for (const body of ['Grüße', 'second']) {
        const got = new Message(await bert.next((heard) => heard.startsWith('MESSAGE')))
        assert.deepEqual([got.body, got.get('Content-Type')], [body, 'text/plain'])
        assert.match(got.get('From'), /<sip:cleo@gw\.example>/)
    }
    await json.refused('data.send', { to: 'user:bert', body: 1 }, 'unavailable')

    const before = (await gateway.ctl('stats')).messages
    const again = { 'Call-ID': 'again', CSeq: '7 MESSAGE' }
    for (let i = 0; i < 2; i++) assert.equal((await bert.ask('MESSAGE', text(`sip:cleo@${domain}`, 'once', again))).status, 200)
    assert.equal((await bert.ask('MESSAGE', text(`sip:cleo@${domain}`, 'then'))).status, 200)
    const { seq, method, id, ts_ms, ...once } = await json.expect('im.message')
    assert.deepEqual(once, { from: { uri: 'user:bert', user: 'bert' }, type: 'text/plain', body: 'once' })
    assert.equal((await json.expect('im.message')).body, 'then')
    assert.equal((await gateway.ctl('stats')).messages, before + 2)
    let refused
    for (let i = 0; i < 8 && !refused; i++) {
        const { status } = await bert.ask('MESSAGE', text(`sip:cleo@${domain}`, 'much'))
        if (status !== 200) refused = status
    }
    assert.equal(refused, 503)
})

test('a dialog is its user\'s, by whichever connection; nobody else reaches into it', async (t) => {
    const anna = await RawSip.open(t, gateway)
    const ruri = `sip:echo@${domain}`
    assert.equal((await anna.prove('REGISTER')).status, 200)
    const ok = await anna.ask('INVITE', { ruri, body: webOffer(), headers: { 'Content-Type': 'application/sdp' } })
    assert.equal(ok.status, 200)
    const inside = (more) => ({ ruri: /<(.*)>/.exec(ok.get('Contact'))[1], headers: { To: ok.get('To'), From: ok.get('From'), 'Call-ID': anna.callId, ...more } })
    anna.socket.send(anna.write('ACK', inside({ CSeq: ok.get('CSeq').replace('INVITE', 'ACK') })))
    const bert = await RawSip.open(t, gateway, { user: 'bert' })
    assert.equal((await bert.prove('REGISTER')).status, 200)
    assert.equal((await bert.ask('BYE', inside({ CSeq: '100 BYE' }))).status, 403)
    const udp = dgram.createSocket('udp4')
    t.after(() => udp.close())
    await new Promise((resolve) => udp.bind(0, '127.0.0.1', resolve))
    udp.send(anna.write('BYE', inside({ CSeq: '101 BYE', Via: `SIP/2.0/UDP 127.0.0.1:${udp.address().port};branch=z9hG4bKhijack` })), 5060, '127.0.0.1')
    const [answer] = await withDeadline(once(udp, 'message'), 5000, 'an answer by UDP')
    assert.match(String(answer), /^SIP\/2\.0 403 /)
    // The WebSocket is lost; the call waits for who comes back.
    anna.socket.terminate()
    const back = await RawSip.open(t, gateway)
    assert.equal((await back.prove('REGISTER')).status, 200)
    assert.equal((await gateway.ctl('calls')).length, 1)
    assert.equal((await back.ask('OPTIONS', inside({ CSeq: '102 OPTIONS' }))).status, 200)
    assert.equal((await back.ask('BYE', inside({ CSeq: '103 BYE' }))).status, 200)
    await until(async () => (await gateway.ctl('calls')).length === 0, 'the call is over')
})

test('Origin and path are looked at as for JSON', async () => {
    const open = (path, options) => new Promise((resolve) => {
        const socket = new WebSocket(gateway.ws.replace('/v1/ws', path), ['sip'], options)
        socket.once('open', () => (socket.terminate(), resolve('open')))
        socket.once('unexpected-response', (request, response) => resolve(response.statusCode))
        socket.on('error', () => {})
    })
    assert.equal(await open('/sip', { origin: 'https://evil.example' }), 403)
    assert.equal(await open('/sip', { origin: gateway.http }), 'open')
    assert.equal(await open('/v1/ws', { origin: gateway.http }), 'open')
    assert.equal(await open('/elsewhere', { origin: gateway.http }), 404)
})

test('nothing is left', async () => {
    await until(async () => (await gateway.ctl('status')).sessions === 0 && (await registrations()).length === 0, 'all are gone')
    await gateway.stop()
})
