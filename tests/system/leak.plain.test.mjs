// 200 calls in a row: memory, descriptors, ports and timers return to the start. The plain build: the
// sanitizers keep what was freed.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { openFiles, residentKib, until, wholeFile } from '../lib/proc.mjs'

let gateway, peer, anna
// Short transactions, so that their end is part of the test.
before(async () => {
    gateway = await Gateway.start(wholeFile, { log: { level: 'info' }, web: { rate_per_s: 10000, rate_burst: 10000 }, sip: { t1_ms: 100, t1x64_ms: 1500 }, limits: { ladder_keep_s: 0 } })
    peer = WebPeer.start(wholeFile)
    anna = await Phone.open(wholeFile, gateway, peer, 'anna')
})

async function calls(t, n) {
    const callee = await sipp(t, scenario.answer({ tone: false }), { calls: n })
    for (let i = 0; i < n; i++) {
        const call = await (await anna.start(callee.uri())).answered()
        await call.end()
    }
    await callee.passed()
}

async function incoming(t, n) {
    const caller = await sipp(t, scenario.call('anna'), { calls: n, limit: 1, to: '127.0.0.1:5060' })
    for (let i = 0; i < n; i++) await (await (await anna.incoming()).answer()).end()
    await caller.passed()
}

// Of client transactions the last ends with timer D, 32 s after its answer (RFC 3261 17.1.1.2).
const idle = () => until(async () => {
    const status = await gateway.ctl('status')
    return ['calls', 'dialogs', 'transports', 'rtp_ports'].every((name) => status[name] === 0) &&
        status.sip.transactions.server === 0 && status.sip.transactions.client === 0 && { ...status, rss: residentKib(gateway.pid) }
}, 'calls, dialogs, transactions and ports are gone', 45000, 100)

// causewayctl's own connection may be closed a moment after its answer: the same twice is what stays.
const files = () => {
    let before
    return until(() => {
        const now = openFiles(gateway.pid).sort()
        const same = before?.join() === now.join()
        before = now
        return same && now
    }, 'the descriptors stay the same', 5000, 100)
}

test('200 calls out and in', async (t) => {
    // The first round leaves the allocator with the room that so many calls need at once.
    await calls(t, 100)
    await incoming(t, 100)
    const first = { ...await idle(), files: await files() }
    await calls(t, 100)
    await incoming(t, 100)
    const last = { ...await idle(), files: await files() }
    assert.deepEqual(last.files, first.files)
    assert.equal(last.timers, first.timers)
    assert.ok(last.rss - first.rss < 1024, `memory grew by ${last.rss - first.rss} KiB over 200 calls`)
    t.diagnostic(`200 calls: memory ${first.rss} -> ${last.rss} KiB, ${first.files.length} descriptors, ${first.timers} timers`)
})

test('the gateway ends well', () => gateway.stop())
