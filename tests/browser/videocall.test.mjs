// Video that comes and goes in a call: between two pages, and with SIP ends that take it or do not.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, browsers } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway, capture
const open = {}

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
        inbound: [{ match: '*', to: 'user:$' }],
    })
    for (const kind of browsers) open[kind] = await Browser.launch(wholeFile, kind)
})

// A page with a session of the library, and whatever call it has in `window.call`.
async function page(t, user, kind = 'chromium') {
    const page = await open[kind].page(t, gateway.http)
    await page.evaluate(async (guest) => {
        const { connect } = await import('/causeway.js')
        window.warnings = []
        window.videos = []
        const take = (call) => {
            window.call = call
            call.on('video', (flow) => window.videos.push(flow))
        }
        window.dial = async (to) => take(await window.session.call(to))
        window.session = await connect('', { guest, logger: { warn: (text) => window.warnings.push(text) } })
        window.session.on('call', (call) => {
            take(call)
            void call.answer()
        })
    }, user)
    return page
}

// Frames decoded of what comes in, and whether they grow.
const decoded = (page) => page.evaluate(async () => {
    const report = await window.call.pc.getStats()
    return [...report.values()].filter((s) => s.type === 'inbound-rtp' && s.kind === 'video').reduce((n, s) => n + (s.framesDecoded ?? 0), 0)
})
async function sees(page, what) {
    const from = await decoded(page)
    await until(async () => await decoded(page) >= from + 20, `${what}: 20 frames decoded`, 10000, 100)
}
async function seesNothing(page) {
    let last = -1
    await until(async () => {
        const now = await decoded(page)
        const same = now === last
        last = now
        return same
    }, 'no more frames', 10000, 400)
}
const flow = (page, want, what) => page.until((w) => window.call.video.local === w.local && window.call.video.remote === w.remote, want, what)
const active = (page) => page.until(() => window.call?.state === 'active', null, 'the call is active')
const directions = (page) => page.evaluate(() => window.call.pc.getTransceivers().filter((t) => t.receiver.track.kind === 'video').map((t) => t.currentDirection))

async function talking(t, names, kind) {
    const [anna, bert] = [await page(t, names[0], kind), await page(t, names[1])]
    await anna.evaluate((to) => window.dial(to), `user:${names[1]}`)
    await active(anna)
    await active(bert)
    return [anna, bert]
}

for (const kind of browsers) test(`${kind} and chromium: one adds video, then the other; one removes it, then the other`, async (t) => {
    const [anna, bert] = await talking(t, [`anna1${kind}`, `bert1${kind}`], kind)
    await anna.evaluate(() => window.call.addVideo())
    await flow(anna, { local: true, remote: false }, 'anna sends video')
    await flow(bert, { local: false, remote: true }, 'bert gets video')
    await sees(bert, 'bert')

    await bert.evaluate(() => window.call.addVideo())
    await flow(anna, { local: true, remote: true }, 'anna sends and gets video')
    await flow(bert, { local: true, remote: true }, 'bert sends and gets video')
    await sees(anna, 'anna')
    await sees(bert, 'bert')

    await anna.evaluate(() => window.call.removeVideo())
    await flow(anna, { local: false, remote: true }, 'anna gets video')
    await flow(bert, { local: true, remote: false }, 'bert sends video')
    await sees(anna, 'anna')
    await seesNothing(bert)

    await bert.evaluate(() => window.call.removeVideo())
    await flow(anna, { local: false, remote: false }, 'no video at anna')
    await flow(bert, { local: false, remote: false }, 'no video at bert')

    await bert.evaluate(() => window.call.addVideo())
    await flow(anna, { local: false, remote: true }, 'anna gets video again')
    await sees(anna, 'anna again')
    for (const one of [anna, bert]) assert.deepEqual(one.errors, [])
})

test('both add video at once', async (t) => {
    const [anna, bert] = await talking(t, ['anna2', 'bert2'])
    await Promise.all([anna, bert].map((one) => one.evaluate(() => window.call.addVideo())))
    await flow(anna, { local: true, remote: true }, 'anna')
    await flow(bert, { local: true, remote: true }, 'bert')
    await sees(anna, 'anna')
    await sees(bert, 'bert')
})

test('echo: the video one adds comes back', async (t) => {
    const anna = await page(t, 'anna3')
    await anna.evaluate(() => window.dial('echo'))
    await active(anna)
    await anna.evaluate(() => window.call.addVideo())
    await flow(anna, { local: true, remote: true }, 'video both ways')
    await sees(anna, 'anna')
})

test('baresip has no video: the page is told, sound goes on', async (t) => {
    const bob = await Baresip.start(t, { hz: 700 })
    const anna = await page(t, 'anna4')
    await anna.evaluate((to) => window.dial(to), bob.uri)
    await active(anna)
    await anna.evaluate(() => window.call.addVideo())
    await anna.until(() => window.call.pc.getTransceivers().some((x) => x.receiver.track.kind === 'video' && x.currentDirection === 'stopped' || x.stopped)
        || window.call.pc.getTransceivers().every((x) => x.receiver.track.kind !== 'video'), null, 'its video section is gone')
    await flow(anna, { local: false, remote: false }, 'no video')
    const [{ id }] = await gateway.ctl('calls')
    const before = (await gateway.ctl('call', 'show', id)).leg_a.streams[0].tx_packets
    await until(async () => (await gateway.ctl('call', 'show', id)).leg_a.streams[0].tx_packets > before + 25, 'sound goes on')
    await anna.evaluate(() => window.call.hangup())
})

// A SIP end written out: what it is offered, what it answers.
async function sipCall(t, user) {
    const bob = await SipPeer.open(t)
    const anna = await page(t, user)
    const dialling = anna.evaluate((to) => window.dial(to), `sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const audio = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 42000 RTP/AVP 8', 'a=rtpmap:8 PCMA/8000', '']
    const sdp = (video, version) => audio.join('\r\n').replace('1 1 IN', `1 ${version} IN`) + video.map((line) => `${line}\r\n`).join('')
    bob.reply(invite, 200, 'OK', { body: sdp([], 1) })
    await bob.expect('ACK')
    await dialling
    await active(anna)
    return { bob, anna, sdp, dialog: bob.dialogOf(invite) }
}

test('SIP: a re-INVITE offers the video; an answer with H264 is what the page then sends', async (t) => {
    const { bob, anna, sdp } = await sipCall(t, 'anna5')
    await anna.evaluate(() => window.call.addVideo())
    const offer = await bob.expect('INVITE')
    assert.match(offer.body, /m=audio [1-9]\d* [^\r]*\r\n[^]*m=video [1-9]\d* RTP\/AVPF? /)
    const h264 = [...offer.body.matchAll(/a=rtpmap:(\d+) H264\/90000/g)].map(([, pt]) => pt).find((pt) => new RegExp(`a=fmtp:${pt} [^\r]*packetization-mode=1`).test(offer.body))
    bob.reply(offer, 200, 'OK', { body: sdp([`m=video 42002 RTP/AVP ${h264}`, `a=rtpmap:${h264} H264/90000`, `a=fmtp:${h264} profile-level-id=42e01f;packetization-mode=1`], 2) })
    await bob.expect('ACK')
    await flow(anna, { local: true, remote: true }, 'video both ways')
    await until(async () => {
        const report = await anna.evaluate(async () => [...(await window.call.pc.getStats()).values()])
        const out = report.find((s) => s.type === 'outbound-rtp' && s.kind === 'video')
        return out?.framesSent > 10 && report.find((s) => s.id === out.codecId).mimeType === 'video/H264'
    }, 'the page sends H264')

    await anna.evaluate(() => window.call.removeVideo())
    const gone = await bob.expect('INVITE')
    assert.match(gone.body, /m=video [1-9]\d* [^]*a=recvonly|m=video [1-9]\d* [^]*a=sendonly|m=video 0/)
    bob.reply(gone, 200, 'OK', { body: sdp([`m=video 0 RTP/AVP ${h264}`], 3) })
    await bob.expect('ACK')
    await flow(anna, { local: false, remote: false }, 'no video')
    const bye = bob.expect('BYE').then((m) => bob.reply(m, 200, 'OK', { contact: false }))
    await anna.evaluate(() => window.call.hangup())
    await bye
})

test('SIP: a refusal by port 0 and one by 488 leave the sound alone', async (t) => {
    const { bob, anna, sdp } = await sipCall(t, 'anna6')
    await anna.evaluate(() => window.call.addVideo())
    const offer = await bob.expect('INVITE')
    bob.reply(offer, 200, 'OK', { body: sdp(['m=video 0 RTP/AVP 96'], 2) })
    await bob.expect('ACK')
    await until(async () => (await directions(anna)).every((d) => d === null || d === 'stopped' || d === 'inactive'), 'video is refused')
    await anna.evaluate(() => window.call.removeVideo())
    await anna.evaluate(() => window.call.addVideo())
    const again = await bob.expect('INVITE')
    bob.reply(again, 488, 'Not Acceptable Here', { contact: false })
    await bob.expect('ACK')
    await until(async () => (await directions(anna)).every((d) => d === null || d === 'stopped' || d === 'inactive'), 'video is refused again')
    assert.equal(await anna.evaluate(() => window.call.state), 'active')
    const bye = bob.expect('BYE').then((m) => bob.reply(m, 200, 'OK', { contact: false }))
    await anna.evaluate(() => window.call.hangup())
    await bye
})

test('SIP adds video: the page gets it without asking, and sends its own when it likes', async (t) => {
    const { bob, anna, sdp, dialog } = await sipCall(t, 'anna7')
    const target = { host: '127.0.0.1', port: 5060 }
    const video = ['m=video 42002 RTP/AVP 97', 'a=rtpmap:97 VP8/90000']
    bob.request('INVITE', '', target, { dialog, body: sdp(video, 2) })
    const first = await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    assert.match(first.body, /m=video [1-9]/)
    bob.request('ACK', '', target, { dialog })
    const offer = await bob.expect('INVITE')
    assert.match(offer.body, /m=video [1-9][^]*a=recvonly/)
    bob.reply(offer, 200, 'OK', { body: sdp([...video, 'a=sendonly'], 3) })
    await bob.expect('ACK')
    await flow(anna, { local: false, remote: true }, 'the page gets video')
    await anna.evaluate(() => window.call.addVideo())
    const both = await bob.expect('INVITE')
    assert.match(both.body, /m=video [1-9][^]*a=sendrecv/)
    bob.reply(both, 200, 'OK', { body: sdp(video, 4) })
    await bob.expect('ACK')
    await flow(anna, { local: true, remote: true }, 'video both ways')
    const bye = bob.expect('BYE').then((m) => bob.reply(m, 200, 'OK', { contact: false }))
    await anna.evaluate(() => window.call.hangup())
    await bye
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
