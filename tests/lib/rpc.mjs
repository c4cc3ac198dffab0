// rpc.mjs - a browser's signalling without a browser: JSON-RPC over WebSocket.
//
// Each message, both ways, is checked against schema.json and noted for the coverage test.
import { appendFileSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import WebSocket from 'ws'
import { outDir, withDeadline } from './proc.mjs'
import { check } from './schema.mjs'

const wire = path.join(outDir, '../wire')
mkdirSync(wire, { recursive: true })
const seen = new Set()

function note(name) {
    if (seen.has(name)) return
    seen.add(name)
    appendFileSync(path.join(wire, `${path.basename(outDir)}.txt`), name + '\n')
}

export class RpcError extends Error {
    constructor(method, error) {
        super(`${method}: ${error.code} ${error.message} ${JSON.stringify(error.data)}`)
        Object.assign(this, { code: error.code, kind: error.data?.kind, data: error.data })
    }
}

export class Client {
    static async connect(scope, url, { origin = new URL(url.replace(/^ws/, 'http')).origin, headers } = {}) {
        const client = new Client(new WebSocket(url, ['causeway.v1'], { origin, headers, perMessageDeflate: false }))
        scope.after(() => client.socket.terminate())
        await withDeadline(client.opened, 5000, `WebSocket ${url}`)
        return client
    }

    // Connected and logged in; its session ends with the connection unless params say `resume`.
    static async open(scope, url, params, options) {
        const client = await Client.connect(scope, url, options)
        client.session = await client.request('session.open', { resume: false, ...(typeof params === 'string' ? { guest: params } : params) })
        return client
    }

    // Another connection for the session of `lost`; without `seq` as a reloaded page, that knows nothing.
    static async resume(scope, url, lost, { seq, ...more } = {}) {
        const client = await Client.connect(scope, url)
        client.session = await client.call('session.resume', { session: lost.session.session, token: lost.session.resume.token, last_seq: seq, ...more })
        return client
    }

    constructor(socket) {
        this.socket = socket
        this.nextId = 1
        this.pending = new Map()
        this.queue = []
        this.waiters = []
        this.faults = []
        this.seq = 0
        this.opened = new Promise((resolve, reject) => {
            socket.once('open', resolve)
            socket.once('error', reject)
        })
        this.closed = new Promise((resolve) => {
            socket.once('close', (code, reason) => {
                this.closeCode = code
                for (const { reject } of this.pending.values()) reject(new Error(`closed with ${code}`))
                for (const waiter of this.waiters) waiter.reject(new Error(`closed with ${code}`))
                resolve({ code, reason: String(reason) })
            })
        })
        socket.on('error', () => {})
        socket.on('message', (data, binary) => this.#heard(data, binary))
    }

    #heard(data, binary) {
        try {
            if (binary) throw new Error('binary message from the gateway')
            const message = JSON.parse(data)
            this.#checkIncoming(message)
            if (message.method) this.#notified(message)
            else this.#answered(message)
        } catch (error) {
            this.faults.push(error)
            for (const waiter of this.waiters.splice(0)) waiter.reject(error)
            for (const { reject } of this.pending.values()) reject(error)
        }
    }

    #checkIncoming(message) {
        if (message.method) {
            check(`notify.${message.method}`, message)
            note(`notify ${message.method}`)
            if (message.params.seq !== this.seq + 1) throw new Error(`seq ${message.params.seq} after ${this.seq}`)
            this.seq = message.params.seq
        } else if (message.error) {
            check('error', message)
            note(`error ${message.error.data.kind}`)
        } else {
            const method = this.pending.get(message.id)?.method
            if (!method) throw new Error(`reply to nothing: ${JSON.stringify(message)}`)
            check(`reply.${method}`, message)
            note(`reply ${method}`)
        }
    }

    #notified(message) {
        const event = { method: message.method, ...message.params }
        this.watchers?.get(event.call)?.(event) // whoever must see it in any case
        const waiter = this.waiters.find(({ matches }) => matches(event))
        if (!waiter) {
            this.queue.push(event)
            return
        }
        this.waiters.splice(this.waiters.indexOf(waiter), 1)
        waiter.resolve(event)
    }

    #answered(message) {
        const waiting = this.pending.get(message.id)
        this.pending.delete(message.id)
        if (!waiting) return this.#notified({ method: 'error', params: message.error })
        if (message.error) waiting.reject(new RpcError(waiting.method, message.error))
        else {
            if (waiting.method === 'session.resume') this.seq = message.result.from ?? message.result.seq
            waiting.resolve(message.result)
        }
    }

    // Its network is gone: nothing is read any more, not even a ping.
    goSilent() {
        this.socket._socket.pause()
    }

    // Any bytes; for what a client must not send.
    sendRaw(data, options) {
        this.socket.send(data, options)
    }

    request(method, params = {}, ms = 8000, { strict = false } = {}) {
        const id = this.nextId++
        const message = { jsonrpc: '2.0', id, method, params }
        if (strict) check(`request.${method}`, JSON.parse(JSON.stringify(message)))
        note(`request ${method}`)
        const answered = new Promise((resolve, reject) => this.pending.set(id, { method, resolve, reject }))
        this.sendRaw(JSON.stringify(message))
        return withDeadline(answered, ms, `reply to ${method}`)
    }

    // A request as schema.json has it: what a well-made client sends.
    call(method, params) {
        return this.request(method, params, 8000, { strict: true })
    }

    notify(method, params = {}) {
        note(`request ${method}`)
        this.sendRaw(JSON.stringify({ jsonrpc: '2.0', method, params }))
    }

    // The next notification of `method` whose members equal those of `want`, or for which it is true.
    expect(method, want = {}, ms = 8000) {
        if (this.faults.length) throw this.faults[0]
        const matches = (event) => event.method === method &&
            (typeof want === 'function' ? want(event) : Object.entries(want).every(([key, value]) => event[key] === value))
        const at = this.queue.findIndex(matches)
        if (at >= 0) return Promise.resolve(this.queue.splice(at, 1)[0])
        const waiter = { matches }
        const found = new Promise((resolve, reject) => Object.assign(waiter, { resolve, reject }))
        this.waiters.push(waiter)
        return withDeadline(found, ms, `${method} ${JSON.stringify(want)}; in the queue: ${JSON.stringify(this.queue.map((e) => ({ ...e, sdp: undefined }))).slice(0, 1500)}`)
            .finally(() => {
                if (this.waiters.includes(waiter)) this.waiters.splice(this.waiters.indexOf(waiter), 1)
            })
    }

    // The error a request ends with; it is a failure when it succeeds.
    async refused(method, params, kind) {
        let error
        try {
            const result = await this.request(method, params)
            throw new Error(`${method} was not refused: ${JSON.stringify(result)}`)
        } catch (e) {
            error = e
        }
        if (!(error instanceof RpcError)) throw error
        if (kind && error.kind !== kind) throw new Error(`wanted ${kind}, got ${error.message}`)
        return error
    }

    async close() {
        this.socket.close(1000)
        await withDeadline(this.closed, 5000, 'WebSocket closes')
    }
}
