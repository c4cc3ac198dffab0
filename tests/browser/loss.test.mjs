// A bad network: Chromium, a gateway and SIP telephones, one packet in twenty lost by chance on either side
// of the gateway. Calls come up within two seconds, and what is not heard is what the links lost.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { Browser } from '../lib/browser.mjs'
import { Capture, lostOf, samplesOf } from '../lib/capture.mjs'
import { peakHz } from '../lib/audio.mjs'
import { addresses, forward, Internet } from '../lib/nets.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

const percent = 5
const sipHost = '10.99.0.1'
const seconds = 12
let internet, browser, users = 0

before(async () => {
    internet = new Internet()
    internet.plain()
    browser = await Browser.launch(wholeFile, 'chromium')
    await forward(wholeFile, 8080, { host: addresses.nat, port: 8080 })
})

async function start(t, web = {}) {
    return await Gateway.start(t, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www'), listen: [`${addresses.nat}:8080`], plain: true, origins: ['http://127.0.0.1:8080'], ...web },
        sip: { listen: [`udp:${addresses.nat}:5060`], peers: ['10.99.0.0/24'] },
        media: { browser_listen: [addresses.nat], rtp_listen: [addresses.nat] },
    }, { namespace: 'nat', reach: '127.0.0.1:8080' })
}

// Loss begins once the page is logged in: TCP has time to lose.
async function page(t, gateway) {
    internet.allow()
    const page = await browser.page(t, `${gateway.http}/?raw=1`)
    await page.evaluate(async (guest) => {
        const { connect } = await import('/causeway.js')
        window.session = await connect('', { guest })
        // Until the far end has answered and protected media may flow.
        window.dial = async (to) => {
            const began = performance.now()
            window.call = await window.session.call(to)
            const element = document.body.appendChild(document.createElement('audio'))
            element.id = 'heard'
            window.call.attach(element)
            await window.call.answered
            while (window.call.pc.connectionState !== 'connected') await new Promise((resolve) => window.call.pc.addEventListener('connectionstatechange', resolve, { once: true }))
            return performance.now() - began
        }
        window.heard = async () => [...(await window.call.pc.getStats()).values()].find((row) => row.type === 'inbound-rtp')
    }, `anna${++users}`)
    internet.loseByChance(percent)
    return page
}

async function hangUp(anna, gateway) {
    await anna.evaluate(() => window.call.hangup())
    await until(async () => (await gateway.ctl('calls')).length === 0, 'the call is gone', 8000)
}

// Counters of the router and of all ends, taken while packets go on: a few are under way.
const near = (is, should, what, more = 6) => assert.ok(Math.abs(is - should) <= more, `${what}: ${is}, the links say ${should}`)

async function counters(anna, gateway, id) {
    const [{ leg_a, legs_b: [leg_b] }, heard] = [await gateway.ctl('call', 'show', id), await anna.evaluate(() => window.heard())]
    return { a: leg_a.streams[0], b: leg_b.streams[0], heard, links: internet.counted() }
}

const less = (now, was) => typeof now === 'number' ? now - was : Object.fromEntries(Object.entries(now).map(([name, value]) => [name, typeof value === 'string' || value === null ? value : less(value, was?.[name] ?? 0)]))

// What is counted from when sound flows both ways.
async function figures(anna, gateway, t) {
    const [{ id }] = await gateway.ctl('calls')
    const hears = (n) => async () => (await anna.evaluate(() => window.heard()))?.packetsReceived > n
    await until(hears(10), 'sound', 10000, 50)
    const was = await counters(anna, gateway, id)
    await until(hears(was.heard.packetsReceived + 50 * seconds * (1 - 2 * percent / 100)), `${seconds} seconds of sound`, 40000, 200)
    const grown = less(await counters(anna, gateway, id), was)
    t.diagnostic(Object.entries(grown.links).map(([way, { all, lost }]) => `${way} ${lost} of ${all}`).join(', '))
    for (const { all, lost } of Object.values(grown.links)) {
        assert.ok(all > 400, 'the router saw the packets')
        assert.ok(Math.abs((100 * lost) / all - percent) < 4 * Math.sqrt(percent * (100 - percent) / all), 'it lost as many as it should')
    }
    return grown
}

test('calls come up within 2 s', async (t) => {
    const gateway = await start(t)
    const took = []
    for (let n = 0; n < 10; n++) {
        const callee = await sipp(t, scenario.answer({ tone: false }), { host: sipHost })
        const anna = await page(t, gateway)
        took.push(Math.round(await anna.evaluate((to) => window.dial(to), callee.uri())))
        await until(() => /^ACK /m.test(callee.messages()), 'SIPp has its ACK') // it takes no BYE before
        await hangUp(anna, gateway)
        await callee.passed()
    }
    took.sort((a, b) => a - b)
    t.diagnostic(`${took.join(', ')} ms`)
    assert.ok(took[5] <= 1000, `half of them took ${took[5]} ms or more`)
    assert.ok(took.at(-1) <= 2000, `one took ${took.at(-1)} ms`)
    await gateway.stop()
})

test('relayed: each end misses what the links lost, not a packet more', async (t) => {
    const gateway = await start(t)
    const capture = await Capture.start(t, 'loss', 'internet0')
    const callee = await sipp(t, scenario.answer(), { host: sipHost })
    const anna = await page(t, gateway)
    await anna.evaluate((to) => window.dial(to), callee.uri())
    const { a, b, heard, links } = await figures(anna, gateway, t)
    near(a.rx_lost, links.from_browser.lost, 'lost from the browser')
    near(b.rx_lost, links.from_sip.lost, 'lost from SIPp')
    near(links.to_sip.all, links.from_browser.all - links.from_browser.lost, 'sent to SIPp')
    near(links.to_browser.all, links.from_sip.all - links.from_sip.lost, 'sent to the browser')
    near(heard.packetsReceived, links.to_browser.all - links.to_browser.lost, 'received by the browser')
    near(heard.packetsLost, links.from_sip.lost + links.to_browser.lost, 'missed by the browser')
    const all = internet.counted()
    await capture.stop()
    const got = capture.rtp((p) => p.dst === sipHost && p.sport >= 20000 && p.sport <= 29999).filter(({ pt }) => pt === 8)
    near(lostOf(got), all.from_browser.lost + all.to_sip.lost, 'missed by SIPp')
    const samples = samplesOf(got.slice(-50))
    assert.ok(Math.abs(peakHz(samples) - 1000) < 20, `SIPp hears ${peakHz(samples)} Hz`)
    await anna.listen('#heard', ({ hz, db }) => Math.abs(hz - 440) < 20 && db > -30, 'the browser hears 440 Hz')
    await hangUp(anna, gateway)
    await callee.passed()
    await gateway.stop()
})

for (const codec of ['PCMA/8000/1', 'AMR-WB/16000/1'])
    test(`Opus and ${codec}: what a link lost is made up, nothing else is`, async (t) => {
        const gateway = await start(t, { codecs: ['opus'] })
        const bob = await Baresip.start(t, { host: sipHost, hz: 440, lasts: 60, codecs: codec })
        const anna = await page(t, gateway)
        await anna.evaluate((to) => window.dial(to), bob.uri)
        const { a, b, heard, links } = await figures(anna, gateway, t)
        near(a.rx_lost, links.from_browser.lost, 'lost from the browser')
        near(b.rx_lost, links.from_sip.lost, 'lost from baresip')
        // A packet is 20 ms; more is made up where the sound must wait longer than before.
        for (const [leg, { lost }] of [[a, links.from_browser], [b, links.from_sip]]) {
            t.diagnostic(`made up ${leg.rx_concealed_ms} ms for ${lost} packets, ${leg.rx_discarded} too late`)
            near(leg.rx_concealed_ms / 20, lost, 'packets made up', 10 + 2 * leg.rx_discarded)
        }
        // What goes on has no holes of its own.
        near(heard.packetsLost, links.to_browser.lost, 'missed by the browser')
        near(heard.packetsReceived, links.to_browser.all - links.to_browser.lost, 'received by the browser')
        await anna.listen('#heard', ({ hz, db }) => Math.abs(hz - 440) < 20 && db > -30, 'the browser hears 440 Hz')
        await bob.hears(1000)
        await hangUp(anna, gateway)
        await gateway.stop()
    })
