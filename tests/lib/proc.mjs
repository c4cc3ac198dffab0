// proc.mjs - programs under test: started with a log, awaited by what they print, ended by pid.
import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'

export const top = path.resolve(fileURLToPath(import.meta.url), '../../..')
export const buildDir = process.env.CW_BUILD ?? path.join(top, 'build')
const test = path.basename(process.argv[1] ?? 'test').replace(/\..*$/, '')
export const outDir = path.join(process.env.CW_OUT ?? path.join(top, 'tests/out'), test)
mkdirSync(outDir, { recursive: true })

// What lives as long as the file of tests; ended last first. (An after() inside a before() would run
// when that before() is over.)
const ends = []
export const wholeFile = { after: (fn) => ends.unshift(fn) }
after(async () => {
    for (const end of ends.splice(0)) await end()
})

// A folder that the end of `scope` removes. `scope` is a test, or wholeFile.
export function tempDir(scope, name = 'cw') {
    const dir = mkdtempSync(path.join(os.tmpdir(), `${name}-`))
    scope.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 20 }))
    return dir
}

export function withDeadline(promise, ms, what) {
    let timer
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// For what no event tells: ask again until `check` gives something true.
export async function until(check, what, ms = 5000, every = 20) {
    const end = Date.now() + ms
    let last
    for (;;) {
        last = await check()
        if (last) return last
        if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
        await new Promise((resolve) => setTimeout(resolve, every))
    }
}

let logs = 0

export class Program {
    // `peer`: not ours, with children perhaps; ended at once, all of it. `patience`: how long after its end it is heard.
    constructor(scope, name, file, args, { cwd, env, stopSignal = 'SIGTERM', peer = false, patience = 200 } = {}) {
        this.name = name
        this.text = ''
        this.waiters = new Set()
        this.log = createWriteStream(path.join(outDir, `${String(++logs).padStart(3, '0')}-${name}.log`))
        this.log.write(`$ ${[file, ...args].join(' ')}\n`)
        this.child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: peer })
        this.peer = peer
        this.pid = this.child.pid
        this.stopSignal = stopSignal
        for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (data) => this.#heard(data))
        this.exited = new Promise((resolve) => {
            this.child.on('error', (error) => resolve({ error }))
            this.child.on('close', (code, signal) => resolve({ code, signal }))
            // A child of its own may hold the pipes open.
            this.child.on('exit', (code, signal) => setTimeout(() => resolve({ code, signal }), patience).unref())
        }).then((end) => {
            this.end = end
            this.log.end(`\n[${JSON.stringify(end)}]\n`)
            for (const waiter of this.waiters) waiter()
            return end
        })
        scope.after(() => (peer ? this.kill() : this.stop()))
    }

    async kill() {
        try {
            process.kill(this.peer ? -this.pid : this.pid, 'SIGKILL')
        } catch {
            // gone already
        }
        await this.exited
        this.child.stdout.destroy()
        this.child.stderr.destroy()
    }

    #heard(data) {
        this.text += data
        if (this.log.writable) this.log.write(data)
        for (const waiter of this.waiters) waiter()
    }

    // The match of `pattern` in what was printed from offset `from` on; fails when the program ends first.
    waitFor(pattern, ms = 10000, from = 0) {
        let waiter
        const found = new Promise((resolve, reject) => {
            waiter = () => {
                const m = pattern.exec(this.text.slice(from))
                if (m) resolve(m)
                else if (this.end) reject(new Error(`${this.name} ended (${JSON.stringify(this.end)}) before ${pattern}: ${this.text.slice(-2000)}`))
            }
            this.waiters.add(waiter)
            waiter()
        })
        return withDeadline(found, ms, `${this.name} prints ${pattern}; it printed: ${this.text.slice(-2000)}`)
            .finally(() => this.waiters.delete(waiter))
    }

    wait(ms = 30000) {
        return withDeadline(this.exited, ms, `${this.name} ends; it printed: ${this.text.slice(-2000)}`)
    }

    async stop(signal = this.stopSignal) {
        if (!this.end) this.child.kill(signal)
        try {
            return await this.wait(8000)
        } catch (error) {
            await this.kill()
            throw error
        }
    }
}

export async function run(file, args, { ms = 20000, ...options } = {}) {
    const ends = []
    const scope = { after: (fn) => ends.push(fn) }
    const program = new Program(scope, path.basename(file), file, args, { patience: 10000, ...options })
    const end = await program.wait(ms).catch(async (error) => {
        program.child.kill('SIGKILL')
        throw error
    })
    return { ...end, text: program.text }
}

// Descriptors a process has open, by what they lead to.
export function openFiles(pid) {
    const dir = `/proc/${pid}/fd`
    return readdirSync(dir).flatMap((fd) => {
        try {
            return [readlinkSync(path.join(dir, fd)).replace(/\[\d+\]/, '')]
        } catch {
            return []
        }
    })
}

export function residentKib(pid) {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])
}

// Pids of this pid namespace whose command line matches.
export function processes(pattern) {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
        try {
            const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
            return pattern.test(line) ? [{ pid: Number(pid), line }] : []
        } catch {
            return []
        }
    })
}

// Does anything here listen on a port? UDP sockets show as bound (07), TCP ones as listening (0A).
export function listens(port, transport = 'udp') {
    const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
    return ['', '6'].some((family) => readFileSync(`/proc/net/${transport}${family}`, 'utf8').split('\n').some((line) => {
        const [, local, , state] = line.trim().split(/\s+/)
        return local?.endsWith(hex) && state === (transport === 'udp' ? '07' : '0A')
    }))
}
