// The browser on one family of addresses, the SIP side on either; several addresses for browsers; what
// a browser may say of its candidates.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { listen: ['udp:127.0.0.1:5060', 'udp:[::1]:5060'] },
        media: { browser_listen: ['127.0.0.1', '::1', '10.99.0.1'], rtp_listen: ['127.0.0.1', '::1'], public_address: [] },
        webrtc: { candidates_max: 20 },
    })
    peer = WebPeer.start(wholeFile)
})

async function hears(id, hz) {
    await peer.command('stats', { id, reset: true })
    return await until(async () => {
        const { sound: s } = await peer.stats(id, hz)
        return s && Math.abs((s.hz ?? s.peak_hz) - hz) < 20
    }, `endpoint ${id} hears ${hz} Hz`, 6000, 50)
}

// A SIP end whose sound is an RTP endpoint's of the webpeer.
async function voice(t, addr, { sdp } = {}) {
    const id = peer.nextId++
    const mine = await peer.command(sdp ? 'rtp.accept' : 'rtp.offer', { id, codecs: ['PCMA'], addr, ...(sdp ? { sdp } : {}) })
    t.after(() => peer.command('close', { id }).catch(() => {}))
    return { id, sdp: mine.sdp }
}

async function bothHear(web, rtp) {
    await peer.command('send', { id: web, codec: 'PCMA', pps: 50, tone_hz: 1000 })
    await peer.command('send', { id: rtp, codec: 'PCMA', pps: 50, tone_hz: 440 })
    await hears(web, 440)
    await hears(rtp, 1000)
}

const families = { IPv4: '127.0.0.1', IPv6: '::1' }
for (const [browser, web] of Object.entries(families))
    for (const [side, host] of Object.entries(families)) {
        test(`browser on ${browser} calls SIP on ${side}`, async (t) => {
            const bob = await SipPeer.open(t, { host })
            const anna = await Phone.open(t, gateway, peer, 'anna')
            const call = await anna.start(`sip:bob@${bob.address}`, { addr: web })
            const invite = await bob.expect('INVITE')
            assert.match(invite.body, side === 'IPv6' ? /c=IN IP6 ::1/ : /c=IN IP4 127\.0\.0\.1/)
            const { id, sdp } = await voice(t, host, { sdp: invite.body })
            bob.reply(invite, 200, 'OK', { body: sdp })
            await bob.expect('ACK')
            await call.answered()
            await bothHear(call.id, id)
            const show = await gateway.ctl('call', 'show', call.gatewayId)
            const where = browser === 'IPv6' ? /^\[::1\]:/ : /^127\.0\.0\.1:/
            assert.match(show.leg_a.transport.ice.local, where)
            assert.match(show.leg_a.transport.ice.remote, where)
            assert.equal(show.leg_a.transport.ice.mode, 'lite')
            const ended = call.end()
            bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
            await ended
        })

        test(`SIP on ${side} calls a browser on ${browser}`, async (t) => {
            const bob = await SipPeer.open(t, { host })
            const anna = await Phone.open(t, gateway, peer, 'anna')
            const { id, sdp } = await voice(t, host)
            const target = { host, port: 5060 }
            const dialog = bob.request('INVITE', `sip:anna@${host.includes(':') ? `[${host}]` : host}:5060`, target, { body: sdp })
            const call = await (await anna.incoming()).answer({ addr: web })
            const answer = await bob.expect(200)
            bob.request('ACK', '', target, { dialog: SipPeer.follow(dialog, answer) })
            await peer.command('rtp.answer', { id, sdp: answer.body })
            await bothHear(call.id, id)
            const ended = call.end()
            bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
            await ended
        })
    }

test('candidates: odd ones are taken, what is none gets a clear error, too many end', async (t) => {
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await (await anna.start('echo')).answered()
    const candidate = (text) => anna.client.call('call.candidate', { call: call.call, candidate: text, mid: '0' })
    const refused = (text, kind, message) => assert.rejects(candidate(text), (error) => error.data.kind === kind && message.test(error.message))
    const odd = ['candidate:1 1 UDP 2122252543 0b7e2f6e-1.local 54400 typ host', 'candidate:2 1 TCP 2105524479 192.0.2.1 9 typ host tcptype active',
        'candidate:3 1 udp 1 192.0.2.1 1 typ relay raddr 0.0.0.0 rport 0', 'candidate:4 1 sctp 1 192.0.2.1 1 typ tomorrow', '', null]
    for (const text of odd) await candidate(text)
    for (const text of ['hello', 'candidate:', 'candidate:1 1 udp 1 192.0.2.1 99999 typ host']) await refused(text, 'bad-params', /no ICE candidate/)
    for (let i = 4; i < 20; i++) await candidate(odd[0])
    await refused(odd[0], 'overload', /candidates_max/)
    await call.tone(1000)
    await hears(call.id, 1000)
    await call.end()
})

wireIsClean(() => capture, ['sip', 'rtp', 'stun'])
