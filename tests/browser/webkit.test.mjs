// A browser without WebRTC, WebKitGTK: it is told so, and what needs none works.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { WebKit } from '../lib/webkit.mjs'
import { top } from '../lib/proc.mjs'

test('WebKitGTK: known by name, calls are unsupported, texts come and go', async (t) => {
    const gateway = await Gateway.start(t, { web: { root: path.join(top, 'client/dist/www') } })
    const webkit = await WebKit.launch(t)
    await webkit.open(`${gateway.http}/`)
    const here = await webkit.evaluate(async () => {
        const library = await import('/causeway.js')
        window.connect = library.connect
        return { ...library.environment(), agent: navigator.userAgent }
    })
    t.diagnostic(JSON.stringify(here))
    assert.deepEqual([here.browser, here.os, here.webrtc, here.secure, here.codecs.length], ['WebKitGTK', 'Linux', false, true, 0])
    assert.match(here.version, /^\d+\./)
    await webkit.evaluate(async () => {
        window.anna = await window.connect('', { guest: 'anna' })
        window.bert = await window.connect('', { guest: 'bert' })
        window.got = new Promise((resolve) => window.bert.on('message', resolve))
    })
    assert.equal(await webkit.evaluate(() => window.anna.call('echo').then(() => '', ({ kind }) => kind)), 'unsupported')
    assert.equal(await webkit.evaluate(async () => (await window.anna.send('user:bert', 'tea?')).status), 'delivered')
    const { text, from } = await webkit.evaluate(() => window.got)
    assert.deepEqual([text, from.user], ['tea?', 'anna'])
    await webkit.evaluate(() => Promise.all([window.anna.close(), window.bert.close()]))
    await gateway.stop()
})
