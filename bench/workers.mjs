// One worker, then two, each with as many calls: do two cores carry twice the packets? On a machine of two
// cores the generators must share them, so each core has a worker (the second not at first) and a
// generator, and what is compared is the CPU time a packet costs.
import { spawnSync } from 'node:child_process'
import { measure } from './lib/measure.mjs'
import { threadsNamed } from './lib/process.mjs'
import { Table } from './lib/table.mjs'
import { connectCalls, jobs, withSide } from './lib/work.mjs'

const columns = [['work           '], ['workers', 0], ['calls', 0], ['packets/s', 0], ['us/packet', 2], ['core % a worker', 1], ['lost %', 3],
    ['packets for the same load', 2]]
const callsEach = 400

// Worker i to core i, so that two never share one.
function pinWorkers(pid) {
    threadsNamed(pid, /^cw-media-/).sort((a, b) => a - b).forEach((task, i) => spawnSync('taskset', ['-pc', String(i), task]))
}

function run(job, workers, calls, options) {
    return withSide('causeway', job, { ...options, workers, core: '0,1', generatorCores: [0, 1] }, async (side) => {
        pinWorkers(side.gateway.pid)
        await connectCalls(side, 0, calls)
        return measure(side, { calls, seconds: options.seconds })
    })
}

export async function workers(options) {
    const table = new Table('Workers: the same load for each', columns)
    const each = options.explicitCalls?.[0] ?? callsEach

    for (const job of options.jobs ?? ['dtls', 'rtp']) {
        let one
        for (const n of [1, 2]) {
            const m = await run(job, n, n * each, options)
            one ??= m
            table.row(jobs[job].name, n, n * each, m.perSecond, m.us, (m.core * 100) / n, m.lostShare * 100, (n * one.us) / m.us)
            if (options.verbose) console.error(m)
        }
    }
}
