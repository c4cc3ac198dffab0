// CPU for each packet relayed, ours beside rtpengine's and Janus's; latency, loss, what a call holds.
import { runCalls } from './lib/measure.mjs'
import { Table } from './lib/table.mjs'
import { jobs, ours, rivals } from './lib/work.mjs'

const columns = [['work           '], ['calls', 0], ['gateway         '], ['us/packet', 2], ['of rtpengine', 2], ['of Janus', 2], ['core %', 1],
    ['lost %', 3], ['adds p50 ms', 2], ['adds p99 ms', 2], ['KB/call', 1], ['fds/call', 1], ['threads/call', 1]]
const saturated = (m) => m.lostShare > 0.001 || m.p99 > 50 // more calls would tell nothing more

async function compare(table, job, calls, full, options) {
    const direct = await runCalls('direct', job, calls, { ...options, seconds: Math.min(options.seconds, 3) })
    const measured = {}
    for (const name of [...rivals(job), ...ours(options)].filter((n) => !full.has(n))) {
        const m = (measured[name] = await runCalls(name, job, calls, options))
        const of = (rival) => (rivals(job).includes(name) || !measured[rival] ? undefined : m.us / measured[rival].us)
        table.row(jobs[job].name, calls, name, m.us, of('rtpengine'), of('Janus'), m.core * 100, m.lostShare * 100, Math.max(0, m.p50 - direct.p50),
            Math.max(0, m.p99 - direct.p50), m.kib, m.fds, m.threads)
        if (saturated(m)) full.add(name)
        if (options.verbose) console.error({ direct, [name]: m })
    }
}

export async function relay(options) {
    const table = new Table('Relay: one worker, 50 packets a second each way', columns)

    const full = {} // by job, the gateways that more calls are not tried with
    for (const job of options.jobs ?? ['dtls', 'rtp']) {
        full[job] = new Set()
        for (const calls of options.calls) await compare(table, job, calls, full[job], options)
    }
    for (const [job, names] of Object.entries(full))
        for (const name of names) table.note(`${jobs[job].name}: ${name} is saturated at its last row`)
}
