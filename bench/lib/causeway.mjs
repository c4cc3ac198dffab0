// The gateway under test and one browser session that makes all the calls.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { freePort, pinned, until } from './process.mjs'
import { Socket } from './socket.mjs'

const perSession = 1000

const conf = ({ dir, web, sip, browser, workers, phone, more, records, webMore }) => `
log: { level = "warn"; };
admin: { socket = "${dir}/ctl"; };
web: { listen = ( "127.0.0.1:${web}" ); rate_per_s = 100000; rate_burst = 100000;
       ping_timeout_ms = 3600000; queue_max_bytes = 67108864; ${webMore} };
auth: { guests = true; };
sip: { listen = ( "udp:127.0.0.1:${sip}" ); peers = ( "127.0.0.0/8" ); };
inbound = ( { match = "c*"; to = "sip:$@127.0.0.1:${phone}"; }, { match = "echo"; to = "service:echo"; } );
media: { workers = ${workers}; browser_listen = ( "198.18.0.1" ); browser_port = ${browser};
         rtp_listen = ( "198.18.0.1" ); rtp_port_min = 10000; rtp_port_max = 29999; ${more} };
${records}
limits: { calls_max = 10000; calls_per_session = ${perSession}; };
`

// A client of the gateway: requests answered, and what it is told about its calls.
class Session {
    static async open(url, calls) {
        const self = new Session()
        self.socket = await Socket.open(url, 'causeway.v1')
        self.pending = new Map() // by id
        self.calls = calls
        self.socket.onmessage = (message) => self.#heard(message)
        await self.request('session.open', { guest: 'bench', resume: false })
        return self
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

    close() {
        this.socket.close()
    }
}

export class Causeway {
    // phone: the port that calls from SIP are sent on to
    // records: of its configuration, besides; web: options of that section
    static async start({ program, core, fair, workers = 1, phone = 9, more = '', records = '', web: webMore = '' }) {
        const self = new Causeway()
        self.dir = mkdtempSync(path.join(os.tmpdir(), 'causeway-bench-'))
        const web = await freePort(), sip = await freePort(), browser = await freePort()
        self.sipPort = sip
        self.address = `127.0.0.1:${web}`
        self.url = `ws://${self.address}/v1/ws`
        writeFileSync(`${self.dir}/conf`, conf({ dir: self.dir, web, sip, browser, workers, phone, more, records, webMore }))
        self.process = spawn(...pinned(core, [program, '-c', `${self.dir}/conf`], { fair }), { stdio: ['ignore', 'ignore', 'inherit'] })
        self.calls = new Map() // by name, who waits for its answer
        self.where = new Map() // by name, which session
        self.process.on('exit', (code, signal) => {
            self.ended = code ?? signal
            for (const { reject } of self.calls.values()) reject(new Error(`causeway ended with ${self.ended}`))
        })
        self.sessions = []
        await until('causeway to listen', async () => {
            if (self.ended !== undefined) throw new Error(`causeway ended with ${self.ended}`)
            self.sessions[0] = await Session.open(self.url, self.calls).catch(() => null)
            return self.sessions[0]
        })
        return self
    }

    get pid() {
        return this.process.pid
    }

    // What its control socket says.
    ask(method, params = {}) {
        return new Promise((resolve, reject) => {
            const socket = net.connect(`${this.dir}/ctl`)
            let text = ''
            socket.on('connect', () => socket.write(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) + '\n'))
            socket.on('error', reject)
            socket.on('data', (data) => {
                text += data
                if (!text.endsWith('\n')) return
                socket.destroy()
                resolve(JSON.parse(text).result)
            })
        })
    }

    // The SDP answer to the browser's offer.
    async call(call, to, sdp) {
        const index = Math.floor(this.calls.size / perSession)
        this.where.set(call, index)
        this.sessions[index] ??= Session.open(this.url, this.calls)
        const answered = new Promise((resolve, reject) => this.calls.set(call, { resolve, reject }))
        const session = await this.sessions[index]
        await session.request('call.start', { call, to, sdp })
        return answered
    }

    // Hang up; resolves when the gateway has.
    async end(call) {
        const session = await this.sessions[this.where.get(call)]
        this.where.delete(call)
        this.calls.delete(call)
        await session.request('call.end', { call })
    }

    async stop() {
        for (const session of this.sessions) (await session).close()
        this.process.kill()
        await until('causeway to end', () => this.ended !== undefined, 30000)
        rmSync(this.dir, { recursive: true })
        if (this.ended !== 0) throw new Error(`causeway ended with ${this.ended}`)
    }
}
