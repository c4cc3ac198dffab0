// Processes: their CPU time, a free port, waiting for a condition.
import { readdirSync, readFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { setTimeout as pause } from 'node:timers/promises'

// A command on one core, and first in line there when root asks: what else runs on the machine then
// costs neither side more than the other.
export function pinned(core, ...command) {
    const first = process.getuid() === 0 ? ['chrt', '-f', '10'] : []
    const [file, ...args] = [...first, 'taskset', '-c', String(core), ...command]
    return [file, args]
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
    await Promise.all(Array.from({ length: atOnce }, worker))
}
