// Debian's Janus with its NoSIP plugin, by its JSON over WebSocket: the browser's offer becomes SDP for a
// telephone, the telephone's answer becomes the browser's. Full ICE by libnice, on an address of this
// machine that is not loopback: Janus uses no other.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { freePort, pinned, until } from './process.mjs'
import { Socket } from './socket.mjs'

const libraries = '/usr/lib/x86_64-linux-gnu/janus'
const others = (kind, wanted) =>
    readdirSync(`${libraries}/${kind}`).filter((name) => name.endsWith('.so') && !name.includes(wanted)).join(',')

const conf = (dir, plugin) => `
general: { configs_folder = "${dir}"; plugins_folder = "${libraries}/plugins"; transports_folder = "${libraries}/transports";
           events_folder = "${dir}/none"; loggers_folder = "${dir}/none"; debug_level = 1;
           session_timeout = 0; };
plugins: { disable = "${others('plugins', `_${plugin}.`)}"; };
transports: { disable = "${others('transports', 'websockets')}"; };
`
const websockets = (port) => `general: { json = "compact"; ws = true; ws_ip = "127.0.0.1"; ws_port = ${port}; };\n`
const settings = {
    nosip: 'general: { local_ip = "198.18.0.1"; rtp_port_range = "10000-29999"; };\n',
    sip: 'general: { local_ip = "198.18.0.1"; };\n',
}

export class Janus {
    // plugin: nosip, for calls, or sip, for registrations
    static async start({ core, plugin = 'nosip' }) {
        const self = new Janus()
        const port = await freePort()
        self.address = `127.0.0.1:${port}`
        self.dir = mkdtempSync(path.join(os.tmpdir(), 'janus-bench-'))
        mkdirSync(`${self.dir}/none`)
        writeFileSync(`${self.dir}/janus.jcfg`, conf(self.dir, plugin))
        writeFileSync(`${self.dir}/janus.transport.websockets.jcfg`, websockets(port))
        writeFileSync(`${self.dir}/janus.plugin.${plugin}.jcfg`, settings[plugin])
        self.registering = new Map() // by handle
        self.process = spawn(...pinned(core, ['janus', '-F', self.dir, '-C', `${self.dir}/janus.jcfg`]), { stdio: 'ignore' })
        self.process.on('exit', (code, signal) => (self.ended = code ?? signal))
        self.waiting = new Map() // by transaction
        await until('Janus to listen', async () => {
            if (self.ended !== undefined) throw new Error(`Janus ended with ${self.ended}`)
            self.socket = await Socket.open(`ws://127.0.0.1:${port}/`, 'janus-protocol').catch(() => null)
            return self.socket
        })
        self.socket.onmessage = (message) => self.#heard(message)
        self.session = (await self.#ask({ janus: 'create' })).data.id
        self.alive = setInterval(() => self.#send({ janus: 'keepalive', session_id: self.session, transaction: 'alive' }), 20000)
        return self
    }

    #send(message) {
        this.socket.send(message)
    }

    // Answered by "success", or by an event after an "ack".
    #ask(message) {
        const transaction = `t${(this.next = (this.next ?? 0) + 1)}`
        return new Promise((resolve, reject) => {
            this.waiting.set(transaction, { resolve, reject })
            this.#send({ ...message, transaction, ...(this.session ? { session_id: this.session } : {}) })
        })
    }

    #heard(message) {
        const news = message.plugindata?.data?.result?.event
        if (news === 'registered' || news === 'registration_failed') {
            this.registering.get(message.sender)?.(news)
            return
        }
        const waiting = this.waiting.get(message.transaction)
        if (!waiting || message.janus === 'ack') return
        this.waiting.delete(message.transaction)
        const error = message.error ?? message.plugindata?.data?.error
        if (error) waiting.reject(new Error(`Janus: ${JSON.stringify(error)}`))
        else waiting.resolve(message)
    }

    // Resolves when the user is registered.
    async register(members) {
        const handle = (await this.#ask({ janus: 'attach', plugin: 'janus.plugin.sip' })).data.id
        const told = new Promise((resolve) => this.registering.set(handle, resolve))
        await this.#ask({ janus: 'message', handle_id: handle, body: { request: 'register', ...members } })
        if (await told !== 'registered') throw new Error('Janus: registration failed')
    }

    // The browser's offer as one for a telephone.
    async offer(sdp) {
        const handle = (await this.#ask({ janus: 'attach', plugin: 'janus.plugin.nosip' })).data.id
        const done = await this.#ask({ janus: 'message', handle_id: handle, body: { request: 'generate' }, jsep: { type: 'offer', sdp } })
        return { handle, sdp: done.plugindata.data.result.sdp }
    }

    // The telephone's answer as one for the browser.
    async answer(handle, sdp) {
        const done = await this.#ask({ janus: 'message', handle_id: handle, body: { request: 'process', type: 'answer', sdp } })
        return done.jsep.sdp
    }

    get pid() {
        return this.process.pid
    }

    async stop() {
        clearInterval(this.alive)
        this.socket.close()
        this.process.kill('SIGKILL') // asked politely, it takes its time for each handle
        await until('Janus to end', () => this.ended !== undefined)
        rmSync(this.dir, { recursive: true })
    }
}
