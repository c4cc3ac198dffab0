// SIP over TLS: Kamailio, an end made of node:tls, baresip; certificates that fit and that do not; silence.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import net from 'node:net'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { Authority } from '../lib/certs.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { kamailio } from '../lib/kamailio.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { serveNames } from '../lib/dns.mjs'
import { until, wholeFile } from '../lib/proc.mjs'

let gateway, peer, authority, other, ours
const proxy = { port: 5070, tls: 5071 }
const carrier = 5081

before(async () => {
    await serveNames(wholeFile, Object.fromEntries(['pbx.test', 'carrier.test', 'wrong.test', 'old.test', 'alien.test'].map((name) => [name, { A: ['127.0.0.1'] }])
        .concat([['_sips._tcp.carrier.test', { SRV: [[1, 1, carrier, 'carrier.test']] }], ['six.test', { AAAA: ['::1'] }]])))
    authority = new Authority(wholeFile)
    other = new Authority(wholeFile, 'Somebody else')
    ours = authority.issue('gateway', 'DNS:gw.test')
    const trunk = (name, prefix, more) => ({ name, address: `${name}:${carrier}`, transport: 'tls', prefixes: [prefix], codecs: ['PCMA'], ...more })
    gateway = await Gateway.start(wholeFile, {
        sip: {
            listen: ['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060', 'tls:127.0.0.1:5061', 'tls:[::1]:5061'], peers: ['127.0.0.9'],
            tls_certificate: ours, tls_authorities: authority.file, tcp_silent_timeout_ms: 1500, tls_handshake_timeout_ms: 1500,
            tcp_message_timeout_ms: 1500, connections_per_address: 2000, connections_max: 3000, bad_hop_s: 0, dns_timeout_ms: 800,
        },
        media: { rtp_listen: ['127.0.0.1', '::1'] },
        trunk: [
            trunk('pbx.test', '7', { address: `pbx.test:${proxy.tls}`, username: 'gateway', password: 'for kamailio' }),
            trunk('carrier.test', '41', { address: 'carrier.test' }), trunk('wrong.test', '42'), trunk('old.test', '43'), trunk('alien.test', '44'),
            trunk('six.test', '46', { address: `six.test:${carrier}` }),
        ],
        registrar: [
            { name: 'secure', domain: 'pbx.test', proxy: `pbx.test:${proxy.tls}`, transport: 'tls', users: ['r-*'], password: 'of r', grace_s: 0, retry_s: 1, outbound: false },
            { name: 'false', domain: 'wrong.test', proxy: `wrong.test:${carrier}`, transport: 'tls', users: ['f-*'], password: 'of f', grace_s: 0, retry_s: 60 },
        ],
        inbound: [{ match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)
const pem = (file) => ({ cert: readFileSync(file), key: readFileSync(file) })
const carries = (t, file, more = {}) => SipPeer.open(t, { transport: 'tls', port: carrier, ...more, secure: { ...pem(file), ca: readFileSync(authority.file), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } })
const target = { host: '127.0.0.1', port: 5061 }

test('Kamailio by TLS, certificates both ways, digest: a call, ended by the callee', async (t) => {
    const registrar = await kamailio(t, { port: proxy.port, users: { 77: 'secret' }, wantsDigest: 'for kamailio', gateway: '127.0.0.1:5061',
        tls: { port: proxy.tls, certificate: authority.issue('pbx', 'DNS:pbx.test'), authority: authority.file } })
    const bob = await Baresip.start(t, { user: '77', registrar: `127.0.0.1:${proxy.port}`, password: 'secret', hz: 700 })
    const anna = await phone(t)
    const call = await (await anna.start('77')).answered()
    await call.tone(1000)
    await until(async () => Math.abs(((await call.stats()).sound?.peak_hz ?? 0) - 700) < 20, 'hears 700 Hz', 6000, 50)
    await bob.expect('CALL_ESTABLISHED')
    const [connection] = (await gateway.ctl('connections')).filter((one) => one.direction === 'out')
    assert.deepEqual([connection.tls, connection.domain, connection.names], ['TLSv1.3', 'pbx.test', ['pbx.test']])
    bob.hangup()
    assert.equal((await call.ended()).by, 'peer')
    assert.equal((await gateway.ctl('connections')).filter((one) => one.direction === 'out').length, 1)
    assert.ok(registrar)
})

test('REGISTER over TLS: Kamailio takes it, calls leave and come by it', async (t) => {
    const pbx = await kamailio(t, { port: proxy.port, users: { 77: 'secret', 'r-anna': 'of r' }, asks: true, gateway: '127.0.0.1:5061',
        tls: { port: proxy.tls, certificate: authority.issue('pbx', 'DNS:pbx.test'), authority: authority.file } })
    const bob = await Baresip.start(t, { user: '77', registrar: `127.0.0.1:${proxy.port}`, password: 'secret', hz: 700, answer: 'manual' })
    const anna = await phone(t, 'r-anna')
    await anna.client.expect('session.registration', { state: 'registered' })
    assert.equal((await gateway.ctl('registrations', 'r-anna')).state, 'registered')
    const hears = (call) => until(async () => Math.abs(((await call.stats()).sound?.peak_hz ?? 0) - 700) < 20, 'hears 700 Hz', 6000, 50)

    const out = await anna.start('77')
    await bob.expect('CALL_INCOMING')
    bob.answer()
    await out.answered()
    await out.tone(1000)
    await hears(out)
    await bob.hears(1000)
    await out.end()
    await bob.expect('CALL_CLOSED')

    bob.dial(`sip:r-anna@127.0.0.1:${proxy.port}`)
    const back = await (await anna.incoming()).answer()
    await pbx.waitFor(/to the phone sip:\S+transport=tls/i)
    await back.tone(1000)
    await hears(back)
    await back.end()

    await anna.client.close()
    await until(async () => (await gateway.ctlRun('registrations', 'r-anna')).code === 1, 'the binding is taken back')
})

test('REGISTER over TLS: not to whoever else answers there', async (t) => {
    const there = await carries(t, authority.issue('wrong', 'DNS:elsewhere.test'))
    const user = await phone(t, 'f-one')
    await user.client.expect('session.registration', { state: 'failed' })
    await gateway.program.waitFor(/certificate is for elsewhere\.test/)
    assert.equal(there.queue.length, 0, 'no byte of SIP was said')
    for (const stream of there.streams) stream.destroy()
    await new Promise((resolve) => there.server.close(resolve))
})

test('a carrier by SRV: its calls come by its certificate, from whatever address', async (t) => {
    const certificate = authority.issue('carrier', 'URI:sip:carrier.test,DNS:x.test')
    const there = await carries(t, certificate)
    const anna = await phone(t)
    const call = await anna.start('4112345')
    const invite = await there.expect('INVITE')
    assert.match(invite.get('via'), /^SIP\/2\.0\/TLS/)
    assert.match(invite.get('contact'), /;transport=tls>/)
    there.reply(invite, 486, 'Busy Here')
    await there.expect('ACK')
    await call.ended()
    assert.deepEqual(there.stream.getPeerCertificate().subjectaltname, 'DNS:gw.test')

    const caller = await SipPeer.open(t, { transport: 'tls', to: target, secure: { ...pem(certificate), ca: readFileSync(authority.file), servername: 'gw.test' } })
    caller.request('INVITE', 'sip:anna@127.0.0.1:5061;transport=tls', target, { body: sdp() })
    const incoming = await anna.incoming()
    await anna.client.call('call.reject', { call: incoming.call })
    await caller.expect(603)
    const stranger = await SipPeer.open(t, { transport: 'tls', to: target, secure: { ca: readFileSync(authority.file), servername: 'gw.test' } })
    stranger.request('INVITE', 'sip:anna@127.0.0.1:5061;transport=tls', target, { body: sdp() })
    assert.ok(await stranger.expect((m) => m.status >= 400 || m.status === 180))
})

test('a certificate that may not be: no call, and a log that says why', async (t) => {
    const anna = await phone(t)
    for (const [prefix, file, why] of [
        ['42', () => authority.issue('wrong', 'DNS:elsewhere.test'), /certificate is for elsewhere\.test/],
        ['43', () => authority.issue('old', 'DNS:old.test', { days: -1 }), /certificate has expired/],
        ['44', () => other.issue('alien', 'DNS:alien.test'), /unable to get local issuer certificate/],
    ]) {
        const there = await carries(t, file())
        const end = await anna.start(`${prefix}12345`).then((call) => call.ended())
        assert.equal(end.reason, 'tls')
        await gateway.program.waitFor(why)
        assert.equal(there.queue.length, 0, 'no byte of SIP was said')
        for (const stream of there.streams) stream.destroy()
        await new Promise((resolve) => there.server.close(resolve))
    }
    assert.ok((await gateway.ctl('stats')).sip_tls_failed >= 3)
})

test('IPv6: a call by TLS to [::1]', async (t) => {
    const there = await carries(t, authority.issue('six', 'DNS:six.test'), { host: '::1' })
    const anna = await phone(t)
    const call = await anna.start('4612345')
    const invite = await there.expect('INVITE')
    assert.match(invite.get('via'), /\[::1\]/)
    assert.match(invite.body, /IN IP6 ::1/)
    there.reply(invite, 486, 'Busy Here')
    await there.expect('ACK')
    await call.ended()
})

test('tls reload: new connections see the new certificate; a broken file changes nothing', async () => {
    const shown = () => String(execFileSync('sh', ['-c', 'openssl s_client -connect 127.0.0.1:5061 -tls1_2 </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName']))
    assert.match(shown(), /gw\.test/)
    authority.issue('gateway', 'DNS:gw.test,DNS:new.test')
    await gateway.ctl('tls', 'reload')
    assert.match(shown(), /new\.test/)
    assert.throws(() => execFileSync('sh', ['-c', 'openssl s_client -connect 127.0.0.1:5061 -tls1_1 </dev/null'], { stdio: 'pipe' }))
})

// What a connection does before it is closed, and how long that may take.
for (const [what, bytes, most] of [['silence', [], 2500], ['half a message, slowly', ['OPTIONS sip:a SIP/2.0\r\n', 'Via: SIP/2.0/TCP x\r\n', 'X: y\r\n'], 2500],
    ['a header without end', [`X-Filler: ${'a'.repeat(70000)}\r\n`], 1000], ['a body of 2 GB', ['OPTIONS sip:a SIP/2.0\r\nContent-Length: 2147483647\r\n\r\nabc'], 1000]])
    test(`${what} of 1,000 connections: closed in time, calls go on`, async (t) => {
        const started = Date.now()
        const closed = await Promise.all(Array.from({ length: 1000 }, () => new Promise((resolve) => {
            const socket = net.connect(5060, '127.0.0.1')
            socket.on('error', () => {}).on('close', () => resolve(Date.now() - started)).resume()
            bytes.forEach((text, i) => setTimeout(() => socket.destroyed || socket.write(text), 300 * i))
        })))
        t.diagnostic(`the last after ${Math.max(...closed)} ms`)
        assert.ok(Math.max(...closed) < most + 2500)
        await until(async () => (await gateway.ctl('connections')).filter((one) => one.direction === 'in').length === 0, 'none is left')
    })

test('the gateway ends well', () => gateway.stop())
