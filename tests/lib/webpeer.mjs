// webpeer.mjs - tests/peer/webpeer as the media half of a browser, and a telephone made of both halves.
import { spawn } from 'node:child_process'
import path from 'node:path'
import readline from 'node:readline'
import { buildDir, withDeadline } from './proc.mjs'
import { Client } from './rpc.mjs'

export class WebPeer {
    static start(scope, { build = buildDir, profiles } = {}) {
        const peer = new WebPeer()
        peer.child = spawn(path.join(build, 'tests/peer/webpeer/webpeer'), profiles ? [profiles] : [], { stdio: ['pipe', 'pipe', 'inherit'] })
        Object.assign(peer, { answers: [], events: [], waiters: [], nextId: 1 })
        peer.exited = new Promise((resolve) => peer.child.once('exit', (code) => resolve(code)))
        peer.child.stdin.on('error', () => {})
        readline.createInterface({ input: peer.child.stdout }).on('line', (line) => {
            const message = JSON.parse(line)
            if (message.event) {
                peer.events.push(message)
                for (const waiter of [...peer.waiters]) waiter()
            } else peer.answers.shift()?.(message)
        })
        scope.after(async () => {
            peer.child.stdin.end('{"cmd":"quit"}\n')
            await withDeadline(peer.exited, 3000, 'webpeer ends').catch(() => peer.child.kill('SIGKILL'))
        })
        return peer
    }

    async command(cmd, members = {}) {
        const answered = new Promise((resolve) => this.answers.push(resolve))
        this.child.stdin.write(JSON.stringify({ cmd, ...members }) + '\n')
        const answer = await withDeadline(answered, 5000, `webpeer ${cmd}`)
        if (answer.error) throw new Error(`webpeer ${cmd}: ${answer.error}`)
        return answer
    }

    // The next event of endpoint `id`; "failed" of it is an error.
    async event(id, name, wanted = () => true, ms = 8000) {
        let waiter
        const found = new Promise((resolve, reject) => {
            waiter = () => {
                const at = this.events.findIndex((e) => e.id === id && e.event === name && wanted(e))
                const failed = name !== 'failed' && this.events.find((e) => e.id === id && e.event === 'failed')
                if (at >= 0) resolve(this.events.splice(at, 1)[0])
                else if (failed) reject(new Error(`webpeer ${id} failed: ${JSON.stringify(failed)}`))
            }
            this.waiters.push(waiter)
            waiter()
        })
        return await withDeadline(found, ms, `webpeer ${id} ${name}; events: ${JSON.stringify(this.events.filter((e) => e.id === id))}`)
            .finally(() => this.waiters.splice(this.waiters.indexOf(waiter), 1))
    }

    async stats(id, toneHz = 1000) {
        return (await this.command('stats', { id, tone_hz: toneHz })).endpoints[0]
    }
}

// A user of the gateway: signalling by Client, media by a shared WebPeer.
export class Phone {
    static async open(scope, gateway, peer, params) {
        const phone = new Phone()
        Object.assign(phone, { peer, client: await Client.open(scope, gateway.ws, params) })
        return phone
    }

    // Starts a call; it is up when `answered()` is.
    async start(to, { codecs = ['PCMA'], call = `c${this.peer.nextId}`, addr = '127.0.0.1', ...more } = {}) {
        const id = this.peer.nextId++
        const { sdp } = await this.peer.command('web.offer', { id, codecs, addr })
        const mine = Object.assign(new PhoneCall(this, call, id), { offer: sdp })
        // A browser takes the answer that lets it hear the ringing, whenever it comes.
        this.client.watchers ??= new Map()
        this.client.watchers.set(call, (event) => {
            if (event.method === 'call.progress' && event.state === 'ringing' && event.sdp) mine.taken = this.peer.command('web.answer', { id, sdp: event.sdp })
        })
        mine.gatewayId = (await this.client.call('call.start', { call, to, sdp, ...more })).id
        return mine
    }

    async incoming(ms) {
        const event = await this.client.expect('call.incoming', {}, ms)
        const call = new PhoneCall(this, event.call, this.peer.nextId++, event.id)
        return Object.assign(call, { event })
    }
}

export class PhoneCall {
    constructor(phone, call, id, gatewayId) {
        Object.assign(this, { phone, client: phone.client, peer: phone.peer, call, id, gatewayId })
    }

    // The far end took it.
    async given(ms) {
        const answer = await this.client.expect('call.answer', { call: this.call }, ms)
        const early = this.client.queue.find((e) => e.method === 'call.progress' && e.call === this.call && e.sdp)
        this.taken ??= this.peer.command('web.answer', { id: this.id, sdp: answer.sdp ?? early?.sdp })
        await this.taken
        return this
    }

    // The same, and media flows as far as DTLS.
    async answered(ms) {
        await this.given(ms)
        return this.connected()
    }

    async connected() {
        await this.taken
        this.there ??= this.peer.event(this.id, 'connected')
        await this.there
        return this
    }

    // Takes a call that came in, and does not wait for its media.
    async take({ addr = '127.0.0.1', codecs, ...more } = {}) {
        const { sdp } = await this.peer.command('web.accept', { id: this.id, sdp: this.event.sdp, addr, ...(codecs ? { codecs } : {}) })
        await this.client.call('call.answer', { call: this.call, sdp, ...more })
        return this
    }

    async answer(options) {
        await this.take(options)
        await this.peer.event(this.id, 'connected')
        return this
    }

    tone(hz = 1000, codec = 'PCMA') {
        return this.peer.command('send', { id: this.id, codec, pps: 50, tone_hz: hz })
    }

    stats(hz) {
        return this.peer.stats(this.id, hz)
    }

    async end(more = {}) {
        await this.client.call('call.end', { call: this.call, ...more })
        const end = await this.ended()
        return end
    }

    async ended(want = {}, ms) {
        const end = await this.client.expect('call.end', { call: this.call, ...want }, ms)
        await this.peer.command('close', { id: this.id })
        return end
    }
}
