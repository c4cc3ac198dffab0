// Calls a core transcodes: CPU time a call, ours beside rtpengine's.
import { readFileSync } from 'node:fs'
import { measure } from './lib/measure.mjs'
import { installed } from './lib/process.mjs'
import { Table } from './lib/table.mjs'
import { connectCalls, gateways, jobs, withSide } from './lib/work.mjs'

const columns = [['work         '], ['gateway  '], ['calls', 0], ['core %', 1], ['calls a core', 0], ['ours/theirs', 2], ['arrived %', 1], ['level dB', 1]]
const voice = JSON.parse(readFileSync(new URL('lib/voice.json', import.meta.url)))
const rivals = { pcma: ['rtpengine'], amrwb: [] } // Debian's rtpengine decodes AMR-WB and does not encode it
const callsAtOnce = 60

function run(name, job, calls, options) {
    const { near, far } = jobs[job]
    const flows = [{ codec: near, side: 'web', frames: voice[near] }, { codec: far, side: 'rtp', frames: voice[far] }]
    return withSide(name, job, options, async (side) => {
        await connectCalls(side, 0, calls)
        const m = await measure(side, { calls, seconds: options.seconds, flows })
        const { endpoints: [{ sound }] } = await side.peers[0].do('stats', { id: 2 }) // the first call's telephone
        return { ...m, level: sound?.level_db }
    })
}

export async function transcode(options) {
    const table = new Table('Transcoding', columns)
    const calls = options.explicitCalls?.[0] ?? callsAtOnce

    for (const job of options.jobs ?? Object.keys(rivals)) {
        const ours = await run('causeway', job, calls, options)
        const tell = (name, m) => table.row(jobs[job].name, name, calls, m.core * 100, calls / m.core, m === ours ? undefined : m.core / ours.core, m.arrivedShare * 100, m.level)
        tell('causeway', ours)
        for (const name of rivals[job].filter((rival) => installed(gateways[rival].program))) tell(name, await run(name, job, calls, options))
        if (!rivals[job].length) table.note(`${jobs[job].name}: Debian's rtpengine cannot encode AMR-WB`)
    }
}
