// Calls a core transcodes: CPU time a call, ours beside rtpengine's.
import { readFileSync } from 'node:fs'
import { measure } from './lib/measure.mjs'
import { Table } from './lib/table.mjs'
import { connectCalls, jobs, rivals, withSide } from './lib/work.mjs'

const columns = [['work         '], ['gateway            '], ['calls', 0], ['core %', 1], ['ms/s a call', 2], ['calls a core', 0], ['of rtpengine', 2], ['arrived %', 1]]
const voice = JSON.parse(readFileSync(new URL('lib/voice.json', import.meta.url)))
const callsAtOnce = 60

function run(name, job, calls, options) {
    const { near, far } = jobs[job]
    const flows = [{ codec: near, side: 'web', frames: voice[near] }, { codec: far, side: 'rtp', frames: voice[far] }]
    return withSide(name, job, options, async (side) => {
        await connectCalls(side, 0, calls)
        return measure(side, { calls, seconds: options.seconds, flows })
    })
}

export async function transcode(options) {
    const table = new Table('Transcoding', columns)
    const calls = options.explicitCalls?.[0] ?? callsAtOnce

    for (const job of options.jobs ?? ['pcma', 'amrwb']) {
        let theirs
        for (const [name, title, more = ''] of [...rivals(job).map((rival) => [rival, rival]), ['causeway', 'causeway'], ['causeway', 'causeway, effort 10', 'opus_complexity = 10;']]) {
            const m = await run(name, job, calls, { ...options, more: more + options.more })
            table.row(jobs[job].name, title, calls, m.core * 100, (m.core * 1000) / calls, calls / m.core, theirs && theirs / m.core, m.arrivedShare * 100)
            if (name !== 'causeway') theirs = m.core
        }
        if (!rivals(job).length) table.note(`${jobs[job].name}: no rival here can`)
    }
}
