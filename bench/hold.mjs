// What a call holds while it is up and nobody speaks: memory, descriptors, threads, CPU.
import { setTimeout as pause } from 'node:timers/promises'
import { cpuUs, gently, usage } from './lib/process.mjs'
import { Table } from './lib/table.mjs'
import { connectCalls, jobs, rivals, withSide } from './lib/work.mjs'

const columns = [['work           '], ['calls', 0], ['gateway              '], ['KB/call at once', 1], ['KB/call settled', 1], ['fds/call', 1],
    ['threads/call', 1], ['idle core %', 2], ['far ends silent %', 3]]
const firstCalls = 20
const settleMs = 36000 // SIP keeps a transaction for 32 s (RFC 3261 17.1.1.2, RFC 6026 8.4)
const idleMs = 5000

async function idle(pid) {
    const before = cpuUs(pid)
    await pause(idleMs)
    return (cpuUs(pid) - before) / (idleMs * 1000)
}

// The far ends stopped: nothing comes from them, not even what keeps ICE alive.
async function silent(side) {
    for (const { process } of side.peers) process.kill('SIGSTOP')
    await pause(1000)
    try {
        return await idle(side.gateway.pid)
    } finally {
        for (const { process } of side.peers) process.kill('SIGCONT')
    }
}

function run(name, job, calls, options) {
    return withSide(name, job, options, async (side) => {
        await connectCalls(side, 0, firstCalls)
        await pause(1000)
        const before = usage(side.gateway.pid)
        const each = (now, what) => (now[what] - before[what]) / (calls - firstCalls)
        await connectCalls(side, firstCalls, calls - firstCalls)
        await pause(1000)
        const atOnce = usage(side.gateway.pid)
        await pause(settleMs)
        const settled = usage(side.gateway.pid)
        const usual = await idle(side.gateway.pid)
        return { kib: each(atOnce, 'kib'), settled: each(settled, 'kib'), fds: each(settled, 'fds'), threads: each(settled, 'threads'), idle: usual, silent: await silent(side) }
    })
}

export async function hold(options) {
    const table = new Table('Calls up, no media', columns)

    for (const job of options.jobs ?? ['dtls', 'rtp'])
        for (const calls of options.explicitCalls ?? [520])
            for (const name of [...rivals(job), 'causeway, media alone', 'causeway']) {
                const m = await gently(() => run(name, job, calls, options))
                table.row(jobs[job].name, calls, name, m.kib, m.settled, m.fds, m.threads, m.idle * 100, m.silent * 100)
            }
}
