// CPU for each packet relayed, ours beside rtpengine's and Janus's; latency, loss, what a call holds.
import { runCalls } from './lib/measure.mjs'
import { installed } from './lib/process.mjs'
import { Table } from './lib/table.mjs'
import { gateways, jobs } from './lib/work.mjs'

const columns = [['work           '], ['calls', 0], ['gateway  '], ['us/packet', 2], ['ours/theirs', 2], ['core %', 1], ['lost %', 3],
    ['adds p50 ms', 2], ['adds p99 ms', 2], ['KB/call', 1], ['fds/call', 1], ['threads/call', 1], ['idle core %', 2]]
const rivals = { dtls: ['rtpengine', 'janus'], rtp: ['rtpengine'] }
const saturated = (m) => m.lostShare > 0.001 || m.p99 > 50 // more calls tell nothing more

export async function relay(options) {
    const table = new Table('Relay: one worker, 50 packets a second each way', columns)
    const worst = {}

    for (const job of options.jobs ?? ['dtls', 'rtp']) {
        const full = new Set()
        for (const calls of options.calls) {
            const direct = await runCalls('direct', job, calls, { ...options, seconds: Math.min(options.seconds, 3) })
            const tell = (name, m, ratio) => table.row(jobs[job].name, calls, name, m.us, ratio, m.core * 100, m.lostShare * 100,
                Math.max(0, m.p50 - direct.p50), Math.max(0, m.p99 - direct.p50), m.kib, m.fds, m.threads, m.idle * 100)
            const ours = await runCalls('causeway', job, calls, options)
            tell('causeway', ours)
            for (const name of rivals[job].filter((rival) => installed(gateways[rival].program) && !full.has(rival))) {
                const theirs = await runCalls(name, job, calls, options)
                const ratio = ours.us / theirs.us
                tell(name, theirs, ratio)
                if (saturated(theirs)) full.add(name)
                else worst[name] = Math.max(worst[name] ?? 0, ratio)
                if (options.verbose) console.error({ calls, direct, ours, [name]: theirs })
            }
        }
    }
    for (const [name, ratio] of Object.entries(worst)) table.note(`relay: at worst ${ratio.toFixed(2)} of the CPU a packet that ${name} needs, where that is not saturated`)
    for (const name of ['rtpengine', 'janus'].filter((rival) => !installed(rival))) table.note(`relay: ${name} is not installed: skipped`)
}
