// Protected media on the SIP side: SDES, best effort and DTLS-SRTP with baresip, both directions; what
// must be refused; what a hostile far side may not do; keys that nobody may read.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { SipPeer, sdp } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let peer, capture
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
