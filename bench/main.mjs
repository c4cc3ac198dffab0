// bench/run relay|setup: see README.md
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { relay } from './relay.mjs'
import { setup } from './setup.mjs'

const top = path.resolve(fileURLToPath(import.meta.url), '../..')
const build = process.env.CW_BUILD ?? path.join(top, 'build')

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        calls: { type: 'string', default: '200,500' },
        seconds: { type: 'string', default: '10' },
        count: { type: 'string', default: '400' },
        media: { type: 'string', default: '' },
        verbose: { type: 'boolean', short: 'v' },
    },
})
const what = { relay, setup }[positionals[0]]
if (!what) {
    console.error('usage: bench/run relay|setup [--calls 200,500] [--seconds 10] [--count 400] [--media "gather_us = 0;"] [-v]')
    process.exit(2)
}
console.log(await what({
    program: path.join(build, 'causeway'),
    webpeer: path.join(build, 'tests/peer/webpeer/webpeer'),
    calls: values.calls.split(',').map(Number),
    seconds: Number(values.seconds),
    count: Number(values.count),
    more: values.media,
    verbose: values.verbose,
}))
process.exit(0)
