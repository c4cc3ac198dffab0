// Our media without our signalling (tests/peer/bare).
import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pinned } from './process.mjs'

export class Bare {
    static start({ webpeer, core }) {
        const self = new Bare()
        const program = path.join(path.dirname(webpeer), '../bare/bare')
        self.waiting = new Map() // by call
        self.process = spawn(...pinned(core, [program, '198.18.0.1', '10000', '29999']), { stdio: ['pipe', 'pipe', 'inherit'] })
        self.process.on('exit', () => {
            self.ended = true
            for (const { reject } of self.waiting.values()) reject(new Error('bare ended'))
        })
        createInterface({ input: self.process.stdout }).on('line', (line) => {
            const { id, sdp } = JSON.parse(line)
            self.waiting.get(id).resolve(sdp)
        })
        return self
    }

    #ask(id, members) {
        this.process.stdin.write(JSON.stringify({ id, ...members }) + '\n')
        return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
    }

    offer(id, sdp, web) {
        return this.#ask(id, { offer: sdp, web })
    }

    answer(id, sdp) {
        return this.#ask(id, { answer: sdp })
    }

    get pid() {
        return this.process.pid
    }

    async stop() {
        this.process.stdin.end()
        if (!this.ended) await new Promise((resolve) => this.process.on('exit', resolve))
    }
}
