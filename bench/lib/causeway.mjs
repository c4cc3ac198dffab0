// The gateway under test and one browser session that makes all the calls.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { freePort, pinned, until } from './process.mjs'
import { Socket } from './socket.mjs'

const conf = ({ dir, web, sip, browser, more }) => `
log: { level = "warn"; };
admin: { socket = "${dir}/ctl"; };
web: { listen = ( "127.0.0.1:${web}" ); rate_per_s = 100000; rate_burst = 100000; };
auth: { guests = true; };
sip: { listen = ( "udp:127.0.0.1:${sip}" ); peers = ( "127.0.0.0/8" ); };
media: { workers = 1; browser_listen = ( "127.0.0.1" ); browser_port = ${browser};
         rtp_listen = ( "127.0.0.1" ); rtp_port_min = 12000; rtp_port_max = 17999; ${more} };
limits: { calls_per_session = 1000; };
`

export class Causeway {
    static async start({ program, core, more = '' }) {
        const self = new Causeway()
        self.dir = mkdtempSync(path.join(os.tmpdir(), 'causeway-bench-'))
        const web = await freePort(), sip = await freePort(), browser = await freePort()
        writeFileSync(`${self.dir}/conf`, conf({ dir: self.dir, web, sip, browser, more }))
        self.process = spawn(...pinned(core, program, '-c', `${self.dir}/conf`),
            { stdio: ['ignore', 'ignore', 'inherit'] })
        self.process.on('exit', (code, signal) => {
            self.ended = code ?? signal
            for (const { reject } of [...self.pending.values(), ...self.calls.values()])
                reject(new Error(`causeway ended with ${self.ended}`))
        })
        self.pending = new Map() // by id
        self.calls = new Map() // by call
        await until('causeway to listen', async () => {
            if (self.ended !== undefined) throw new Error(`causeway ended with ${self.ended}`)
            self.socket = await Socket.open(`ws://127.0.0.1:${web}/v1/ws`, 'causeway.v1').catch(() => null)
            return self.socket
        })
        self.socket.onmessage = (message) => self.#heard(message)
        await self.request('session.open', { guest: 'bench' })
        return self
    }

    get pid() {
        return this.process.pid
    }

    #heard(message) {
        if (message.method) {
            const { call, sdp, reason, text } = message.params
            if (sdp) this.calls.get(call)?.resolve(sdp)
            if (message.method === 'call.end') this.calls.get(call)?.reject(new Error(`call ended: ${reason} ${text ?? ''}`))
            return
        }
        const { resolve, reject } = this.pending.get(message.id)
        this.pending.delete(message.id)
        if (message.error) reject(new Error(JSON.stringify(message.error)))
        else resolve(message.result)
    }

    request(method, params) {
        const id = (this.next = (this.next ?? 0) + 1)
        return new Promise((resolve, reject) => {
            this.pending.set(id, { resolve, reject })
            this.socket.send({ jsonrpc: '2.0', id, method, params })
        })
    }

    // The SDP answer to the browser's offer.
    async call(call, to, sdp) {
        const answered = new Promise((resolve, reject) => this.calls.set(call, { resolve, reject }))
        await this.request('call.start', { call, to, sdp })
        return answered
    }

    async stop() {
        this.socket.close()
        this.process.kill()
        await until('causeway to end', () => this.ended !== undefined)
        rmSync(this.dir, { recursive: true })
        if (this.ended !== 0) throw new Error(`causeway ended with ${this.ended}`)
    }
}
