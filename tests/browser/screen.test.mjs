// A browser's screen and SIP: its colour arrives, the stream says that it is slides (RFC 4796), a peer that is to be
// sent no screens is sent none.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway, capture, chromium

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
        sip: { codecs: ['opus', 'PCMA', 'H264'] },
        trunk: [{ name: 'camera-only', address: '127.0.0.13:5060', prefixes: ['+99'], screen: 'refuse', codecs: ['PCMA', 'H264'] }],
        inbound: [{ match: '*', to: 'user:$' }],
    })
    chromium = await Browser.launch(wholeFile, 'chromium')
})

// A page with a call in window.call; its screen is a picture of one colour.
async function page(t, user) {
    const page = await chromium.page(t, gateway.http)
    await page.evaluate(async (guest) => {
        const { connect } = await import('/causeway.js')
        const video = document.createElement('video')
        video.muted = true
        document.body.append(video)
        window.screens = []
        const take = (call) => {
            window.call = call
            call.attach(video)
            call.on('screen', (on) => window.screens.push(on))
        }
        window.dial = async (to) => take(await window.session.call(to))
        window.share = async () => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 })
            const context = canvas.getContext('2d')
            let n = 0
            const draw = () => {
                context.fillStyle = `rgb(200, 0, ${200 + (n++ % 2)})`
                context.fillRect(0, 0, 640, 360)
            }
            draw()
            setInterval(draw, 50)
            await window.call.shareScreen({ track: canvas.captureStream(20).getVideoTracks()[0] })
        }
        // The middle of what comes in.
        window.colour = () => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
            canvas.getContext('2d').drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1)
            return [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data.slice(0, 3)]
        }
        window.session = await connect('', { guest })
        window.session.on('call', (call) => {
            take(call)
            void call.answer()
        })
    }, user)
    return page
}
const active = (page) => page.until(() => window.call?.state === 'active', null, 'the call is active')
const sees = (page, what, ms = 15000) => page.until((screen) => {
    const [r, g, b] = window.colour()
    return screen ? r > 150 && g < 60 && b > 150 : g > 80 && r < 130 && b < 130
}, what === 'screen', `sees the ${what}`, ms)
const screens = (page, want) => page.until((w) => JSON.stringify(window.screens) === JSON.stringify(w), want, `was told ${want}`)

test('over SIP with H264 to another page: the screen takes the camera\'s place, its colour arrives, and the camera is back', async (t) => {
    const [anna, bert] = [await page(t, 'anna'), await page(t, 'bert')]
    await anna.evaluate(() => window.dial('sip:bert@127.0.0.1:5060'))
    await active(anna)
    await active(bert)
    await anna.evaluate(() => window.call.addVideo())
    await sees(bert, 'camera')
    await anna.evaluate(() => window.share())
    await sees(bert, 'screen')
    await screens(bert, [true])
    const codec = await bert.evaluate(async () => {
        const rows = [...(await window.call.pc.getStats()).values()]
        return rows.find(({ id }) => id === rows.find((row) => row.type === 'inbound-rtp' && row.kind === 'video').codecId).mimeType
    })
    assert.equal(codec, 'video/H264')
    await anna.evaluate(() => window.call.stopShare())
    await sees(bert, 'camera')
    await screens(bert, [true, false])
    await anna.evaluate(() => window.call.hangup())
    assert.deepEqual([...anna.errors, ...bert.errors], [])
})

test('page to page: a screen without a camera before it, and no video after it', async (t) => {
    const [anna, bert] = [await page(t, 'carl'), await page(t, 'cora')]
    await anna.evaluate(() => window.dial('user:cora'))
    await active(anna)
    await anna.evaluate(() => window.share())
    await sees(bert, 'screen')
    await screens(bert, [true])
    await anna.evaluate(() => window.call.stopShare())
    await bert.until(() => !window.call.video.remote, null, 'no video')
    await screens(bert, [true, false])
    await anna.evaluate(() => window.call.hangup())
})

test('baresip with H264 gets camera, screen and camera, the screen marked as slides', async (t) => {
    const bob = await Baresip.start(t, { hz: 700, codecs: 'PCMA', videoCodecs: 'H264', lasts: 60 })
    const anna = await page(t, 'dora')
    await anna.evaluate((to) => window.dial(to), bob.uri)
    await active(anna)
    const offers = () => bob.program.text.split(/(?=^INVITE )/m).slice(1).map((text) => [/m=video [1-9]/.test(text.split(/^SIP\/2\.0/m)[0]), /^a=content:slides\r?$/m.test(text.split(/^SIP\/2\.0/m)[0])])
    const offered = (want) => until(() => JSON.stringify(offers().at(-1)) === JSON.stringify(want), `offers end with ${want}: ${JSON.stringify(offers())}`, 8000)
    const id = await anna.evaluate(() => window.call.gatewayId)
    const sent = async () => (await gateway.ctl('call', 'show', id)).legs_b[0].streams[1]?.tx_packets ?? 0
    const goes = async () => {
        const from = await sent()
        await until(async () => (await sent()) > from + 20, 'pictures go to baresip', 10000)
    }
    await anna.evaluate(() => window.call.addVideo())
    await offered([true, false])
    await bob.sees()
    await goes()
    await anna.evaluate(() => window.share())
    await offered([true, true])
    await goes()
    const shown = bob.program.text.length
    await until(() => /efps=[\d.]+\/[1-9]/.test(bob.program.text.slice(shown)), 'baresip decodes the screen', 10000)
    await anna.evaluate(() => window.call.stopShare())
    await offered([true, false])
    await goes()
    await anna.evaluate(() => window.call.removeVideo())
    await until(() => offers().at(-1)[0] === false || /a=recvonly/.test(bob.program.text.split(/(?=^INVITE )/m).at(-1)), 'no pictures are offered', 8000)
    await anna.evaluate(() => window.call.hangup())
    await bob.expect('CALL_CLOSED')
})

// A SIP end written out, behind the trunk that is to be sent no screens or not.
async function sipCall(t, user, host, to) {
    const bob = await SipPeer.open(t, { host, port: to ? 5060 : 0 })
    const anna = await page(t, user)
    const dialling = anna.evaluate((uri) => window.dial(uri), to ?? `sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const sdp = (video, version) => ['v=0', `o=- 1 ${version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 42000 RTP/AVP 8', 'a=rtpmap:8 PCMA/8000', ...video, ''].join('\r\n')
    bob.reply(invite, 200, 'OK', { body: sdp([], 1) })
    await bob.expect('ACK')
    await dialling
    await active(anna)
    const pt = (offer) => [...offer.body.matchAll(/a=rtpmap:(\d+) H264\/90000/g)].map(([, n]) => n).find((n) => new RegExp(`a=fmtp:${n} [^\r]*packetization-mode=1`).test(offer.body))
    const takes = (offer, version, more = []) => bob.reply(offer, 200, 'OK', { body: sdp([`m=video 42002 RTP/AVP ${pt(offer)}`, `a=rtpmap:${pt(offer)} H264/90000`, `a=fmtp:${pt(offer)} profile-level-id=42e01f;packetization-mode=1`, ...more], version) })
    const bye = async () => {
        const gone = bob.expect('BYE').then((m) => bob.reply(m, 200, 'OK', { contact: false }))
        await anna.evaluate(() => window.call.hangup())
        await gone
    }
    return { anna, bob, invite, sdp, takes, bye, dialog: bob.dialogOf(invite) }
}

test('screen = refuse: the page is told, the camera goes on, the trunk hears nothing of it', async (t) => {
    const { anna, bob, takes } = await sipCall(t, 'emil', '127.0.0.13', '+991')
    const refused = () => anna.evaluate(() => window.share().then(() => 'shared', ({ kind }) => kind))
    assert.equal(await refused(), 'forbidden')
    assert.deepEqual(await anna.evaluate(() => [window.call.sharing, window.call.video.local]), [false, false])
    await anna.evaluate(() => window.call.addVideo())
    const offer = await bob.expect('INVITE')
    assert.doesNotMatch(offer.body, /a=content/)
    takes(offer, 2)
    await bob.expect('ACK')
    await anna.until(() => window.call.video.local, null, 'the camera goes')
    assert.equal(await refused(), 'forbidden')
    assert.deepEqual(await anna.evaluate(() => [window.call.sharing, window.call.video.local, window.call.state]), [false, true, 'active'])
    const next = bob.expect((m) => ['INVITE', 'UPDATE', 'BYE'].includes(m.method))
    const gone = next.then((m) => {
        assert.equal(m.method, 'BYE')
        bob.reply(m, 200, 'OK', { contact: false })
    })
    await anna.evaluate(() => window.call.hangup())
    await gone
})

test('a SIP peer that says its video is slides: the page is told so, and when no longer', async (t) => {
    const { anna, bob, takes, sdp, dialog, bye } = await sipCall(t, 'fina', '127.0.0.1')
    await anna.evaluate(() => window.call.addVideo())
    const offer = await bob.expect('INVITE')
    takes(offer, 2, ['a=content:main,slides'])
    await bob.expect('ACK')
    await screens(anna, [true])
    const pt = /m=video \d+ \S+ (\d+)/.exec(offer.body)[1]
    const target = { host: '127.0.0.1', port: 5060 }
    bob.request('INVITE', '', target, { dialog, body: sdp([`m=video 42002 RTP/AVP ${pt}`, `a=rtpmap:${pt} H264/90000`, `a=fmtp:${pt} profile-level-id=42e01f;packetization-mode=1`], 3) })
    await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
    bob.request('ACK', '', target, { dialog })
    await screens(anna, [true, false])
    await bye()
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'rtp'])
