// A page's call with a SIP end outlives what happens to the page's network, and to the page.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser } from '../lib/browser.mjs'
import { cable } from '../lib/nets.mjs'
import { RtpSocket, placeOf } from '../lib/rtp.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

// The gateway has two cables: one to the browser, one to its SIP ends.
const web = { here: '10.55.0.1', gateway: '10.55.0.2' }
const sip = { here: '10.56.0.1', gateway: '10.56.0.2' }
const ip = (...args) => execFileSync('ip', args.flatMap((a) => a.split(' ')))
const wait = (ms) => {
    const end = performance.now() + ms
    return until(() => performance.now() >= end, `${ms} ms are over`, ms + 5000)
}

let gateway
const open = {}

before(async () => {
    mkdirSync('/run/netns', { recursive: true })
    ip('netns add gw')
    ip('-n', 'gw', 'link set lo up')
    cable('', web.here, 'gw', web.gateway, 'web')
    cable('', sip.here, 'gw', sip.gateway, 'sip')
    // Only the browser's own cable carries its media.
    execFileSync('ip', ['netns', 'exec', 'gw', 'nft', '-f', '-'], { input: `table ip filter {
        chain input { type filter hook input priority 0; ip saddr != 10.55.0.0/24 udp dport 7000-7110 drop; }
    }` })
    gateway = await start(wholeFile)
    open.chromium = await Browser.launch(wholeFile, 'chromium', { flags: [`--unsafely-treat-insecure-origin-as-secure=${gateway.http},${gateway.http.replace('8080', '8081')}`] })
})

function start(t, conf = {}, port = 8080) {
    const at = `${web.gateway}:${port}`
    return Gateway.start(t, {
        ...conf,
        web: { root: path.join(top, 'client/dist/www'), listen: [at], plain: true, ...conf.web },
        sip: { listen: [`udp:${sip.gateway}:${port === 8080 ? 5060 : 5070}`], peers: ['10.56.0.0/24'] },
        media: { browser_listen: [web.gateway], rtp_listen: [sip.gateway], ...(port === 8080 ? {} : { browser_port: 7100 }) },
    }, { namespace: 'gw', reach: at })
}

// A page with a session, and whatever call it has in `call`.
async function session(page, options) {
    await page.evaluate(async (given) => {
        const { connect } = await import('/causeway.js')
        window.news = []
        window.take = (call) => {
            window.call = call
            for (const name of ['reconnecting', 'reconnected']) call.on(name, () => window.news.push(`call ${name}`))
            call.on('ended', ({ reason }) => window.news.push(`call ended ${reason}`))
            const element = document.body.appendChild(document.createElement('audio'))
            void call.attach(element)
        }
        window.session = await connect('', { ...given, logger: { warn: (text) => window.news.push(text) } })
        window.session.on('call', window.take)
        for (const name of ['reconnecting', 'reconnected', 'ended']) window.session.on(name, (event) => window.news.push(name, JSON.stringify(event)))
    }, options)
}

// Such a page, in a call with a SIP end that sends and counts packets.
async function talking(t, { kind = 'chromium', at = gateway, host = sip.here, guest = 'anna', ...options } = {}) {
    const page = await open[kind].page(t, at.http)
    await session(page, { guest, ...options })
    const bob = await SipPeer.open(t, { host })
    const rtp = await RtpSocket.open(t, { host })
    const dialling = page.evaluate(async (to) => window.take(await window.session.call(to)), `sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 200, 'OK', { body: sdp({ host, port: rtp.port, lines: ['m=audio PORT RTP/AVP 8', 'a=rtpmap:8 PCMA/8000'] }) })
    await bob.expect('ACK')
    await dialling
    rtp.start(placeOf(invite.body))
    const made = { page, bob, rtp }
    await flows(made, 10000)
    return made
}

const received = (page) => page.evaluate(async () => [...(await window.call.pc.getStats()).values()].find((s) => s.type === 'inbound-rtp')?.packetsReceived ?? 0).catch(() => 0)
// Packets go both ways from now on.
async function flows({ page, rtp }, ms) {
    rtp.got.length = 0
    const from = await received(page)
    await until(async () => rtp.got.length > 10 && await received(page) > from + 10, `packets go both ways: ${rtp.got.length}`, ms, 20)
}
const said = (bob) => bob.queue.map(({ method, status }) => method ?? status)
const news = (page) => page.evaluate(() => window.news)
const told = (page, what, ms) => page.until((name) => window.news.includes(name), what, `is told ${what}`, ms).catch(async (e) => { throw new Error(`${e.message}; ${await news(page)}; ${page.errors}`) })

async function hangUp({ page, bob }) {
    assert.deepEqual(said(bob), [])
    const bye = bob.expect('BYE').then((m) => bob.reply(m, 200, 'OK', { contact: false }))
    await page.evaluate(() => window.call.hangup())
    await bye
}

test('offline for ten seconds, as far as the page can tell: it reconnects, and the call has not noticed', async (t) => {
    const call = await talking(t)
    const { page, rtp } = call
    await page.raw.context().setOffline(true)
    await told(page, 'reconnecting')
    rtp.got.length = 0
    await wait(10000)
    assert.ok(rtp.got.length > 400, `${rtp.got.length} packets meanwhile`)
    await page.raw.context().setOffline(false)
    await told(page, 'reconnected', 3000)
    await flows(call, 3000)
    assert.ok(!(await news(page)).includes('ended'))
    await hangUp(call)
})

test('the cable is out for ten seconds: sound is back within three of its return, and the SIP end sees nothing', async (t) => {
    const call = await talking(t)
    const { page, rtp } = call
    ip('link set web0 down')
    await told(page, 'call reconnecting', 12000)
    await told(page, 'reconnecting', 5000)
    await wait(2000)
    rtp.got.length = 0
    await wait(500)
    assert.equal(rtp.got.length, 0)
    ip('link set web0 up')
    const began = performance.now()
    await flows(call, 3000)
    t.diagnostic(`${Math.round(performance.now() - began)} ms`)
    await told(page, 'call reconnected')
    assert.deepEqual((await news(page)).filter((each) => /ended/.test(each)), [])
    await hangUp(call)
})

test('another address: sound is back', async (t) => {
    const call = await talking(t)
    ip('addr del 10.55.0.1/24 dev web0')
    ip('addr add 10.55.0.7/24 dev web0')
    t.after(() => {
        ip('addr del 10.55.0.7/24 dev web0')
        ip('addr add 10.55.0.1/24 dev web0')
    })
    const began = performance.now()
    await flows(call, 10000)
    t.diagnostic(`${Math.round(performance.now() - began)} ms; ${await news(call.page)}`)
    await hangUp(call)
})

test('the page is reloaded in the call: it has the call again, with sound', async (t) => {
    const call = await talking(t, { storage: true, guest: 'bert' })
    const { page, rtp } = call
    await page.evaluate(() => window.call.mute('audio', true))
    await page.raw.reload()
    await session(page, { guest: 'bert', storage: true })
    await page.until(() => window.call?.resumed && window.call.muted.audio && window.call.state === 'active', null, 'has the call')
    const began = performance.now()
    await flows(call, 5000)
    t.diagnostic(`${Math.round(performance.now() - began)} ms`)
    await page.evaluate(() => window.call.mute('audio', false))
    assert.ok(rtp.got.length)
    await hangUp(call)
    await page.evaluate(() => window.session.close())
})

test('away for longer than the gateway waits: BYE with a reason, and the page knows too', async (t) => {
    const short = await start(t, { web: { resume_call_ms: 2000, resume_ms: 1000, ping_interval_ms: 1000, ping_timeout_ms: 3000 } }, 8081)
    const { page, bob } = await talking(t, { at: short })
    ip('link set web0 down')
    await page.evaluate(() => window.dispatchEvent(new Event('offline'))) // as a browser without any other network says
    const bye = await bob.expect('BYE', 60000)
    bob.reply(bye, 200, 'OK', { contact: false })
    assert.match(bye.get('reason') ?? '', /cause=/)
    t.diagnostic(bye.get('reason'))
    await told(page, 'ended', 20000)
    assert.ok((await news(page)).includes('call ended network'))
    ip('link set web0 up')
    await short.stop()
})

// Firefox sends from where its default route leads, so its gateway is here.
test('firefox: reloaded in the call, then ten seconds without packets: it has the call again, with sound', async (t) => {
    const near = await Gateway.start(t, { web: { root: path.join(top, 'client/dist/www') }, media: { browser_listen: ['127.0.0.1', '10.99.0.1'] } })
    open.firefox = await Browser.launch(t, 'firefox')
    const call = await talking(t, { kind: 'firefox', at: near, host: '127.0.0.1', guest: 'fox', storage: true })
    const { page, bob } = call
    await page.raw.reload()
    await session(page, { guest: 'fox', storage: true })
    await page.until(() => window.call?.resumed && window.call.state === 'active', null, 'has the call')
    await flows(call, 5000)

    const both = (ports) => `${ports.replace('PORT', 'dport')} drop; ${ports.replace('PORT', 'sport')} drop;`
    execFileSync('nft', ['-f', '-'], { input: `table inet cut {
        chain input { type filter hook input priority 0; ${both('tcp PORT 8080')} ${both('udp PORT 7000-7010')} }
    }` })
    await told(page, 'reconnecting', 12000)
    await wait(10000)
    execFileSync('nft', ['delete', 'table', 'inet', 'cut'])
    const began = performance.now()
    await told(page, 'reconnected', 10000)
    await flows(call, 10000)
    t.diagnostic(`${Math.round(performance.now() - began)} ms`)
    assert.deepEqual(said(bob), [])
    await hangUp(call)
    await near.stop()
})

test('the gateway ends well', () => gateway.stop())
