// bench/run …: see README.md
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const top = path.resolve(fileURLToPath(import.meta.url), '../..')
const build = process.env.CW_BUILD ?? path.join(top, 'build')
const benches = ['relay', 'floor', 'hold', 'capacity', 'workers', 'setup', 'transcode', 'sip', 'flood', 'register', 'ws']

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        calls: { type: 'string' },
        seconds: { type: 'string', default: '10' },
        count: { type: 'string', default: '400' },
        hellos: { type: 'string', default: '5000' },
        jobs: { type: 'string' },
        users: { type: 'string', default: '10000' },
        sessions: { type: 'string', default: '5000,50000' },
        settle: { type: 'string', default: '60' },
        media: { type: 'string', default: '' },
        verbose: { type: 'boolean', short: 'v' },
    },
})
const wanted = positionals[0] === 'all' ? benches : positionals
if (!wanted.length || !wanted.every((name) => benches.includes(name))) {
    console.error(`usage: bench/run all|${benches.join('|')} [--calls 200,500,1000] [--seconds 10] [--count 400] [--hellos 5000]
       [--jobs dtls,rtp] [--media "gather_us = 0;"] [-v]`)
    process.exit(2)
}
for (const name of wanted) {
    const bench = await import(`./${name}.mjs`)
    await bench[name]({
        program: path.join(build, 'causeway'),
        webpeer: path.join(build, 'tests/peer/webpeer/webpeer'),
        calls: (values.calls ?? '200,500,1000').split(',').map(Number),
        explicitCalls: values.calls?.split(',').map(Number),
        seconds: Number(values.seconds),
        count: Number(values.count),
        hellos: Number(values.hellos),
        jobs: values.jobs?.split(','),
        users: Number(values.users),
        sessions: values.sessions.split(',').map(Number),
        settle: Number(values.settle),
        more: values.media,
        verbose: values.verbose,
    })
}
process.exit(0)
