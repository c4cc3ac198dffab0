// Numbers through trunks, with and without digest; names of next hops; Kamailio between us and baresip.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { kamailio } from '../lib/kamailio.mjs'
import { serveNames } from '../lib/dns.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture, names, atFirst
const [plain, secret, proxy, wrong, desk] = [5600, 5602, 5070, 5604, 5610]

before(async () => {
    capture = await startCapture(wholeFile)
    names = await serveNames(wholeFile, {
        'a.pbx.test': { A: ['127.0.0.1'] },
        '_sip._udp.srv.test': { SRV: [[10, 1, 5606, 'a.pbx.test']] }, 'srv.test': {},
        'six.test': { AAAA: ['::1'] },
        'silent.test': null,
    })
    gateway = await Gateway.start(wholeFile, {
        sip: { dns_timeout_ms: 600, invite_timeout_ms: 1500, listen: ['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060', 'udp:[::1]:5060'] },
        media: { rtp_listen: ['127.0.0.1', '::1'] },
        trunk: [
            { name: 'plain', address: `127.0.0.1:${plain}`, prefixes: ['+33'], codecs: ['PCMA'] },
            { name: 'secret', address: `127.0.0.1:${secret}`, prefixes: ['+44', '+441'], username: 'bob', password: 'secret', from_user: '+15550100', from_domain: 'gw.test' },
            { name: 'wrong', address: `127.0.0.1:${wrong}`, prefixes: ['+45'], username: 'bob', password: 'false' },
            { name: 'kamailio', address: `127.0.0.1:${proxy}`, prefixes: ['7'], username: 'gateway', password: 'for kamailio' },
            { name: 'tcp', address: '127.0.0.1:5608', transport: 'tcp', prefixes: ['+46'] },
            { name: 'named', address: 'srv.test', prefixes: ['+47'] },
        ],
        inbound: [{ match: '+15550100', to: 'user:anna' }, { match: '+1555*', to: 'user:bert' }, { match: 'sales', to: 'user:anna' }, { match: 'anna', to: 'user:$' },
            { match: '+33*', to: 'tel:$' }, { match: 'desk', to: `sip:reception@127.0.0.1:${desk}` }, { match: 'round', to: 'sip:round@127.0.0.1:5060' }],
    })
    peer = WebPeer.start(wholeFile)
    atFirst = await gateway.usage()
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)

test('a number, with its visual separators, goes to the trunk of its prefix', async (t) => {
    const callee = await sipp(t, scenario.answer(), { port: plain })
    const anna = await phone(t)
    const call = await (await anna.start('+33 (1) 23-45.67')).answered()
    await call.end()
    await callee.passed()
    assert.match(callee.messages(), /INVITE sip:\+331234567@127\.0\.0\.1:5600/)
})

test('tel: URI through a trunk over TCP', async (t) => {
    const callee = await sipp(t, scenario.answer(), { port: 5608, transport: 't1' })
    const anna = await phone(t)
    const call = await (await anna.start('tel:+4612345')).answered()
    await call.end()
    await callee.passed()
})

test('digest: 407 is answered, the trunk\'s From is used', async (t) => {
    const callee = await sipp(t, scenario.challenge(), { port: secret })
    const anna = await phone(t)
    const call = await (await anna.start('+4412345')).answered()
    await call.end()
    await callee.passed()
    assert.match(callee.messages(), /^From:.*<sip:\+15550100@gw\.test>/m)
})

test('digest with qop: the response is as RFC 7616 has it', async (t) => {
    const trunk = await SipPeer.open(t, { port: secret })
    const anna = await phone(t)
    const call = await anna.start('+4412345')
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 401, 'Unauthorized', { headers: ['WWW-Authenticate: Digest realm="x y", nonce="n1", algorithm=MD5, qop="auth,auth-int", opaque="o1"'] })
    await trunk.expect('ACK')
    const again = await trunk.expect('INVITE')
    const said = again.get('authorization')
    const part = (name) => new RegExp(`[ ,]${name}="?([^",]*)`).exec(said)?.[1]
    const md5 = (text) => createHash('md5').update(text).digest('hex')
    assert.equal(part('response'), md5(`${md5('bob:x y:secret')}:n1:${part('nc')}:${part('cnonce')}:auth:${md5(`INVITE:${part('uri')}`)}`))
    assert.deepEqual([part('qop'), part('opaque'), part('uri'), part('nc')], ['auth', 'o1', again.uri, '00000001'])
    trunk.reply(again, 486, 'Busy Here')
    await trunk.expect('ACK')
    assert.equal((await call.ended()).reason, 'busy')
})

test('digest with a wrong password: one try, then the call ends with 407', async (t) => {
    const trunk = await SipPeer.open(t, { port: wrong })
    const anna = await phone(t)
    const call = await anna.start('+4512345')
    for (const nonce of ['one', 'two']) {
        const invite = await trunk.expect('INVITE')
        trunk.reply(invite, 407, 'Proxy Authentication Required', { headers: [`Proxy-Authenticate: Digest realm="x", nonce="${nonce}", algorithm=MD5, qop="auth"`] })
        await trunk.expect('ACK')
    }
    const end = await call.ended()
    assert.equal(end.sip.status, 407)
    assert.equal(trunk.queue.filter((m) => m.method === 'INVITE').length, 0)
})

test('a challenge of a kind we do not speak ends the call', async (t) => {
    const trunk = await SipPeer.open(t, { port: wrong })
    const anna = await phone(t)
    const call = await anna.start('+4512345')
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 401, 'Unauthorized', { headers: ['WWW-Authenticate: Fancy realm="x"'] })
    await trunk.expect('ACK')
    assert.equal((await call.ended()).sip.status, 401)
})

test('inbound: number, prefix and name find their user', async (t) => {
    const [anna, bert] = [await phone(t), await phone(t, 'bert')]
    for (const [user, who] of [['+15550100', anna], ['+15559999', bert], ['sales', anna]]) {
        const caller = await sipp(t, scenario.callAndEnd(user, 100), { to: '127.0.0.1:5060' })
        const call = await (await who.incoming()).answer()
        await call.ended()
        await caller.passed()
    }
    await (await sipp(t, scenario.callRefused('+1666', 404), { to: '127.0.0.1:5060' })).passed()
})

test('inbound from a trunk\'s address is let in, though sip.peers does not name it', async (t) => {
    const trunk = await SipPeer.open(t, { port: plain })
    const anna = await phone(t)
    const dialog = trunk.request('INVITE', 'sip:sales@127.0.0.1:5060', { host: '127.0.0.1', port: 5060 }, { body: sdp() })
    const call = await anna.incoming()
    await anna.client.call('call.reject', { call: call.call })
    const answer = await trunk.expect(603)
    trunk.request('ACK', 'sip:sales@127.0.0.1:5060', { host: '127.0.0.1', port: 5060 }, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

test('inbound to a trunk: a number goes on to the trunk of its prefix', async (t) => {
    const callee = await sipp(t, scenario.answer(), { port: plain })
    const caller = await sipp(t, scenario.callAndEnd('+33999', 200), { to: '127.0.0.1:5060' })
    await Promise.all([callee.passed(), caller.passed()])
    assert.match(callee.messages(), /INVITE sip:\+33999@127\.0\.0\.1:5600/)
    assert.match(callee.messages(), /^From:.*sip:\+33123456789@/m)
})

test('inbound to a SIP URI: sound both ways between two SIP peers, one hop less', async (t) => {
    const [caller, callee] = [await SipPeer.open(t), await SipPeer.open(t, { port: desk })]
    const [a, b] = [peer.nextId++, peer.nextId++]
    const offer = await peer.command('rtp.offer', { id: a, codecs: ['PCMA'] })
    const dialog = caller.request('INVITE', 'sip:desk@127.0.0.1:5060', { host: '127.0.0.1', port: 5060 }, { body: offer.sdp })
    const invite = await callee.expect('INVITE')
    assert.deepEqual([invite.uri, invite.get('max-forwards')], [`sip:reception@127.0.0.1:${desk}`, '69'])
    const answer = await peer.command('rtp.accept', { id: b, sdp: invite.body, codecs: ['PCMA'] })
    callee.reply(invite, 200, 'OK', { body: answer.sdp })
    const ok = await caller.expect(200)
    SipPeer.follow(dialog, ok)
    caller.request('ACK', 'sip:desk@127.0.0.1:5060', { host: '127.0.0.1', port: 5060 }, { dialog })
    await callee.expect('ACK')
    await peer.command('rtp.answer', { id: a, sdp: ok.body })
    for (const [id, hz] of [[a, 700], [b, 1300]]) await peer.command('send', { id, codec: 'PCMA', pps: 50, tone_hz: hz })
    for (const [id, hz] of [[a, 1300], [b, 700]])
        await until(async () => Math.abs(((await peer.stats(id)).sound?.peak_hz ?? 0) - hz) < 20, `hears ${hz} Hz`, 6000, 50)
    caller.request('BYE', 'sip:desk@127.0.0.1:5060', { host: '127.0.0.1', port: 5060 }, { dialog })
    const bye = await callee.expect('BYE')
    callee.reply(bye, 200, 'OK')
    for (const id of [a, b]) await peer.command('close', { id })
})

test('inbound to ourselves, round and round: 483 in the end, and no call stays', async (t) => {
    await (await sipp(t, scenario.callRefused('round', 483), { to: '127.0.0.1:5060' })).passed()
    await until(async () => (await gateway.ctl('stats')).calls === 0, 'no call is left')
})

test('through Kamailio to baresip, and back', async (t) => {
    const registrar = await kamailio(t, { port: proxy, users: { 77: 'secret' }, wantsDigest: 'for kamailio' })
    const bob = await Baresip.start(t, { user: '77', registrar: `127.0.0.1:${proxy}`, password: 'secret', hz: 700 })
    const anna = await phone(t)
    const call = await (await anna.start('77')).answered()
    await call.tone(1000)
    await until(async () => Math.abs(((await call.stats()).sound?.peak_hz ?? 0) - 700) < 20, 'hears 700 Hz', 6000, 50)
    await bob.expect('CALL_ESTABLISHED')
    await registrar.waitFor(/digest of gateway is right/)
    await call.end()
    await bob.expect('CALL_CLOSED')

    bob.dial(`sip:anna@127.0.0.1:${proxy}`)
    const back = await (await anna.incoming()).answer()
    await back.tone(1000)
    await until(async () => Math.abs(((await back.stats()).sound?.peak_hz ?? 0) - 700) < 20, 'hears 700 Hz', 6000, 50)
    bob.hangup()
    assert.equal((await back.ended()).by, 'peer')
})

test('Kamailio says 404: so does the call', async (t) => {
    await kamailio(t, { port: proxy })
    const anna = await phone(t)
    const call = await anna.start('78')
    const end = await call.ended()
    assert.deepEqual([end.reason, end.sip.status], ['not-found', 404])
})

test('a trunk by SRV, then A', async (t) => {
    const callee = await sipp(t, scenario.answer(), { port: 5606 })
    const anna = await phone(t)
    const call = await (await anna.start('+4712345')).answered()
    await call.end()
    await callee.passed()
    assert.ok(names.asked.some((q) => q.startsWith('SRV _sip._udp.srv.test')), names.asked.join())
})

test('sip: URI with a name that has only an IPv6 address', async (t) => {
    const callee = await sipp(t, scenario.answer(), { host: '::1', port: 5610 })
    const anna = await phone(t)
    const call = await (await anna.start('sip:bob@six.test:5610')).answered()
    await call.end()
    await callee.passed()
})

for (const [what, host] of [['a name that does not exist', 'nowhere.test'], ['a name server that is silent', 'silent.test']])
    test(`${what}: dns, in time`, async (t) => {
        const anna = await phone(t)
        const started = Date.now()
        const kind = await anna.start(`sip:bob@${host}`).then((call) => call.ended({}, 5000)).then((end) => end.reason, (error) => error.kind ?? error.message)
        assert.equal(kind, 'dns')
        assert.ok(Date.now() - started < 3000)
    })

test('causewayctl trunks tells of each', async () => {
    const trunks = await gateway.ctl('trunks')
    assert.deepEqual(trunks.map((trunk) => trunk.name).sort(), ['kamailio', 'named', 'plain', 'secret', 'tcp', 'wrong'])
    assert.doesNotMatch(JSON.stringify(trunks), /"secret"\s*:|password/)
})

test('after all of this: calls, sockets and ports as before', async () => {
    await until(async () => {
        const { status } = await gateway.usage()
        return status.calls === 0 && status.dialogs === 0 && status.rtp_ports === 0 && status.transports === 0
    }, 'calls, dialogs and ports are gone', 5000, 100)
    await until(async () => (await gateway.usage()).files.filter((f) => !/socket/.test(f)).length <= atFirst.files.filter((f) => !/socket/.test(f)).length, 'descriptors as before')
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'rtp'])
