// The least a gateway with our sockets can take (tests/peer/floor): packets in and out, no work between.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pinned } from './process.mjs'

const address = '198.18.0.1', gatherUs = 400 // as media.gather_us

const whereOf = (sdp) => `${/^c=IN IP4 (\S+)/m.exec(sdp)[1]}:${/^m=audio (\d+)/m.exec(sdp)[1]}`
const elsewhere = (sdp, port) =>
    sdp.replace(/^c=IN IP4 \S+/gm, `c=IN IP4 ${address}`).replace(/^m=audio \d+/m, `m=audio ${port}`).replace(/^a=rtcp:.*\r\n/gm, '')

export class Floor {
    static start({ webpeer, core, shared, xdp }) {
        const self = new Floor()
        const program = path.join(path.dirname(webpeer), '../floor/floor')
        self.near = shared ? 'shared' : 'own'
        self.calls = 0
        self.waiting = []
        self.process = spawn(...pinned(core, [program, `${address}:0`, '10000', '29999', String(gatherUs), xdp ?? '-']), { stdio: ['pipe', 'pipe', 'inherit'] })
        self.process.on('exit', () => self.waiting.forEach(({ reject }) => reject(new Error('floor ended'))))
        createInterface({ input: self.process.stdout }).on('line', (line) => self.waiting.shift().resolve(line.split(' ')))
        return self
    }

    // The near end's offer on its way to the far end, whose answer is accept(offer); the near end's answer.
    async call(offer, accept) {
        const n = this.calls++
        const opened = new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
        this.process.stdin.write(`open ${this.near}\n`)
        const [nearPort, farPort] = await opened
        const answer = await accept(elsewhere(offer, farPort))
        this.process.stdin.write(`ends ${n} ${whereOf(offer)} ${whereOf(answer)}\n`)
        return elsewhere(answer, nearPort)
    }

    get pid() {
        return this.process.pid
    }

    async stop() {
        this.process.stdin.end()
        await new Promise((resolve) => this.process.on('exit', resolve))
    }
}
