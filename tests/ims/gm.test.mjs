// The gateway as UEs behind a P-CSCF that is somebody else's (Gm, 3GPP TS 24.229).
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import * as ims from '../lib/ims.mjs'
import { accountsFile, at, hears, network, there } from '../lib/ims.mjs'
import { ImsCore } from '../lib/imscore.mjs'
import { wholeFile } from '../lib/proc.mjs'
import { sdp } from '../lib/sip.mjs'
import { Ue } from '../lib/ue.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let core, gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    core = await ImsCore.start(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        ...at('127.0.0.90', 'gm', { preconditions: 'accept' }),
        registrar: [{ ...there('gm'), name: 'own', accounts: accountsFile(wholeFile) }],
    })
    peer = WebPeer.start(wholeFile)
})

const registered = (t, name) => ims.registered(t, gateway, peer, name)

test('R1 R2 R4 R6 R7: AKA by the P-CSCF; the route is the P-CSCF, then as the core says', async (t) => {
    await registered(t, 'alice')
    const shown = await gateway.ctl('registrations', 'alice')
    assert.equal(shown.associated[0], 'sip:alice@ims.test')
    assert.match(shown.route.join(' '), /^sip:127\.0\.0\.71:5060;lr sip:orig@127\.0\.0\.73:5060/)
})

test('R4: the sequence number of the network was put back: AUTS, and registered all the same', async (t) => {
    const alice = await registered(t, 'alice')
    await alice.client.call('session.close')
    await ims.gone(gateway, 'alice')
    await core.hss('sqn', 'alice@ims.test', '000000000001')
    await registered(t, 'alice')
})

test('W4 R10: a wrong key: named, and final', async (t) => {
    const { client } = await Phone.open(t, gateway, peer, 'mallory')
    const told = await client.expect('session.registration', { state: 'failed' })
    assert.deepEqual([told.reason, told.status, told.again], ['auth', 401, false])
})

test('S1 S12 S13: a call out: P-Preferred-Identity becomes what the core asserts; each request by the whole route', async (t) => {
    const bob = await Ue.open(t, 'bob')
    const alice = await registered(t, 'alice')
    const call = await alice.start('tel:+15550002')
    const invite = await bob.expect('INVITE')
    assert.match(invite.get('p-asserted-identity'), /alice@ims\.test|\+15550001/)
    assert.equal(invite.get('p-preferred-identity'), undefined)
    assert.equal(invite.get('p-access-network-info'), network)
    assert.match(invite.get('p-asserted-service'), /icsi\.mmtel/)
    bob.reply(invite, 200, 'OK', { body: sdp({ host: '127.0.0.82', port: 42000 }) })
    await bob.expect('ACK')
    await call.answered()
    await alice.client.call('call.end', { call: call.call })
    bob.reply(await bob.expect('BYE'), 200, 'OK')
    await call.ended()
})

test('S2 X4: a call in, its caller withheld: nothing of who it is', async (t) => {
    const bob = await Ue.open(t, 'bob')
    const alice = await registered(t, 'alice')
    const dialog = bob.request('INVITE', 'sip:alice@ims.test', { body: sdp({ host: '127.0.0.82', port: 42000 }), headers: ['Privacy: id', 'P-Preferred-Identity: <sip:bob@ims.test>'] })
    const rings = await alice.incoming()
    assert.equal(rings.event.from.anonymous, true)
    assert.doesNotMatch(JSON.stringify(rings.event.from), /bob|15550002/)
    await rings.answer()
    const answer = await bob.expect(200)
    bob.within('ACK', dialog, answer)
    bob.within('BYE', dialog, answer)
    await rings.ended()
})

test('two users behind the P-CSCF call each other, and hear each other', async (t) => {
    const [alice, dave] = [await registered(t, 'alice'), await registered(t, 'dave')]
    const call = await alice.start('tel:+15550004')
    const rings = await dave.incoming()
    assert.equal(rings.event.from.uri, 'sip:alice@ims.test')
    await Promise.all([rings.answer(), call.answered()])
    await Promise.all([call.tone(1000), rings.tone(700)])
    await Promise.all([hears(call, 700), hears(rings, 1000)])
    await call.end()
    await rings.ended()
})

wireIsClean(() => capture, ['sip', 'sdp'])
