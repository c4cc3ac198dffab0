// The most calls one core carries with little loss and little delay, ours beside rtpengine's.
import { measure } from './lib/measure.mjs'
import { Table } from './lib/table.mjs'
import { connectCalls, jobs, ours, rivals, withSide } from './lib/work.mjs'

const columns = [['work           '], ['gateway         '], ['calls    '], ['us/packet', 2], ['core %', 1], ['lost %', 3], ['adds p99 ms', 2],
    ['generator core %', 1], ['of rtpengine', 2]]
const p99Limit = 5, lossLimit = 0.001 // ms, share
const start = 300, factor = 1.3, apart = 25, most = 2600
const tries = 3 // the host takes time away now and then; thrice in a row is no accident
const busyGenerator = 0.97

// Does it carry so many? `keepsUp`: the generator did.
async function probe(side, calls, seconds, base) {
    let m
    if (calls > side.connected) await connectCalls(side, side.connected, calls - side.connected)
    side.connected = Math.max(side.connected, calls)
    for (let i = 0; i < tries; i++) {
        m = await measure(side, { calls, seconds })
        m.calls = calls
        m.keepsUp = m.sentShare > 0.995 && m.generator < busyGenerator
        m.good = m.keepsUp && m.p99 - base < p99Limit && m.lostShare < lossLimit
        if (m.good) break
    }
    return m
}

// Up until it does not, then between; the last that was good, and the first that was not.
function search(name, job, options) {
    return withSide(name, job, options, async (side) => {
        let good, bad, calls = start
        side.connected = 0
        while (!bad || bad.calls - (good?.calls ?? 0) > apart) {
            const m = await probe(side, calls, options.seconds, options.base)
            if (options.verbose) console.error(name, m)
            if (m.good) good = m
            else bad = m
            if (calls >= most) break
            calls = !bad ? Math.min(most, Math.round(calls * factor)) : Math.round(((good?.calls ?? 0) + bad.calls) / 2)
        }
        return { good, limit: bad ? !bad.keepsUp : true }
    })
}

export async function capacity(options) {
    const table = new Table(`Calls on one core with less than ${p99Limit} ms added at the 99th percentile and ${lossLimit * 100} % lost`, columns)
    const seconds = Math.min(options.seconds, 3)

    for (const job of options.jobs ?? ['dtls', 'rtp']) {
        const base = await withSide('direct', job, options, async (side) => {
            await connectCalls(side, 0, 100)
            return (await measure(side, { calls: 100, seconds: 2 })).p50
        })
        const found = {}
        for (const name of [...rivals(job).filter((rival) => rival === 'rtpengine'), ...ours(options)]) {
            const { good, limit } = (found[name] = await search(name, job, { ...options, seconds, base }))
            const theirs = name !== 'rtpengine' ? found.rtpengine?.good : undefined
            table.row(jobs[job].name, name, `${limit ? '≥ ' : ''}${good?.calls ?? 0}`, good?.us, good && good.core * 100, good && good.lostShare * 100,
                good && good.p99 - base, good && good.generator * 100, good && theirs && good.calls / theirs.calls)
        }
    }
    table.note('≥: the load generator came to its end first')
}
