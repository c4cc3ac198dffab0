// CPU for each packet relayed between DTLS-SRTP and RTP, ours beside rtpengine's.
import { setTimeout as pause } from 'node:timers/promises'
import { cpuUs, stolen } from './lib/process.mjs'
import { connectCalls, withSide } from './lib/work.mjs'

const warmMs = 1500, drainMs = 300

async function measure(side, seconds) {
    const { peer, gateway } = side
    const ask = (reset) => peer.do('stats', { summary: true, reset })

    await peer.do('send', { codec: 'opus-bytes', pps: 50, bytes: 160 })
    await pause(warmMs)
    const before = gateway ? cpuUs(gateway.pid) : 0
    const generator = cpuUs(peer.process.pid)
    const host = stolen()
    await ask(true)
    await pause(seconds * 1000)
    const { sum } = await ask(false)
    const used = gateway ? cpuUs(gateway.pid) - before : 0
    const host2 = stolen()
    await peer.do('stop')
    await pause(drainMs)
    const { sum: end } = await ask(false)
    return {
        us: used / sum.received, core: used / seconds / 1e6, lost: end.lost, bad: end.bad, received: sum.received,
        p50: sum.latency_p50_us, p99: sum.latency_p99_us,
        generator: (cpuUs(peer.process.pid) - generator) / (seconds * 1e6),
        steal: (host2.steal - host.steal) / Math.max(1, host2.all - host.all),
    }
}

function run(name, calls, seconds, options) {
    return withSide(name, options, async (side) => {
        await connectCalls(side, 0, calls)
        return measure(side, seconds)
    })
}

const us = (value) => value.toFixed(2)
const ms = (value) => (Math.max(0, value) / 1000).toFixed(2)

export async function relay(options) {
    const parts = []
    let worst = 0

    for (const calls of options.calls) {
        const direct = await run('direct', calls, 2, options)
        const ours = await run('causeway', calls, options.seconds, options)
        const theirs = await run('rtpengine', calls, options.seconds, options)
        const tell = (m) => `${us(m.us)} us/packet (${m.lost} of ${m.received} lost, adds ${ms(m.p50 - direct.p50)} ms p50 ${ms(m.p99 - direct.p50)} p99)`
        const ratio = ours.us / theirs.us
        worst = Math.max(worst, ratio)
        parts.push(`${calls} calls: causeway ${tell(ours)}, rtpengine ${tell(theirs)}, ratio ${us(ratio)}`)
        if (options.verbose) console.error({ calls, direct, ours, theirs })
    }
    return `relay ${parts.join('; ')}; worst ratio ${us(worst)}`
}
