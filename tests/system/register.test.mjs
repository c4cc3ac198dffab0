// Users registered while they are logged in: Kamailio and SIPp as registrars, calls both ways.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Baresip } from '../lib/baresip.mjs'
import { Gateway } from '../lib/gateway.mjs'
import { kamailio } from '../lib/kamailio.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { sipp, step } from '../lib/sipp.mjs'
import { tempDir, until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const [pbx, scripted] = [5070, 5600]
const hash = (name, user, realm, password) => createHash(name).update(`${user}:${realm}:${password}`).digest('hex')
const users = { anna: 'of anna', 4711: 'of bert', wrong: 'right', 77: 'secret' }
const domain = { headers: [`Service-Route: <sip:orig@127.0.0.1:${pbx};lr>`] }
let gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    const dir = tempDir(wholeFile, 'accounts')
    const accounts = path.join(dir, 'accounts')
    writeFileSync(accounts, [
        '# who is registered where',
        { user: 'anna', ha1_md5: hash('md5', 'anna', 'pbx.test', users.anna), ha1_sha256: hash('sha256', 'anna', 'pbx.test', users.anna) },
        { user: 'bert', identity: '4711', username: '4711', password: users[4711] },
        { user: 'wrong', password: 'false' },
        '',
    ].map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
    gateway = await Gateway.start(wholeFile, {
        registrar: [
            { name: 'pbx', domain: 'pbx.test', proxy: `127.0.0.1:${pbx}`, accounts, prefixes: ['*'], grace_s: 1, retry_s: 1, outbound: false },
            { name: 'tcp', domain: 'pbx.test', proxy: `127.0.0.1:${pbx}`, transport: 'tcp', users: ['t-*'], password: 'secret', grace_s: 0, retry_s: 1 },
            { name: 'scripted', domain: 'sipp.test', proxy: `127.0.0.1:${scripted}`, users: ['s-*'], identity: '$', username: 'u-$', password: 'secret', grace_s: 0, retry_s: 1 },
        ],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name) => Phone.open(t, gateway, peer, name)
const line = (user) => gateway.ctl('registrations', user)

// Logged in, and registered.
async function registered(t, name) {
    const one = await phone(t, name)
    if (one.client.session.registration.state !== 'registered')
        await one.client.expect('session.registration', { state: 'registered' })
    return one
}

async function gone(user) {
    await until(async () => (await gateway.ctlRun('registrations', user)).code === 1, `${user} is registered no more`)
}

async function hears(call, hz) {
    await until(async () => Math.abs(((await call.stats()).sound?.peak_hz ?? 0) - hz) < 20, `hears ${hz} Hz`, 6000, 50)
}

// Established TCP connections to a port, from /proc/net/tcp.
const connectionsTo = (port) => readFileSync('/proc/net/tcp', 'utf8').split('\n')
    .filter((row) => new RegExp(`^ *\\d+: \\S+ \\S+:${port.toString(16).toUpperCase().padStart(4, '0')} 01 `).test(row)).length

// ── Kamailio ──

// One that knows nobody, for users of whom nobody is there.
async function startPbx(t, options) {
    await Promise.all(['anna', 'bert', 'wrong'].map(gone))
    return await kamailio(t, { port: pbx, users, ...options })
}

for (const algorithm of ['MD5', 'SHA-256'])
    test(`Kamailio, ${algorithm}: users are registered, and call each other by it`, async (t) => {
        const registrar = await startPbx(t, { algorithm, asks: true, expires_s: 600, ...domain })
        const anna = await phone(t, 'anna')
        assert.deepEqual(anna.client.session.registration, { state: 'registering', identity: 'sip:anna@pbx.test' })
        const told = await anna.client.expect('session.registration', { state: 'registered' })
        assert.deepEqual([told.identity, told.expires_s], ['sip:anna@pbx.test', 600])
        const bert = await registered(t, 'bert')
        const shown = await line('bert')
        assert.deepEqual([shown.identity, shown.state, shown.registrar, shown.sessions], ['sip:4711@pbx.test', 'registered', 'pbx', 1])
        assert.match(shown.gruu, /^sip:4711@pbx\.test;gr=urn:uuid:/)
        assert.deepEqual(shown.route, [`sip:orig@127.0.0.1:${pbx};lr`])

        const call = await anna.start('4711')
        const rings = await bert.incoming()
        assert.equal(rings.event.from.uri, 'sip:anna@pbx.test')
        assert.equal(rings.event.to, 'tel:4711')
        await Promise.all([rings.answer(), call.answered()])
        await registrar.waitFor(new RegExp(`anna calls 4711 by <sip:orig@127.0.0.1:${pbx};lr>`))
        await Promise.all([call.tone(1000), rings.tone(700)])
        await Promise.all([hears(call, 700), hears(rings, 1000)])
        await rings.end()
        assert.equal((await call.ended()).by, 'peer')

        const back = await bert.start('sip:anna@pbx.test')
        const annaRings = await anna.incoming()
        assert.equal(annaRings.event.to, 'sip:anna@pbx.test')
        await annaRings.answer()
        await back.answered()
        await back.end()
        await annaRings.ended()
    })

test('a phone behind Kamailio calls, and is called by number', async (t) => {
    await startPbx(t, { asks: true })
    const bob = await Baresip.start(t, { user: '77', registrar: `127.0.0.1:${pbx}`, password: 'secret', hz: 700 })
    const [bert, second] = [await registered(t, 'bert'), await registered(t, 'bert')]
    assert.equal((await line('bert')).sessions, 2)
    const call = await (await bert.start('77')).answered()
    await call.tone(1000)
    await hears(call, 700)
    await call.end()
    await bob.expect('CALL_CLOSED')

    bob.dial(`sip:4711@127.0.0.1:${pbx}`)
    const [one, two] = await Promise.all([bert.incoming(), second.incoming()])
    assert.deepEqual([one.event.to, two.event.to], ['tel:4711', 'tel:4711'])
    await one.answer()
    assert.equal((await two.client.expect('call.end', { call: two.call })).reason, 'answered-elsewhere')
    await one.tone(1000)
    await hears(one, 700)
    await one.end()
})

test('by TCP: all users by one connection, calls both ways', async (t) => {
    await startPbx(t, { users: { 't-1': 'secret', 't-2': 'secret' }, asks: true })
    const [one, two] = [await registered(t, 't-1'), await registered(t, 't-2')]
    assert.equal(connectionsTo(pbx), 1)
    const call = await one.start('sip:t-2@pbx.test')
    const rings = await two.incoming()
    assert.equal(rings.event.from.uri, 'sip:t-1@pbx.test')
    await rings.answer()
    await call.answered()
    await call.end()
    await rings.ended()
})

test('one session leaves: registered still; the last: the binding is taken back after the grace time', async (t) => {
    await startPbx(t)
    const anna = await registered(t, 'anna')
    const [one, two] = [await registered(t, 'bert'), await registered(t, 'bert')]
    await one.client.close()
    await until(async () => (await line('bert')).sessions === 1, 'one session is left')
    const before = (await line('bert')).requests
    await two.client.close()
    const again = await registered(t, 'bert')
    assert.equal((await line('bert')).requests, before, 'back within the grace time: nothing was sent')
    await again.client.close()
    await gone('bert')
    const call = await anna.start('sip:4711@pbx.test')
    assert.equal((await call.ended()).sip.status, 404)
})

test('Kamailio restarts without its bindings: refreshed in time, and reached again', async (t) => {
    const first = await startPbx(t, { expires_s: 4 })
    const [anna, bert] = [await registered(t, 'anna'), await registered(t, 'bert')]
    await first.kill()
    await kamailio(t, { port: pbx, users, expires_s: 4 })
    const accepted = async () => (await line('bert')).accepted
    const before = await accepted()
    await until(async () => (await accepted()) > before, 'refreshed', 8000)
    const call = await anna.start('sip:4711@pbx.test')
    const rings = await bert.incoming()
    await rings.client.call('call.reject', { call: rings.call, reason: 'busy' })
    assert.equal((await call.ended()).reason, 'busy')
})

test('a wrong password: failed with 401, calls by it are refused, others are not', async (t) => {
    await startPbx(t)
    const wrong = await phone(t, 'wrong')
    const told = await wrong.client.expect('session.registration', { state: 'failed' })
    assert.deepEqual([told.reason, told.status, told.again], ['auth', 401, false])
    assert.ok((await line('wrong')).requests <= 3)
    await assert.rejects(wrong.start('4711'), (error) => error.kind === 'unavailable')
    const call = await (await wrong.start('echo')).answered()
    await call.end()
})

test('who has no account is not registered', async (t) => {
    const guest = await phone(t, 'guest')
    assert.deepEqual(guest.client.session.registration, { state: 'none' })
    await assert.rejects(guest.start('4711'), (error) => error.kind === 'no-route')
    assert.equal((await gateway.ctlRun('registrations', 'guest')).code, 1)
})

// ── SIPp ──

const register = (attributes, inside = '') => step.recvRequest('REGISTER', attributes) && `<recv request="REGISTER" ${attributes ?? ''}>${inside}</recv>\n`
const answer = (status, reason, headers = '') => `<send><![CDATA[
SIP/2.0 ${status} ${reason}
[last_Via:]
[last_From:]
[last_To:];tag=sipp
[last_Call-ID:]
[last_CSeq:]
${headers}Content-Length: 0

]]></send>\n`
const challenge = (nonce) => answer(401, 'Unauthorized', `WWW-Authenticate: Digest realm="sipp.test", nonce="${nonce}", algorithm=MD5, qop="auth"\n`)
const ok = (more = '') => answer(200, 'OK', `[last_Contact:]\nExpires: 60\n${more}`)
const leave = () => register() + answer(200, 'OK')
const withContact = register('', `<action><ereg regexp="sip:[^>;]*" search_in="hdr" header="Contact:" assign_to="own"/></action>`) + '<Reference variables="own"/>\n'

// The user comes, `steps` are played, then what is expected of the last news; then the user leaves.
async function play(t, name, steps, want) {
    const registrar = await sipp(t, [...steps, leave()], { port: scripted })
    const user = await phone(t, name)
    const told = await user.client.expect('session.registration', want, 12000)
    const shown = await line(name)
    await user.client.close()
    await registrar.passed()
    return { told, shown, messages: registrar.messages(), user }
}

test('SIPp: challenged twice, the second time accepted', async (t) => {
    const { messages } = await play(t, 's-twice', [register(), challenge('one'), register(), challenge('two'), register(), ok()], { state: 'registered' })
    assert.match(messages, /username="u-s-twice".*nonce="two"/)
})

for (const [status, reason, kind] of [[403, 'Forbidden', 'forbidden'], [404, 'Not Found', 'not-found']])
    test(`SIPp: ${status} is final until the next log-in`, async (t) => {
        const registrar = await sipp(t, [register(), answer(status, reason), register(), ok(), leave()], { port: scripted })
        const user = await phone(t, 's-final')
        const told = await user.client.expect('session.registration', { state: 'failed' })
        assert.deepEqual([told.reason, told.status, told.again], [kind, status, false])
        const again = await phone(t, 's-final')
        await again.client.expect('session.registration', { state: 'registered' })
        await Promise.all([user.client.close(), again.client.close()])
        await registrar.passed()
    })

test('SIPp: 423 with Min-Expires', async (t) => {
    const { messages } = await play(t, 's-brief', [register(), answer(423, 'Interval Too Brief', 'Min-Expires: 7200\n'), register(), ok()], { state: 'registered' })
    assert.match(messages, /Expires: 7200/)
})

for (const [status, reason] of [[408, 'Request Timeout'], [500, 'Server Error'], [504, 'Server Time-out'], [503, 'Service Unavailable']])
    test(`SIPp: ${status}, tried again later`, async (t) => {
        const registrar = await sipp(t, [register(), answer(status, reason), register(), ok(), leave()], { port: scripted })
        const user = await phone(t, 's-later')
        const failed = await user.client.expect('session.registration', { state: 'failed' })
        const since = Date.now()
        assert.deepEqual([failed.status, failed.again], [status, true])
        await user.client.expect('session.registration', { state: 'registered' })
        assert.ok(Date.now() - since >= 900, 'not at once')
        await user.client.close()
        await registrar.passed()
    })

test('SIPp: 503 with Retry-After is obeyed', async (t) => {
    const registrar = await sipp(t, [register(), answer(503, 'Service Unavailable', 'Retry-After: 3\n'), register(), ok(), leave()], { port: scripted })
    const user = await phone(t, 's-after')
    await user.client.expect('session.registration', { state: 'failed', status: 503 })
    const since = Date.now()
    await user.client.expect('session.registration', { state: 'registered' })
    assert.ok(Date.now() - since >= 2900, `after ${Date.now() - since} ms`)
    await user.client.close()
    await registrar.passed()
})

test('SIPp: our Contact among others, its parameters in another order; identities', async (t) => {
    const { told, shown } = await play(t, 's-order', [withContact, answer(200, 'OK', `Contact: <sip:else@192.0.2.1>;expires=7, <[$own]>;reg-id="1";expires=90;q=0.5
P-Associated-URI: <tel:+33123456789>, <sip:+33123456789@sipp.test>
Service-Route: <sip:orig@192.0.2.3;lr>
`)], { state: 'registered' })
    assert.deepEqual([told.expires_s, told.identity], [90, 'tel:+33123456789'])
    assert.deepEqual(shown.associated, ['tel:+33123456789', 'sip:+33123456789@sipp.test'])
    assert.deepEqual(shown.route, [`sip:127.0.0.1:${scripted};lr`, 'sip:orig@192.0.2.3;lr'])
})

test('SIPp: a 200 without Service-Route takes the one before away', async (t) => {
    const short = (headers = '') => withContact + answer(200, 'OK', `Contact: <[$own]>;expires=2\n${headers}`)
    const registrar = await sipp(t, [short('Service-Route: <sip:orig@192.0.2.3;lr>\n'), register(), ok(), leave()], { port: scripted })
    const user = await phone(t, 's-route')
    await user.client.expect('session.registration', { state: 'registered', expires_s: 2 })
    assert.equal((await line('s-route')).route.length, 2)
    await user.client.expect('session.registration', { state: 'registered', expires_s: 60 })
    assert.deepEqual((await line('s-route')).route, [])
    await user.client.close()
    await registrar.passed()
})

test('as text, and as figures', async (t) => {
    await startPbx(t)
    await registered(t, 'anna')
    const { text } = await gateway.ctlRun('registrations')
    assert.match(text, /^USER\s+IDENTITY\s+REGISTRAR\s+STATE/m)
    assert.match(text, /^anna\s+sip:anna@pbx\.test\s+pbx\s+registered/m)
    const stats = await gateway.ctl('stats')
    assert.equal(stats.registrations, 1)
    assert.ok(stats.registers_out > 20 && stats.registrations_failed >= 8)
    assert.doesNotMatch(gateway.program.text + text, /of anna|of bert|[0-9a-f]{32}/, 'no secrets')
})

test('the gateway ends well, and takes what is bound back', async (t) => {
    const registrar = await sipp(t, [register(), ok(), leave()], { port: scripted })
    const user = await phone(t, 's-end')
    await user.client.expect('session.registration', { state: 'registered' })
    await gateway.stop()
    await registrar.passed()
    assert.match(registrar.messages(), /Expires: 0/)
})

wireIsClean(() => capture, ['sip'])
