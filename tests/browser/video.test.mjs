// Pictures between browsers, and between a browser and baresip: frames both ways, the bit rate finds
// the path's, reports tell the truth.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, browsers } from '../lib/browser.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway
const open = {}

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'], rtcp_interval_ms: 1000 },
    })
    for (const kind of browsers) open[kind] = await Browser.launch(wholeFile, kind)
})

// A page with the library alone, logged in; it answers calls with camera and microphone.
let users = 0
async function user(t, kind) {
    const name = `${kind}${++users}`
    const page = await open[kind].page(t, `${gateway.http}/?raw=1`)
    await page.evaluate(async ([http, who]) => {
        const { connect } = await import('/causeway.js')
        const camera = () => navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280, height: 720 } })
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
    }, [gateway.http, name])
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
async function sends(page, kbps, ms = 30000) {
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
        throw new Error(`${error.message}; last ${rate}; ${JSON.stringify(last)}`)
    }
}

for (const [from, to] of [['chromium', 'chromium'], ['chromium', 'firefox'], ['firefox', 'chromium']])
    test(`${from} calls ${to}: frames both ways, above 600 kbit/s, round trips reported`, async (t) => {
        const a = await user(t, from)
        const b = await user(t, to)
        await dial(a, `user:${b.name}`)
        await Promise.all([decodes(a, 30), decodes(b, 30)])
        for (const page of [a, b].filter(({ kind }) => kind === 'chromium')) {
            await sends(page, 600)
            const remote = await until(async () => {
                const row = (await page.rows())['remote-inbound-rtp']
                return row?.roundTripTime !== undefined && row
            }, `${page.name} learns its round trip`)
            assert.ok(remote.roundTripTime < 0.2, `round trip ${remote.roundTripTime} s`)
            assert.equal(remote.packetsLost, 0)
        }
        await decodes(a, 100)
        await decodes(b, 100)
        await hangup(a)
    })
