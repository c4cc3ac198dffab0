// Calls that run for some seconds: what the gateway used, what arrived, how late.
import { setTimeout as pause } from 'node:timers/promises'
import { cpuUs, stolen, usage } from './process.mjs'
import { below, connectCalls, withSide } from './work.mjs'

const drainMs = 300
const warmMs = (seconds) => Math.min(1500, seconds * 1000), quietMs = (seconds) => Math.min(3000, seconds * 1000)
const pps = 50
const stamped = [{ codec: 'opus-bytes', bytes: 160 }]

const total = (list, what) => list.reduce((sum, item) => sum + what(item), 0)
const most = (list, what) => Math.max(...list.map(what))

// The first `calls` calls send, until `during` is over; `flows`: what the ends send, see webpeer's "send".
export async function measure({ peers, gateway }, { calls, seconds = 10, flows = stamped, during = () => pause(seconds * 1000) }) {
    const all = (cmd, members) => Promise.all(peers.map((peer) => peer.do(cmd, { ...members, below: below(calls) })))
    const stats = async (reset) => (await all('stats', { summary: true, reset })).map(({ sum }) => sum)
    const generatorUs = () => peers.map((peer) => cpuUs(peer.process.pid))

    for (const flow of flows) await all('send', { ...flow, pps })
    await pause(warmMs(seconds))
    const from = { at: process.hrtime.bigint(), gateway: gateway ? cpuUs(gateway.pid) : 0, generator: generatorUs(), host: stolen() }
    await stats(true)
    await during()
    const sums = await stats(false)
    const us = Number(process.hrtime.bigint() - from.at) / 1000
    const used = gateway ? cpuUs(gateway.pid) - from.gateway : 0
    const generator = generatorUs().map((now, i) => (now - from.generator[i]) / us)
    const host = stolen()
    await all('stop')
    await pause(drainMs)
    const ends = await stats(false)
    const received = total(sums, (s) => s.received), lost = total(ends, (s) => s.lost)
    return {
        us: used / received, core: used / us, generator: Math.max(...generator),
        received, perSecond: (received * 1e6) / us, arrivedShare: received / total(sums, (s) => s.sent), lostShare: lost / (lost + total(ends, (s) => s.received)), bad: total(ends, (s) => s.bad),
        // of what it should have sent: less when the generator does not keep up
        sentShare: (total(sums, (s) => s.sent) * 1e6) / (us * calls * pps * 2),
        p50: most(sums, (s) => s.latency_p50_us) / 1000, p99: most(sums, (s) => s.latency_p99_us) / 1000,
        steal: (host.steal - from.host.steal) / Math.max(1, host.all - from.host.all),
    }
}

const firstCalls = 20 // before the memory of the others is counted

// A gateway with `calls` calls from start to end: the above, and what a call holds.
export function runCalls(name, job, calls, options) {
    return withSide(name, job, options, async (side) => {
        const { gateway } = side
        const first = Math.min(firstCalls, calls)

        await connectCalls(side, 0, first)
        const before = gateway && usage(gateway.pid)
        await connectCalls(side, first, calls - first)
        const figures = await measure(side, { calls, seconds: options.seconds, flows: options.flows })
        if (!gateway) return figures
        await pause(quietMs(options.seconds)) // what handshakes took is given back
        const after = usage(gateway.pid)
        const each = (what) => (calls > first ? (after[what] - before[what]) / (calls - first) : undefined)
        return {
            ...figures,
            kib: each('kib'), fds: each('fds'), threads: each('threads'),
        }
    })
}
