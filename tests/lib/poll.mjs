// poll.mjs - long-polling with the face of a WebSocket, so that rpc.mjs's Client can speak by it.
import { EventEmitter } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { ask } from './http.mjs'
import { Client } from './rpc.mjs'

export class PollSocket extends EventEmitter {
    // `base`: "http://127.0.0.1:8080". What it fetched is at `polls`: {status, messages}.
    constructor(base, { origin, headers = {}, after = 0, ca, polling = true } = {}) {
        super()
        const { Agent } = base.startsWith('https') ? https : http
        Object.assign(this, { base, after, ca, polling, polls: [], link: undefined, queue: Promise.resolve() })
        this.headers = { ...(origin ? { origin } : {}), ...headers }
        this.agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })]
        this.abort = new AbortController()
        setImmediate(() => this.emit('open'))
    }

    ask(path, options = {}, agent = this.agents[0]) {
        return ask(this.base + path, { ca: this.ca, ms: 60000, ...options, agent,
            headers: { ...this.headers, ...(this.link ? { authorization: `Bearer ${this.link}` } : {}), ...options.headers } })
    }

    send(text) {
        this.queue = this.queue.then(() => this.#post(String(text))).catch((error) => this.#end(1006, error.message))
    }

    async #post(body) {
        const first = !this.link
        const reply = await this.ask(first ? '/v1/session' : '/v1/rpc', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
        this.status = reply.status
        if (reply.status !== 204) this.emit('message', reply.text, false)
        if (first && reply.status === 200) {
            this.link = reply.json.result.link
            if (this.polling) this.listen().catch((error) => this.#end(1006, error.message))
        } else if (reply.status === 401 || reply.status === 403) this.#end(reply.status, reply.text)
    }

    poll(options) {
        return this.ask(`/v1/poll?after=${this.after}`, { signal: this.abort.signal, ...options }, this.agents[1])
    }

    async listen() {
        while (!this.ended) {
            const reply = await this.poll()
            this.polls.push({ status: reply.status, messages: reply.status === 200 ? reply.json : [] })
            if (reply.status === 401) return this.#end(401, reply.text)
            for (const message of this.polls.at(-1).messages) {
                this.after = message.params.seq
                this.emit('message', JSON.stringify(message), false)
            }
        }
    }

    async close() {
        await this.queue
        if (this.link) await this.ask('/v1/session', { method: 'DELETE' })
        this.#end(1000, '')
    }

    terminate() {
        this.#end(1006, '')
    }

    #end(code, why) {
        if (this.ended) return
        this.ended = true
        this.abort.abort()
        for (const agent of this.agents) agent.destroy()
        this.emit('close', code, why)
    }
}

// Logged in by long-polling.
export async function openPoll(scope, gateway, params, options = {}) {
    const client = new Client(new PollSocket(gateway.http, options))
    scope.after(() => client.socket.terminate())
    client.session = await client.request('session.open', typeof params === 'string' ? { guest: params } : params)
    return client
}
