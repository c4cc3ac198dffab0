// The gateway as eP-CSCF before the core (Mw, 3GPP TS 24.371): browsers' users registered at the I-CSCF, their calls by the S-CSCF.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import * as ims from '../lib/ims.mjs'
import { accountsFile, at, hears, network, there } from '../lib/ims.mjs'
import { ImsCore } from '../lib/imscore.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { sdp } from '../lib/sip.mjs'
import { Ue } from '../lib/ue.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const own = '127.0.0.84'
let core, gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    core = await ImsCore.start(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        ...at(own, 'mw'),
        registrar: [
            { ...there('mw'), name: 'own', accounts: accountsFile(wholeFile) },
            { ...there('mw'), name: 'vouched', users: ['01*'], username: 'webpool-$@ims.test', identity: 'web-$', vouched: true },
            { ...there('mw'), name: 'pool', users: ['g-*'], username: 'webpool-$@ims.test', identity: 'web-$', pool: 2, password: 'pool-secret' },
        ],
    })
    peer = WebPeer.start(wholeFile)
})

const registered = (t, name) => ims.registered(t, gateway, peer, name)
const gone = (user) => ims.gone(gateway, user)
const line = (user) => gateway.ctl('registrations', user)

// "registered", as the HSS sees a user's own identity.
const hssState = async (name) => (await core.hss('show')).subscribers[`${name}@ims.test`].state[`sip:${name}@ims.test`]

test('W3 R1 R6 R7 R8: SIP digest: registered with Service-Route and associated identities; the 200 says for how long', async (t) => {
    await registered(t, 'dave')
    const shown = await line('dave')
    assert.deepEqual(shown.associated, ['sip:dave@ims.test', 'tel:+15550004', 'sip:+15550004@ims.test'])
    assert.match(shown.route[0], /^sip:orig@127\.0\.0\.73:5060/)
    assert.ok(shown.expires_s > 500 && shown.expires_s <= 600, `${shown.expires_s} s`)
})

test('W4 R4: AKAv1-MD5 and AKAv2-MD5; a sequence number from before is resynchronised (AUTS)', async (t) => {
    await registered(t, 'carol')
    const alice = await registered(t, 'alice')
    assert.deepEqual((await line('alice')).associated.slice(0, 2), ['sip:alice@ims.test', 'tel:+15550001'])
    await alice.client.call('session.close')
    await gone('alice')
    await core.hss('sqn', 'alice@ims.test', '000000000001')
    await registered(t, 'alice')
})

test('W4 R10: a wrong key, an unknown identity: named, and final', async (t) => {
    for (const [name, want] of [['mallory', { reason: 'auth', status: 401 }], ['nobody', { reason: 'forbidden', status: 403 }]]) {
        const { client } = await Phone.open(t, gateway, peer, name)
        const told = await client.expect('session.registration', { state: 'failed' })
        assert.deepEqual({ reason: told.reason, status: told.status, again: told.again }, { ...want, again: false })
    }
})

test('W5: Trusted Node Authentication: a log-in is enough, the core asks for nothing', async (t) => {
    await registered(t, '0101')
    const shown = await line('0101')
    assert.deepEqual([shown.identity, shown.requests], ['sip:web-0101@ims.test', 1])
})

test('W6: identities of a pool: lent while they last, and again when returned', async (t) => {
    const one = await registered(t, 'g-one')
    await registered(t, 'g-two')
    assert.deepEqual([(await line('g-one')).identity, (await line('g-two')).identity].sort(), ['sip:web-0001@ims.test', 'sip:web-0002@ims.test'])
    const late = await Phone.open(t, gateway, peer, 'g-late')
    assert.equal(late.client.session.registration.state, 'none')
    await one.client.call('session.close')
    await gone('g-one')
    await registered(t, 'g-three')
})

test('W9 W10 S1 R16 R17 M5: a call out: route, identity, service, access network, charging; SDP without a trace of WebRTC', async (t) => {
    const bob = await Ue.open(t, 'bob')
    const dave = await registered(t, 'dave')
    const call = await dave.start('tel:+15550002')
    const invite = await bob.expect('INVITE')
    assert.equal(invite.get('p-asserted-identity'), '<sip:dave@ims.test>')
    assert.equal(invite.headers['p-asserted-identity'][1], '<tel:+15550004>')
    assert.match(invite.get('p-called-party-id'), /\+15550002/)
    assert.equal(invite.get('p-access-network-info'), network)
    assert.match(invite.get('accept-contact'), /g\.3gpp\.icsi-ref="urn%3Aurn-7%3A3gpp-service\.ims\.icsi\.mmtel"/)
    assert.match(invite.body, /^m=audio \d+ RTP\/AVP /m)
    assert.doesNotMatch(invite.body, /candidate|fingerprint|rtcp-mux|BUNDLE|ice-ufrag|setup:|extmap|ssrc/)
    bob.reply(invite, 180, 'Ringing')
    await dave.client.expect('call.progress', { call: call.call, state: 'ringing' })
    bob.reply(invite, 200, 'OK', { body: sdp({ host: '127.0.0.82', port: 42000 }) })
    assert.match((await bob.expect('ACK')).get('via'), /127\.0\.0\.71/)
    await call.answered()
    await dave.client.call('call.end', { call: call.call })
    const bye = await bob.expect('BYE')
    bob.reply(bye, 200, 'OK')
    await call.ended()
})

test('S2 W9: a call in: by the Path; who calls and which identity was called; nothing of charging or topology', async (t) => {
    const bob = await Ue.open(t, 'bob')
    const dave = await registered(t, 'dave')
    const dialog = bob.request('INVITE', 'tel:+15550004', { body: sdp({ host: '127.0.0.82', port: 42000 }), headers: ['P-Preferred-Identity: <tel:+15550002>'] })
    const rings = await dave.incoming()
    assert.equal(rings.event.to, 'tel:+15550004')
    assert.deepEqual([rings.event.from.number, rings.event.from.asserted], ['+15550002', true])
    assert.doesNotMatch(JSON.stringify(rings.event), /icid|127\.0\.0\.7|charging|scscf/i)
    await rings.answer()
    const answer = await bob.expect(200)
    assert.match(answer.body, /^m=audio \d+ RTP\/AVP 8/m)
    bob.within('ACK', dialog, answer)
    await dave.client.call('call.end', { call: rings.call })
    const bye = await bob.expect('BYE')
    assert.equal(bye.get('p-access-network-info'), network)
    bob.reply(bye, 200, 'OK')
})

test('two users of the gateway call each other through the core, and hear each other', async (t) => {
    const [dave, web] = [await registered(t, 'dave'), await registered(t, '0101')]
    const call = await web.start('sip:dave@ims.test')
    const rings = await dave.incoming()
    assert.equal(rings.event.from.uri, 'sip:web-0101@ims.test')
    await Promise.all([rings.answer(), call.answered()])
    await Promise.all([call.tone(1000), rings.tone(700)])
    await Promise.all([hears(call, 700), hears(rings, 1000)])
    await call.end()
    await rings.ended()
})

test('W8 R13: logged out: the binding is taken back, and the core knows', async (t) => {
    const dave = await registered(t, 'dave')
    assert.equal(await hssState('dave'), 'registered')
    await dave.client.call('session.close')
    await gone('dave')
    await until(async () => (await hssState('dave')) !== 'registered', 'the HSS knows that dave is gone', 10000, 100)
})

test('R11 R12: reg-event: the network ends a registration: the call ends, the browser is told, and nothing is tried again', async (t) => {
    const bob = await Ue.open(t, 'bob')
    const carol = await registered(t, 'carol')
    const call = await carol.start('tel:+15550002')
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 200, 'OK', { body: sdp({ host: '127.0.0.82', port: 42000 }) })
    await call.answered()
    await core.hss('rtr', 'sip:carol@ims.test', '0', 'test')
    const told = await carol.client.expect('session.registration', { state: 'failed' }, 10000)
    assert.deepEqual([told.reason, told.again], ['deregistered', false])
    const bye = await bob.expect('BYE')
    bob.reply(bye, 200, 'OK')
    assert.equal((await call.ended()).reason, 'deregistered')
    const { requests } = await line('carol')
    // A new log-in is a new try.
    await registered(t, 'carol')
    assert.ok((await line('carol')).requests > requests)
})

wireIsClean(() => capture, ['sip', 'sdp'])
