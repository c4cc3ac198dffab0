// Processes: where they run, what they use, a free port, waiting for a condition.
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

let allowed // to run first on a core

function mayGoFirst() {
    allowed ??= !process.env.BENCH_GENTLE && process.getuid() === 0 && spawnSync('chrt', ['-f', '10', 'true']).status === 0
    return allowed
}

// Runs `work` with nobody first: where it takes minutes, and what is measured does not depend on it. A process
// that is first and waits in the kernel for one that is not may wait for ever.
export async function gently(work) {
    const was = mayGoFirst()
    const rank = (...how) => was && spawnSync('chrt', [...how, String(process.pid)])
    allowed = false
    rank('-o', '-p', '0')
    try {
        return await work()
    } finally {
        allowed = was
        rank('-f', '-p', '11')
    }
}

// A command on one core, or several ("0,1"), and first in line there where we may: what else runs on
// the machine then costs neither side more than the other. Not first (`fair`) where threads of one
// program compete; goFirst() is for some of them.
export function pinned(core, command, { fair = false } = {}) {
    const rank = !mayGoFirst() ? [] : fair ? ['chrt', '-o', '0'] : ['chrt', '-f', '10']
    const [file, ...args] = [...rank, 'taskset', '-c', String(core), ...command]
    return [file, args]
}

export function goFirst(tasks) {
    for (const task of mayGoFirst() ? tasks : []) spawnSync('chrt', ['-f', '-p', '10', task])
}

export function installed(program) {
    return process.env.PATH.split(':').some((dir) => {
        try {
            accessSync(path.join(dir, program), constants.X_OK)
            return true
        } catch {
            return false
        }
    })
}

// Microseconds of CPU a process has used, user and system, over its threads. What the scheduler
// counted: utime + stime say the same, but in steps of 10 ms.
export function cpuUs(pid) {
    let ns = 0
    for (const task of readdirSync(`/proc/${pid}/task`)) {
        try {
            ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
        } catch {
            // the thread has just ended
        }
    }
    return ns / 1000
}

export function usage(pid) {
    const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])
    return { kib, fds: readdirSync(`/proc/${pid}/fd`).length, threads: readdirSync(`/proc/${pid}/task`).length }
}

// What is resident; of what processes share, each has its part.
export function pssKib(pid) {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1])
}

// Thread ids whose name matches.
export function threadsNamed(pid, name) {
    return readdirSync(`/proc/${pid}/task`).filter((task) => name.test(readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8')))
}

// The share of this machine's time that its host gave to others meanwhile, from two of these.
export function stolen() {
    const n = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/ +/).slice(1, 9).map(Number)
    return { steal: n[7], all: n.reduce((a, b) => a + b) }
}

export async function freePort(type = 'udp4') {
    const socket = createSocket(type)
    await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve))
    const { port } = socket.address()
    await new Promise((resolve) => socket.close(resolve))
    return port
}

export async function until(what, condition, timeoutMs = 10000) {
    const end = Date.now() + timeoutMs
    while (Date.now() < end) {
        if (await condition()) return
        await pause(20)
    }
    throw new Error(`waited in vain for ${what}`)
}

// fn(0) … fn(n - 1), at most `at_once` of them running.
export async function spread(n, atOnce, fn) {
    let next = 0
    const worker = async () => {
        while (next < n) await fn(next++)
    }
    await Promise.all(Array.from({ length: Math.min(n, atOnce) }, worker))
}
