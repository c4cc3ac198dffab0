// CPU for each call set up from WebRTC to SIP: JSON, ICE, DTLS, INVITE, 200, ACK. Beside it what
// rtpengine alone needs for its part: offer and answer by its own protocol, ICE and DTLS.
import { until, cpuUs } from './lib/process.mjs'
import { connectCalls, withSide } from './lib/work.mjs'

const warm = 50 // calls before the counting starts

function run(name, options) {
    return withSide(name, options, async (side) => {
        await connectCalls(side, 0, warm, 4)
        const before = cpuUs(side.gateway.pid), start = Date.now()
        await connectCalls(side, warm, options.count, 4)
        if (side.phone) await until('the last ACK', () => side.phone.acked >= warm + options.count)
        return { ms: (cpuUs(side.gateway.pid) - before) / options.count / 1000, rate: (options.count * 1000) / (Date.now() - start) }
    })
}

export async function setup(options) {
    const ours = await run('causeway', options)
    const theirs = await run('rtpengine', options)
    return `setup ${options.count} calls: causeway ${ours.ms.toFixed(2)} ms CPU a call (${ours.rate.toFixed(0)} calls/s), ` +
        `rtpengine without SIP ${theirs.ms.toFixed(2)} ms; ratio ${(ours.ms / theirs.ms).toFixed(2)}`
}
