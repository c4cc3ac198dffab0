// What the kernel alone takes of a packet, with our sockets and our pauses and no work between; beside it
// what we take, and the rivals: the share of their time that no gateway can be below on this machine.
import { runCalls } from './lib/measure.mjs'
import { Table } from './lib/table.mjs'
import { jobs, ours, rivals } from './lib/work.mjs'

const columns = [['work           '], ['calls', 0], ['gateway         '], ['us/packet', 2], ['of rtpengine', 2], ['of Janus', 2], ['our own part us', 2],
    ['lost %', 3]]
const below = (name) => name.replace('causeway', 'floor')

export async function floor(options) {
    const table = new Table('Floor: the kernel alone, and what gateways take', columns)

    for (const job of options.jobs ?? ['dtls', 'rtp'])
        for (const calls of options.explicitCalls ?? [200, 500]) {
            const us = {}
            for (const name of [...rivals(job), ...ours(options).flatMap((n) => [below(n), n])]) {
                const m = await runCalls(name, job, calls, options)
                const of = (rival) => (rivals(job).includes(name) || !us[rival] ? undefined : m.us / us[rival])
                us[name] = m.us
                table.row(jobs[job].name, calls, name, m.us, of('rtpengine'), of('Janus'), us[below(name)] && below(name) !== name ? m.us - us[below(name)] : undefined,
                    m.lostShare * 100)
                if (options.verbose) console.error({ [name]: m })
            }
        }
}
