// What callers bring with them, SIPp mostly: a codec nobody has, another one in the middle of the call, recorded keys.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { pcma, pcmu, scenario, sipp, step } from '../lib/sipp.mjs'
import { samplesOf } from '../lib/capture.mjs'
import { peakHz } from '../lib/audio.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const target = { host: '127.0.0.1', port: 5060 }

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile)
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name) => Phone.open(t, gateway, peer, name)
const hears = (call, hz, ms = 8000) => until(async () => {
    const { sound } = await call.stats(hz)
    return sound && Math.abs((sound.hz ?? sound.peak_hz) - hz) < 20 && sound
}, `hears ${hz} Hz`, ms, 50)

test('a caller whose codec no browser has, and which is not translated: 488 at once, and nobody is rung', async (t) => {
    const anna = await phone(t, 'unheard')
    const caller = await sipp(t, scenario.callRefused('unheard', 488, { body: [[18, 'G729/8000'], [101, 'telephone-event/8000']] }), { to: '127.0.0.1:5060' })
    await caller.passed(4000)
    assert.ok(!anna.client.queue.some(({ method }) => method === 'call.incoming'))
    const bob = await SipPeer.open(t)
    bob.request('INVITE', 'sip:unheard@127.0.0.1', target, { body: sdp({ lines: ['m=audio PORT RTP/AVP 18 8', 'a=rtpmap:18 G729/8000', 'a=rtpmap:8 PCMA/8000'] }) })
    assert.match((await anna.client.expect('call.incoming')).sdp, /PCMA/)
    await bob.expect(180)
})

for (const [name, key] of [['1', '1'], ['6', '6'], ['star', '*'], ['pound', '#']])
    test(`SIPp's recording of telephone-events, ${key}: the browser gets it, once`, async (t) => {
        const anna = await phone(t, `keys${name}`)
        const setUp = scenario.callAndEnd(`keys${name}`, 1500)
        const at = setUp.indexOf(step.tone())
        const caller = await sipp(t, setUp.map((one, n) => (n === at ? step.pause(300) + step.pcap(`dtmf_2833_${name}`) : one.replace('[rtpstream_audio_port]', '[media_port]'))), { to: '127.0.0.1:5060' })
        const call = await anna.incoming()
        await call.answer()
        const { info: { digit } } = await peer.event(call.id, 'dtmf')
        assert.equal(digit, key)
        await caller.passed()
        await call.ended()
        assert.equal(peer.events.filter((e) => e.id === call.id && e.event === 'dtmf').length, 0)
    })

test('another codec in the call: translation begins and ends with it, sound goes on both ways', async (t) => {
    const anna = await phone(t, 'changing')
    const offer = (n, body) => [step.reinvite(n, { body }), step.recvStatus(100, 'optional="true"'), step.recvStatus(200, 'rrs="true"'), step.ackOf2xx(n)]
    const caller = await sipp(t, [
        step.invite('changing', { body: pcma }), ...[100, 180, 183].map((status) => step.recvStatus(status, 'optional="true"')),
        step.recvStatus(200, 'rrs="true"'), step.ackOf2xx(), step.tone(), step.pause(3500),
        ...offer(2, pcmu), step.toneMu(), step.pause(3500), ...offer(3, pcma), step.tone(), step.pause(3500), step.bye(4), step.recvStatus(200),
    ], { to: '127.0.0.1:5060', hz: 440 })
    const call = await anna.incoming()
    await call.answer({ codecs: ['PCMA'] })
    await call.tone(1000)
    for (const [codec, transcoded] of [['PCMA/8000', false], ['PCMU/8000', true], ['PCMA/8000', false]]) {
        await until(async () => {
            const { leg_a } = await gateway.ctl('call', 'show', call.gatewayId ?? call.event.id)
            const [stream] = leg_a.streams
            return stream.rx_codec === codec && stream.tx_codec === codec && stream.transcoded === transcoded
        }, `${codec}, ${transcoded ? '' : 'not '}translated`, 8000, 50)
        await peer.command('stats', { id: call.id, reset: true })
        await hears(call, 440)
    }
    await caller.passed()
    await call.ended()
    for (const pt of [0, 8]) {
        const packets = capture.rtp((p) => p.sport >= 20000 && p.sport <= 29999).filter((p) => p.pt === pt).slice(-50)
        assert.ok(Math.abs(peakHz(samplesOf(packets)) - 1000) < 20, `payload type ${pt}`)
    }
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'rtp'])
