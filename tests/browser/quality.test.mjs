// What browsers measure of a call, beside what the gateway measures; and what the gateway tells them.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, browsers } from '../lib/browser.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'], quality_interval_ms: 1000 },
        limits: { report_interval_ms: 200 },
    })
})

for (const kind of browsers)
    test(`${kind}: reports its own numbers, is told a rating`, async (t) => {
        const page = await (await Browser.launch(t, kind)).page(t, `${gateway.http}/`)
        const id = await page.evaluate(async () => {
            const { connect } = await import('/causeway.js')
            const session = await connect('', { guest: 'anna', reportInterval: 500 })
            const call = await session.call('echo')
            globalThis.seen = []
            call.on('quality', (event) => globalThis.seen.push(event))
            const element = document.body.appendChild(document.createElement('audio'))
            await call.attach(element)
            await call.answered
            globalThis.call = call
            return call.gatewayId
        })
        const leg = await until(async () => {
            const { leg_a } = await gateway.ctl('call', 'show', id)
            return leg_a.report?.audio?.packets > 50 && leg_a.report.rtt_ms !== undefined && leg_a.streams[0].window?.heard && leg_a
        }, `${kind} reports, and its RTCP comes`, 15000, 200)
        assert.equal(leg.report.audio.lost, 0)
        assert.ok(leg.report.audio.jitter_ms < 200, JSON.stringify(leg.report))
        assert.ok(leg.streams[0].mos > 3.5 && leg.streams[0].window.heard.loss < 0.02, JSON.stringify(leg.streams[0]))
        await page.until(() => globalThis.seen.some(({ leg, sent }) => leg === 'you' && sent?.mos > 3), null, 'is told a rating')
        assert.deepEqual(page.errors, [])
        await page.evaluate(() => globalThis.call.hangup())
    })

test('the gateway ends well', () => gateway.stop())
