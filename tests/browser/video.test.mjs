// Pictures between browsers, and between a browser and baresip: frames both ways, the bit rate finds
// the path's, reports tell the truth.
import dgram from 'node:dgram'
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { Browser, browsers } from '../lib/browser.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway, capture
const open = {}

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'], rtcp_interval_ms: 1000 },
    })
    for (const kind of browsers) open[kind] = await Browser.launch(wholeFile, kind)
})

// A page with the library alone, logged in; it answers calls with camera and microphone.
let users = 0
async function user(t, kind, large = false) {
    const name = `${kind}${++users}`
    const page = await open[kind].page(t, `${gateway.http}/?raw=1`)
    await page.evaluate(async ([http, who, width]) => {
        const { connect } = await import('/causeway.js')
        const camera = () => navigator.mediaDevices.getUserMedia({ audio: true, video: { width, height: (width * 9) / 16 } })
        window.session = await connect(http, { guest: who })
        const take = (call) => {
            window.call = call
            const video = document.createElement('video')
            document.body.append(video)
            video.muted = true
            call.attach(video)
        }
        window.dial = async (to) => {
            const call = await window.session.call(to, { stream: await camera() })
            take(call)
            await call.answered
        }
        window.session.on('call', async (call) => {
            await call.answer({ stream: await camera() })
            take(call)
        })
        // What getStats() says of the pictures, one row a type.
        window.rows = async () => {
            const rows = {}
            for (const row of (await window.call.pc.getStats()).values())
                if (row.kind === 'video' || row.type === 'transport') rows[row.type] = { ...row }
            return rows
        }
    }, [gateway.http, name, large ? 1280 : 320])
    return Object.assign(page, { name, rows: () => page.evaluate(() => window.rows()) })
}

const dial = (page, to) => page.evaluate((uri) => window.dial(uri), to)
const hangup = (page) => page.evaluate(() => window.call.hangup())
async function decodes(page, frames, ms = 15000) {
    let row
    try {
        return await until(async () => {
            ({ 'inbound-rtp': row } = await page.rows().catch(() => ({})))
            return row?.framesDecoded >= frames && row
        }, `${page.name} decodes ${frames} frames`, ms, 200)
    } catch (error) {
        throw new Error(`${error.message}; last: ${JSON.stringify(row)}`)
    }
}

// The rate that leaves `page`, over a second, once it is above `kbps`.
async function sends(page, kbps, ms = 60000) {
    let last, rate
    try {
        return await until(async () => {
            const { 'outbound-rtp': row } = await page.rows()
            if (last && row.timestamp - last.timestamp < 1000) return false
            rate = last && (row.bytesSent - last.bytesSent) * 8 / (row.timestamp - last.timestamp)
            last = row
            return rate > kbps && rate
        }, `${page.name} sends more than ${kbps} kbit/s`, ms, 200)
    } catch (error) {
        const { availableOutgoingBitrate } = await page.evaluate(async () => [...(await window.call.pc.getStats()).values()].find((row) => row.nominated) ?? {})
        throw new Error(`${error.message}; last ${rate}, of ${availableOutgoingBitrate / 1000} available; ${JSON.stringify(last)}`)
    }
}

for (const [from, to] of [['chromium', 'chromium'], ['chromium', 'firefox'], ['firefox', 'chromium']])
    test(`${from} calls ${to}: frames both ways, above 600 kbit/s, round trips reported`, async (t) => {
        // One large picture a call: coding it is most of the machine's work here.
        const a = await user(t, from, from === 'chromium')
        const b = await user(t, to, from !== 'chromium')
        await dial(a, `user:${b.name}`)
        await Promise.all([decodes(a, 30), decodes(b, 30)])
        await sends(from === 'chromium' ? a : b, 600)
        for (const page of [a, b].filter(({ kind }) => kind === 'chromium')) {
            const remote = await until(async () => {
                const row = (await page.rows())['remote-inbound-rtp']
                return row?.roundTripTime !== undefined && row
            }, `${page.name} learns its round trip`)
            assert.ok(remote.roundTripTime < 1, `round trip ${remote.roundTripTime} s`)
        }
        await decodes(a, 100)
        await decodes(b, 100)
        await hangup(a)
    })

for (const [codec, name] of [['VP8', 'vp8'], ['H264', 'H264']])
    test(`chromium and baresip: ${codec} both ways, baresip's reports are believed`, async (t) => {
        const bob = await Baresip.start(t, { user: 'bob', videoCodecs: name })
        const a = await user(t, 'chromium')
        await dial(a, bob.uri)
        await bob.expect('CALL_ESTABLISHED')
        await decodes(a, 40)
        const { picture } = await until(async () => {
            const show = await gateway.ctl('call', 'show', await a.evaluate(() => window.call.gatewayId))
            const stream = show.legs_b[0].streams[1]
            return stream.tx_packets > 100 && stream.rtt_ms > 0 && { picture: stream }
        }, 'baresip reports on our pictures', 12000, 200)
        assert.equal(picture.kind, 'video')
        assert.equal(picture.rx_codec, `${codec}/90000`)
        assert.equal(picture.tx_codec, `${codec}/90000`)
        await bob.sees()
        await decodes(a, 80)
        await hangup(a)
    })

// A telephone that knows no RTCP feedback: sockets for voice, pictures and the pictures' RTCP.
async function oldPhone(t) {
    const sip = await SipPeer.open(t)
    const bind = async (port) => {
        const socket = dgram.createSocket('udp4')
        await new Promise((resolve) => socket.bind(port, '127.0.0.1', resolve))
        t.after(() => socket.close())
        return socket
    }
    const [voice, picture, rtcp] = [await bind(46000), await bind(46002), await bind(46003)]
    return Object.assign(sip, { voice, picture, rtcp })
}

test('chromium and an old video phone: keyframes by INFO both ways, bandwidth and levels as they say', async (t) => {
    let send
    t.after(() => clearInterval(send))
    const bob = await oldPhone(t)
    const reports = []
    bob.rtcp.on('message', (data) => reports.push(data))
    const a = await user(t, 'chromium')
    const dialled = dial(a, `sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const video = invite.body.slice(invite.body.indexOf('m=video'))
    assert.match(video, /^m=video \d+ RTP\/AVP /)
    assert.match(video, /a=rtcp-fb:\d+ nack pli/)
    assert.doesNotMatch(video, /rtx|transport-cc|extmap/)
    const [, pt] = /a=rtpmap:(\d+) VP8\/90000/.exec(video)
    const [, port] = /^m=video (\d+)/.exec(video)
    bob.reply(invite, 200, 'OK', {
        body: sdp({ lines: ['m=audio 46000 RTP/AVP 8', `m=video 46002 RTP/AVP ${pt}`, 'b=TIAS:400000', `a=rtpmap:${pt} VP8/90000`] }),
    })
    await bob.expect('ACK')
    await dialled
    assert.match(await a.evaluate(() => window.call.pc.remoteDescription.sdp), /b=TIAS:400000\r/)

    const dialog = bob.dialogOf(invite)
    const gatewaySip = { host: '127.0.0.1', port: 5060 }
    const keyframes = async () => (await a.rows())['outbound-rtp'].keyFramesEncoded
    await until(async () => (await keyframes()) >= 1, 'the first picture')
    const before = await keyframes()
    bob.request('INFO', '', gatewaySip, {
        dialog, type: 'application/media_control+xml',
        body: '<?xml version="1.0" encoding="utf-8" ?><media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>',
    })
    await bob.expect((m) => m.status === 200 && /INFO/.test(m.get('cseq')))
    await until(async () => (await keyframes()) > before, 'a keyframe for INFO')

    // Pictures that begin in the middle: Chromium asks for a keyframe, and the phone is asked by INFO.
    let seq = 1
    send = setInterval(() => {
        const packet = Buffer.concat([Buffer.from([0x80, 0x80 | Number(pt), 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x10, 0x01]), Buffer.alloc(200, seq)])
        packet.writeUInt16BE(seq++, 2)
        packet.writeUInt32BE(seq * 3000, 4)
        bob.picture.send(packet, Number(port), '127.0.0.1')
    }, 33)
    const info = await bob.expect('INFO', 12000)
    assert.equal(info.get('content-type'), 'application/media_control+xml')
    assert.match(info.body, /<picture_fast_update\/>/)
    bob.reply(info, 200, 'OK', { contact: false })
    await until(() => reports.some((data) => data[1] === 200 && (data[0] & 31) === 1), 'an SR that reports on the phone\'s pictures')
    const ended = hangup(a)
    const bye = await bob.expect((m) => m.method === 'BYE' || (m.method === 'INFO' && void bob.reply(m, 200, 'OK', { contact: false })))
    bob.reply(bye, 200, 'OK', { contact: false })
    await ended
})

wireIsClean(() => capture, ['sip', 'sdp', 'rtp', 'rtcp'])
