// CPU for each call set up from WebRTC to SIP: JSON, ICE, DTLS, INVITE, 200, ACK; beside it what rtpengine
// and Janus need for their part. Then a burst of DTLS ClientHellos while calls run.
import { setTimeout as pause } from 'node:timers/promises'
import { measure } from './lib/measure.mjs'
import { cpuUs, goFirst, threadsNamed, until } from './lib/process.mjs'
import { Table } from './lib/table.mjs'
import { connectCalls, rivals, withSide } from './lib/work.mjs'

const atOnce = 4

function cost(name, options) {
    return withSide(name, 'dtls', options, async (side) => {
        const warm = Math.min(50, options.count) // calls before the counting starts
        await connectCalls(side, 0, warm, { atOnce })
        const before = cpuUs(side.gateway.pid), start = Date.now()
        await connectCalls(side, warm, options.count, { atOnce })
        if (side.phone) await until('the last ACK', () => side.phone.acked >= warm + options.count)
        return { ms: (cpuUs(side.gateway.pid) - before) / options.count / 1000, rate: (options.count * 1000) / (Date.now() - start) }
    })
}

const includes = { causeway: 'JSON, ICE, DTLS, SIP', rtpengine: 'ng, ICE, DTLS', Janus: 'JSON, ICE, DTLS' }

async function costs(options) {
    const table = new Table('Set-up: CPU a call', [['gateway  '], ['what is in it       '], ['calls', 0], ['ms/call', 2], ['calls/s a core', 0], ['ours of theirs', 2]])
    let ours
    for (const name of ['causeway', ...rivals('dtls')]) {
        const { ms, rate } = await cost(name, options)
        if (options.verbose) console.error(name, { ms, rate })
        table.row(name, includes[name], options.count, ms, 1000 / ms, ours && ours / ms)
        ours ??= ms
    }
}

// All threads on one core, and only the packet threads come first there: what else this machine does would
// show in their latency, and does show in how long the handshakes take.
const running = 100

async function burst(options) {
    const seconds = Math.min(options.seconds, 3)
    const table = new Table(`${options.hellos} ClientHellos at once, ${running} calls running`,
        [['when  '], ['p50 ms', 2], ['p99 ms', 2], ['lost %', 3], ['core %', 1], ['done in ms', 0]])
    const tell = (when, m, ms) => table.row(when, m.p50, m.p99, m.lostShare * 100, m.core * 100, ms)

    await withSide('causeway', 'dtls', { ...options, fair: true, more: `ice_timeout_ms = 120000; ${options.more}` }, async (side) => {
        const [peer] = side.peers
        goFirst(threadsNamed(side.gateway.pid, /^cw-media-/))
        await connectCalls(side, 0, running)
        await connectCalls(side, running, options.hellos, { dtls: false })
        tell('before', await measure(side, { calls: running, seconds }))
        let count, ms
        const m = await measure(side, { calls: running, seconds, during: async () => {
            const start = Date.now();
            ({ count } = await peer.do('dtls.hello'))
            ms = await quiet(side.gateway.pid, start)
        } })
        tell('during', m, ms)
        if (count !== options.hellos) throw new Error(`${count} hellos were sent`)
        tell('after', await measure(side, { calls: running, seconds }))
    })
}

// Milliseconds until the gateway uses no more than before, as far as 100 ms can tell.
async function quiet(pid, start) {
    let last = cpuUs(pid)
    for (;;) {
        await pause(100)
        const now = cpuUs(pid)
        if (now - last < 20000) return Date.now() - start
        last = now
    }
}

export async function setup(options) {
    await costs(options)
    if (options.hellos) await burst(options)
}
