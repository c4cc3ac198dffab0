// Many WebSocket clients (tests/peer/wsload) as promises: one command after the other.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pinned } from './process.mjs'

export class Wsload {
    static start({ webpeer, core = 1 }) {
        const self = new Wsload()
        const program = path.join(path.dirname(webpeer), '../wsload/wsload')
        self.waiting = [] // in order
        self.process = spawn(...pinned(core, [program]), { stdio: ['pipe', 'pipe', 'inherit'] })
        self.process.stdin.on('error', () => {}) // it ended: told by what follows
        self.process.on('exit', () => {
            for (const { reject } of self.waiting.splice(0)) reject(new Error('wsload ended'))
        })
        createInterface({ input: self.process.stdout }).on('line', (line) => self.waiting.shift().resolve(JSON.parse(line)))
        return self
    }

    do(cmd, members = {}) {
        this.process.stdin.write(JSON.stringify({ cmd, ...members }) + '\n')
        return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
    }

    stop() {
        this.process.stdin.end()
    }
}
