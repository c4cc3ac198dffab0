// The load generator (tests/peer/webpeer) as promises.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { pinned } from './process.mjs'

export class Webpeer {
    constructor(program, { core = 1, suites } = {}) {
        this.process = spawn(...pinned(core, ['nsenter', '--net=/run/netns/far', program, ...(suites ? [suites] : [])]), { stdio: ['pipe', 'pipe', 'inherit'] })
        this.waiting = new Map() // by tag
        this.watching = new Map(); // "event id" to [resolve]
        this.tag = 0
        createInterface({ input: this.process.stdout }).on('line', (line) => this.#read(JSON.parse(line)))
        this.process.stdin.on('error', () => {}) // it ended: told by what follows
        this.process.on('exit', () => {
            this.ended = true
            for (const { reject } of this.waiting.values()) reject(new Error('webpeer ended'))
        })
    }

    #read(message) {
        if (message.event) {
            const key = `${message.event} ${message.id}`
            this.watching.get(key)?.(message)
            this.watching.delete(key)
            if (message.event === 'failed') this.onfailed?.(message)
            return
        }
        const { resolve, reject } = this.waiting.get(message.tag)
        this.waiting.delete(message.tag)
        if (message.error) reject(new Error(`webpeer: ${message.cmd}: ${message.error}`))
        else resolve(message)
    }

    do(cmd, members = {}) {
        const tag = ++this.tag
        if (this.ended) return Promise.reject(new Error('webpeer ended'))
        return new Promise((resolve, reject) => {
            this.waiting.set(tag, { resolve, reject })
            this.process.stdin.write(JSON.stringify({ cmd, tag, ...members }) + '\n')
        })
    }

    // Ask before what causes it is done.
    event(event, id) {
        return new Promise((resolve) => this.watching.set(`${event} ${id}`, resolve))
    }

    close() {
        this.process.stdin.end('{"cmd":"quit"}\n')
    }
}
