// Protected media on the SIP side: SDES, best effort and DTLS-SRTP with baresip, both directions; what
// must be refused; what a hostile far side may not do; keys that nobody may read.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { SipPeer, sdp } from '../lib/sip.mjs'
import { cryptoLines, keyOf, rtpPortOf, SrtpEnd, SrtpKey } from '../lib/srtp.mjs'
import { Program, run, tempDir, until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let peer, capture
const secrets = new Set() // every key on any SDP: none may be read elsewhere
const target = { host: '127.0.0.1', port: 5060 }

before(async () => {
    capture = await startCapture(wholeFile)
    peer = WebPeer.start(wholeFile)
})

const start = (t, srtp, sip = {}) => Gateway.start(t, { sip: { srtp, ...sip }, media: { ice_timeout_ms: 3000, dtls_threads: 2 } })
const phone = (t, gateway, name = 'anna') => Phone.open(t, gateway, peer, name)

const hears = (call, hz, ms = 6000) => until(async () => {
    const { sound } = await call.stats(hz)
    return sound && Math.abs((sound.hz ?? sound.peak_hz) - hz) < 20 && sound
}, `hears ${hz} Hz`, ms, 50)

const sipLeg = async (gateway, call) => {
    const show = await gateway.ctl('call', 'show', call.gatewayId)
    return show.leg_a.kind === 'sip' ? show.leg_a : show.legs_b[0]
}

async function soundBothWays(call, bob) {
    await call.tone(1000)
    await hears(call, 700)
    await bob.hears(1000)
}

async function showsProtection(gateway, call, keying, suite) {
    const leg = await sipLeg(gateway, call)
    assert.equal(leg.protection[0].keying, keying)
    assert.match(leg.streams[0].srtp, suite)
}

const rows = [
    // ours, baresip's mediaenc, what comes of calling it, what comes of its call
    ['sdes', 'srtp-mand', 'sdes', 'sdes'],
    ['optional', 'srtp', 'sdes', 'sdes'],
    ['optional', undefined, 'none', 'none'],
    ['off', undefined, 'none', 'none'],
    ['dtls', 'dtls_srtp', 'dtls', 'dtls'],
]

for (const [srtp, mediaenc, called, calling] of rows)
    test(`srtp ${srtp}, baresip with ${mediaenc ?? 'plain RTP'}: sound both ways, called and calling`, async (t) => {
        const gateway = await start(t, srtp)
        const bob = await Baresip.start(t, { mediaenc, hz: 700, rtcpMux: mediaenc === 'dtls_srtp' })
        const anna = await phone(t, gateway)
        const call = await (await anna.start(bob.uri)).answered()
        await soundBothWays(call, bob)
        await showsProtection(gateway, call, called, called === 'none' ? /none/ : /^SRTP_/)
        await call.end()
        await bob.expect('CALL_CLOSED')

        bob.dial('sip:anna@127.0.0.1:5060')
        const back = await (await anna.incoming()).answer()
        await soundBothWays(back, bob)
        await showsProtection(gateway, back, calling, calling === 'none' ? /none/ : /^SRTP_/)
        await back.end()
        await bob.expect('CALL_CLOSED')
        await gateway.stop()
    })

// ── By hand: offers and answers line by line ──

const lines = (proto, more = []) => [`m=audio PORT ${proto} 8`, 'a=rtpmap:8 PCMA/8000', ...more, 'a=sendrecv']
const body = (end, proto, more) => sdp({ port: end.port, lines: lines(proto, more) })
const remember = (text) => cryptoLines(text).forEach((line) => secrets.add(line.key))

// Nothing that people can read shows a key.
async function keepsSecrets(gateway, id) {
    const texts = [gateway.program.text, JSON.stringify(await gateway.ctl('call', 'show', id).catch(() => '')), JSON.stringify(await gateway.ctl('call', 'ladder', id)),
        JSON.stringify(await gateway.ctl('stats'))]
    assert.ok(secrets.size > 0)
    for (const key of secrets) for (const text of texts) assert.ok(!text.includes(key), 'a key is shown')
}

// Anna calls Bob, who answers by hand.
async function called(t, gateway) {
    const bob = await SipPeer.open(t)
    const anna = await phone(t, gateway)
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    remember(invite.body)
    return { bob, anna, call, invite }
}

// … and is up, by SDES. `seq`: where his sequence numbers begin.
async function securedCall(t, gateway, { proto = 'RTP/SAVP', seq, rest = '' } = {}) {
    const all = await called(t, gateway)
    const end = await SrtpEnd.open(t, { seq })
    const { tag } = cryptoLines(all.invite.body).find((line) => line.suite === 'AES_CM_128_HMAC_SHA1_80')
    end.rx = [keyOf(all.invite.body)]
    all.bob.reply(all.invite, 200, 'OK', { body: body(end, proto, [end.tx.line(tag, rest)]) })
    await all.bob.expect('ACK')
    await all.call.answered()
    await all.call.tone(1000)
    end.play(700, rtpPortOf(all.invite.body))
    await hears(all.call, 700)
    await end.hears(1000)
    return { ...all, end, tag, dialog: all.bob.dialogOf(all.invite) }
}

async function hangUp(call, bob) {
    const ended = call.end()
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    return ended
}

async function reinvite(bob, dialog, text) {
    remember(text)
    bob.request('INVITE', '', target, { dialog, body: text })
    const answer = await bob.expect((m) => m.status >= 200 && /INVITE/.test(m.get('cseq')))
    bob.request('ACK', '', target, { dialog })
    remember(answer.body)
    return answer
}

test('sdes: offered best first, each line with a tag and a key of its own; a keepable secret', async (t) => {
    const gateway = await start(t, 'sdes')
    const { bob, call, invite, end } = await securedCall(t, gateway)
    const offered = cryptoLines(invite.body)
    assert.match(invite.body, /^m=audio \d+ RTP\/SAVP /m)
    assert.deepEqual(offered.map((line) => line.suite), ['AEAD_AES_128_GCM', 'AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_256_GCM', 'AES_256_CM_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'])
    assert.equal(new Set(offered.map((line) => line.tag)).size, offered.length)
    assert.equal(new Set(offered.map((line) => line.key)).size, offered.length)
    await showsProtection(gateway, call, 'sdes', /^SRTP_AES128_CM_HMAC_SHA1_80$/)
    assert.equal(end.foreign, 0)
    secrets.add(end.tx.base64)
    await hangUp(call, bob)
    await keepsSecrets(gateway, call.gatewayId)
    await gateway.stop()
})

test('an MKI in the answer and in its packets is borne', async (t) => {
    const gateway = await start(t, 'optional')
    const { bob, call, invite, end } = await securedCall(t, gateway, { proto: 'RTP/AVP', rest: '|2^31|1:4' })
    assert.match(invite.body, /^m=audio \d+ RTP\/AVP /m)
    const seal = end.tx.seal.bind(end.tx)
    end.tx.seal = (packet) => {
        const sealed = seal(packet)
        return Buffer.concat([sealed.subarray(0, -10), Buffer.from([0, 0, 0, 1]), sealed.subarray(-10)])
    }
    end.play(500)
    await hears(call, 500)
    await hangUp(call, bob)
    await gateway.stop()
})

test('re-offers: the same key goes on past a wrap, hold keeps it; another key brings another of ours, and loses nothing', async (t) => {
    const gateway = await start(t, 'sdes')
    const { bob, anna, call, end, tag, dialog, invite } = await securedCall(t, gateway, { seq: 65450 })
    await until(() => end.tx.roc === 1, 'the sequence numbers wrap', 8000)
    const same = await reinvite(bob, dialog, body(end, 'RTP/SAVP', [end.tx.line(tag)]))
    assert.equal(same.status, 200)
    assert.deepEqual(cryptoLines(same.body), cryptoLines(invite.body).filter((line) => line.tag === tag))
    await hears(call, 700)
    await end.hears(1000)

    await anna.client.call('call.hold', { call: call.call })
    const hold = await bob.expect('INVITE')
    assert.deepEqual(cryptoLines(hold.body), cryptoLines(same.body))
    assert.match(hold.body, /a=sendonly/)
    bob.reply(hold, 200, 'OK', { body: body(end, 'RTP/SAVP', [end.tx.line(tag)]).replace('a=sendrecv', 'a=recvonly') })
    await bob.expect('ACK')
    await anna.client.call('call.resume', { call: call.call })
    const resume = await bob.expect('INVITE')
    bob.reply(resume, 200, 'OK', { body: body(end, 'RTP/SAVP', [end.tx.line(tag)]) })
    await bob.expect('ACK')
    await hears(call, 700)
    await end.hears(1000)

    const before = (await sipLeg(gateway, call)).streams[0]
    const key = new SrtpKey()
    const other = await reinvite(bob, dialog, body(end, 'RTP/SAVP', [key.line(9)]))
    assert.equal(cryptoLines(other.body)[0].tag, 9)
    assert.notEqual(cryptoLines(other.body)[0].key, cryptoLines(same.body)[0].key)
    end.learn(keyOf(other.body)) // what was sealed with the one before may still come
    await until(() => end.rx[1].last !== undefined, 'packets with the new key')
    key.roc = 0
    end.tx = key // some packets later than it was said
    await hears(call, 700)
    await end.hears(1000)
    const after = (await sipLeg(gateway, call)).streams[0]
    assert.equal(after.rx_dropped, before.rx_dropped)
    assert.equal(end.foreign, 0)
    await hangUp(call, bob)
    await keepsSecrets(gateway, call.gatewayId)
    await gateway.stop()
})

test('early media of one fork, the answer of another: each with its own key', async (t) => {
    const gateway = await start(t, 'sdes')
    const { bob, call, invite } = await called(t, gateway)
    const [first, second] = [await SrtpEnd.open(t), await SrtpEnd.open(t)]
    const suite = (name) => cryptoLines(invite.body).find((line) => line.suite === name).tag
    for (const end of [first, second]) {
        end.rx = [keyOf(invite.body)]
        end.tag = suite('AES_CM_128_HMAC_SHA1_80')
        end.to = rtpPortOf(invite.body)
    }
    bob.reply(invite, 183, 'Session Progress', { tag: 'one', body: body(first, 'RTP/SAVP', [first.tx.line(first.tag)]) })
    const early = await call.client.expect('call.progress', (e) => e.sdp)
    await peer.command('web.answer', { id: call.id, sdp: early.sdp })
    await peer.event(call.id, 'connected')
    first.play(500)
    await hears(call, 500)
    bob.reply(invite, 200, 'OK', { tag: 'two', body: body(second, 'RTP/SAVP', [second.tx.line(second.tag)]) })
    await bob.expect('ACK')
    await call.client.expect('call.answer', { call: call.call })
    second.play(700)
    await hears(call, 700)
    await call.tone(1000)
    await second.hears(1000)
    await hangUp(call, bob)
    await gateway.stop()
})

test('forks of different keys take turns: each is understood, by its own', async (t) => {
    const gateway = await start(t, 'sdes')
    const { bob, call, invite } = await called(t, gateway)
    const { tag } = cryptoLines(invite.body).find((line) => line.suite === 'AES_CM_128_HMAC_SHA1_80')
    const [one, two] = [await SrtpEnd.open(t), await SrtpEnd.open(t)]
    for (const end of [one, two]) Object.assign(end, { rx: [keyOf(invite.body)], to: rtpPortOf(invite.body) })
    bob.reply(invite, 183, 'Session Progress', { tag: 'one', body: body(one, 'RTP/SAVP', [one.tx.line(tag)]) })
    const early = await call.client.expect('call.progress', (e) => e.sdp)
    await peer.command('web.answer', { id: call.id, sdp: early.sdp })
    await peer.event(call.id, 'connected')
    one.play(500)
    await hears(call, 500)
    bob.reply(invite, 183, 'Session Progress', { tag: 'two', body: body(two, 'RTP/SAVP', [two.tx.line(tag)]) })
    two.play(700)
    await hears(call, 700)
    clearInterval(two.timer)
    await hears(call, 500)
    bob.reply(invite, 200, 'OK', { tag: 'one' })
    await bob.expect('ACK')
    await call.client.expect('call.answer', { call: call.call })
    await call.tone(1000)
    await one.hears(1000)
    await hears(call, 500)
    await hangUp(call, bob)
    await gateway.stop()
})

test('a call without offer: ours is protected, the ACK brings the answer', async (t) => {
    const gateway = await start(t, 'sdes')
    const bob = await SipPeer.open(t)
    const anna = await phone(t, gateway)
    const dialog = bob.request('INVITE', 'sip:anna@127.0.0.1:5060', target)
    const call = await (await anna.incoming()).answer()
    const ok = await bob.expect(200)
    remember(ok.body)
    SipPeer.follow(dialog, ok)
    const end = await SrtpEnd.open(t)
    end.rx = [keyOf(ok.body)]
    const { tag } = cryptoLines(ok.body).find((line) => line.suite === 'AES_CM_128_HMAC_SHA1_80')
    bob.request('ACK', '', target, { dialog, body: body(end, 'RTP/SAVP', [end.tx.line(tag)]) })
    await call.tone(1000)
    end.play(700, rtpPortOf(ok.body))
    await hears(call, 700)
    await end.hears(1000)
    await hangUp(call, bob)
    await gateway.stop()
})

// ── What must be refused ──

const refusedAnswers = [
    ['plain RTP', (end) => body(end, 'RTP/AVP')],
    ['SAVP without a line', (end) => body(end, 'RTP/SAVP')],
    ['a tag we did not offer', (end) => body(end, 'RTP/SAVP', [end.tx.line(99)])],
    ['a line that cannot be used', (end, tag) => body(end, 'RTP/SAVP', [end.tx.line(tag, ' UNENCRYPTED_SRTP')])],
]
for (const [what, answer] of refusedAnswers)
    test(`sdes, answered with ${what}: not-secure, and nothing was sent`, async (t) => {
        const gateway = await start(t, 'sdes')
        const { bob, call, invite } = await called(t, gateway)
        const end = await SrtpEnd.open(t)
        const { tag } = cryptoLines(invite.body).find((line) => line.suite === 'AES_CM_128_HMAC_SHA1_80')
        bob.reply(invite, 200, 'OK', { body: answer(end, tag) })
        await bob.expect('ACK')
        bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
        const ended = await call.ended()
        assert.deepEqual([ended.reason, ended.by], ['not-secure', 'gateway'])
        assert.equal(end.opened + end.foreign, 0)
        await gateway.stop()
    })

const offers = [
    // ours, srtp_accept, their offer, what it gets
    ['sdes', [], 'RTP/AVP', [], 488],
    ['sdes', [], 'RTP/SAVP', ['a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA'], 488],
    ['sdes', [], 'RTP/SAVP', [`${new SrtpKey().line(1)} KDR=24`], 488],
    ['dtls', [], 'RTP/SAVP', [new SrtpKey().line(1)], 488],
    ['off', ['rtp'], 'RTP/SAVP', [new SrtpKey().line(1)], 488],
    ['off', ['rtp'], 'RTP/AVP', [new SrtpKey().line(1)], 200],
    ['off', [], 'RTP/SAVP', [`${new SrtpKey().line(1)} UNENCRYPTED_SRTP`, new SrtpKey().line(2)], 200],
    ['off', [], 'RTP/SAVPF', [new SrtpKey().line(3)], 200],
    ['optional', [], 'RTP/AVP', [new SrtpKey().line(4)], 200],
    ['optional', [], 'RTP/AVP', [], 200],
]
test('offers of others: what each policy takes, and how it answers', async (t) => {
    for (const [srtp, srtp_accept, proto, more, want] of offers) {
        const gateway = await start(t, srtp, { srtp_accept })
        const bob = await SipPeer.open(t)
        const anna = await phone(t, gateway)
        const end = await SrtpEnd.open(t)
        const what = `${srtp}/${srtp_accept}: ${proto} ${more}`
        const dialog = bob.request('INVITE', 'sip:anna@127.0.0.1:5060', target, { body: body(end, proto, more) })
        if (want === 200) await (await anna.incoming()).answer()
        const answer = await bob.expect((m) => m.status >= 200 && /INVITE/.test(m.get('cseq')))
        assert.equal(answer.status, want, what)
        if (want === 200) {
            const taken = srtp_accept.includes('rtp') ? [] : more.slice(-1)
            assert.ok(answer.body.includes(` ${proto} `), `${what}: ${answer.body}`)
            assert.deepEqual(cryptoLines(answer.body).map((c) => c.tag), taken.map((l) => Number(/:(\d+)/.exec(l)[1])), what)
            bob.request('ACK', '', target, { dialog: SipPeer.follow(dialog, answer) })
            bob.request('BYE', '', target, { dialog })
            await bob.expect((m) => m.status === 200 && /BYE/.test(m.get('cseq')))
        } else bob.request('ACK', 'sip:anna@127.0.0.1:5060', target, { dialog: SipPeer.follow(dialog, answer), branch: dialog.branch })
        await gateway.stop()
    }
})

// ── DTLS with OpenSSL's server: the certificate is what it is, the SDP what we say ──

async function opensslServer(t) {
    const dir = tempDir(t, 'dtls')
    const files = ['-keyout', path.join(dir, 'key.pem'), '-out', path.join(dir, 'cert.pem')]
    assert.equal((await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=bob', '-days', '2', ...files])).code, 0)
    const { text } = await run('openssl', ['x509', '-noout', '-fingerprint', '-sha256', '-in', path.join(dir, 'cert.pem')])
    const end = await SrtpEnd.open(t) // for a pair of ports
    await new Promise((resolve) => end.socket.close(resolve))
    end.socket = { close() {} }
    const args = `-dtls1_2 -accept 127.0.0.1:${end.port} -key ${dir}/key.pem -cert ${dir}/cert.pem -use_srtp SRTP_AES128_CM_SHA1_80 -Verify 1 -verify_quiet`
    // It ends when its input does.
    const server = new Program(t, 'openssl', 'sh', ['-c', `tail -f /dev/null | exec openssl s_server ${args}`], { peer: true })
    await server.waitFor(/ACCEPT/)
    return { port: end.port, print: /=([0-9A-F:]+)/.exec(text)[1], server }
}

const dtlsBody = ({ port }, print, setup) => sdp({ port, lines: lines('UDP/TLS/RTP/SAVP', [`a=fingerprint:SHA-256 ${print}`, `a=setup:${setup}`, 'a=rtcp-mux']) })

test('dtls: we say hello; the certificate must be the one announced', async (t) => {
    const gateway = await start(t, 'dtls')
    for (const honest of [true, false]) {
        const far = await opensslServer(t)
        const { bob, call, invite } = await called(t, gateway)
        assert.match(invite.body, /^m=audio \d+ UDP\/TLS\/RTP\/SAVP /m)
        assert.match(invite.body, /^a=setup:actpass\r$/m)
        assert.match(invite.body, /^a=fingerprint:sha-256 [0-9A-F:]{95}\r$/m)
        const print = honest ? far.print : far.print.replace(/^../, (byte) => (byte === '00' ? '11' : '00'))
        bob.reply(invite, 200, 'OK', { body: dtlsBody(far, print, 'passive') })
        await bob.expect('ACK')
        if (honest) {
            await call.answered()
            await until(async () => (await sipLeg(gateway, call)).protection[0].done, 'the handshake is done')
            await showsProtection(gateway, call, 'dtls', /^SRTP_AES128_CM_HMAC_SHA1_80$/)
            assert.equal((await sipLeg(gateway, call)).protection[0].role, 'active')
            await hangUp(call, bob)
        } else {
            bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
            const ended = await call.ended()
            assert.deepEqual([ended.reason, ended.by], ['fingerprint', 'gateway'])
        }
    }
    await gateway.stop()
})

test('dtls: two forks with a certificate each; the one that answers is spoken to by its own', async (t) => {
    const gateway = await start(t, 'dtls')
    const [one, two] = [await opensslServer(t), await opensslServer(t)]
    assert.notEqual(one.print, two.print)
    const { bob, call, invite } = await called(t, gateway)
    const shakes = (far) => far.server.waitFor(/CIPHER is|Cipher is|SRTP Extension negotiated/i)
    bob.reply(invite, 183, 'Session Progress', { tag: 'one', body: dtlsBody(one, one.print, 'passive') })
    await shakes(one)
    bob.reply(invite, 183, 'Session Progress', { tag: 'two', body: dtlsBody(two, two.print, 'passive') })
    bob.reply(invite, 200, 'OK', { tag: 'two', body: dtlsBody(two, two.print, 'passive') })
    await bob.expect('ACK')
    await shakes(two)
    await until(async () => (await sipLeg(gateway, call)).protection[0].done, 'the handshake is done')
    await showsProtection(gateway, call, 'dtls', /^SRTP_AES128_CM_HMAC_SHA1_80$/)
    await hangUp(call, bob)
    await gateway.stop()
})

test('dtls: no handshake, no call; a wrong role or no fingerprint is refused at once', async (t) => {
    const gateway = await start(t, 'dtls')
    const print = Array(32).fill('AB').join(':')
    const cases = [
        [(end) => dtlsBody(end, print, 'active'), 'dtls'], // and then silence
        [(end) => dtlsBody(end, print, 'actpass'), 'not-secure'],
        [(end) => body(end, 'UDP/TLS/RTP/SAVP'), 'not-secure'],
        [(end) => body(end, 'RTP/AVP'), 'not-secure'],
    ]
    for (const [answer, reason] of cases) {
        const { bob, call, invite } = await called(t, gateway)
        const end = await SrtpEnd.open(t, { tx: null })
        bob.reply(invite, 200, 'OK', { body: answer(end) })
        await bob.expect('ACK')
        end.play(700, rtpPortOf(invite.body)) // plain, before any key
        bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
        const ended = await call.ended()
        assert.deepEqual([ended.reason, ended.by], [reason, 'gateway'])
        assert.equal(end.opened, 0)
    }
    await gateway.stop()
})

// ── Hostile ──

test('strangers, replays, plain packets and forgeries at a protected leg: dropped and counted, the call unharmed', async (t) => {
    const gateway = await start(t, 'sdes')
    const { bob, call, end, invite } = await securedCall(t, gateway)
    const port = rtpPortOf(invite.body)
    const { rx_dropped: before } = (await sipLeg(gateway, call)).streams[0]
    const refused = (await gateway.ctl('stats')).srtp_refused
    const lost = (await call.stats()).lost
    const plain = end.packet(300), replay = end.sent.at(-1)
    end.seq-- // the number is taken by a true packet
    for (let i = 0; i < 50; i++) {
        end.socket.send(plain, port, '127.0.0.1')
        end.socket.send(replay, port, '127.0.0.1')
        end.socket.send(new SrtpKey().seal(plain), port, '127.0.0.1')
        end.control.send(Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 7]), port + 1, '127.0.0.1')
        end.control.send(replay, port, '127.0.0.1') // another source
    }
    await until(async () => (await sipLeg(gateway, call)).streams[0].rx_dropped >= before + 200, 'all are counted', 6000, 100)
    assert.ok((await gateway.ctl('stats')).srtp_refused >= refused + 200)
    await hears(call, 700)
    assert.equal((await call.stats()).lost, lost)
    await hangUp(call, bob)
    await gateway.stop()
})

test('RTCP of a protected leg is SRTCP', async (t) => {
    const gateway = await start(t, 'sdes')
    const { bob, call, end } = await securedCall(t, gateway)
    await until(() => end.rtcp.length > 0, 'RTCP came', 8000, 50)
    for (const packet of end.rtcp) {
        const plain = end.rx[0].openRtcp(packet)
        assert.ok(plain, 'not SRTCP of the key')
        assert.ok(plain[1] === 200 || plain[1] === 201)
    }
    await hangUp(call, bob)
    await gateway.stop()
})

// To tshark SRTCP is RTCP, with rubbish in it; a test above opens it.
wireIsClean(() => capture, ['sip', 'sdp', 'dtls', 'rtp'], { but: 'rtcp || srtcp' })
