// sippages.mjs - pages with JsSIP, SIP.js or our own library in a browser, as npm has them; bundled for this run, kept nowhere.
import http from 'node:http'
import { createRequire } from 'node:module'
import { once } from 'node:events'
import path from 'node:path'
import { top } from './proc.mjs'
import { Page } from './browser.mjs'

const esbuild = createRequire(path.join(top, 'client/package.json'))('esbuild')

const entry = `
import JsSIP from 'jssip'
import * as SIP from 'sip.js'
import * as causeway from '${path.join(top, 'client/src/index.ts')}'
Object.assign(window, { JsSIP, SIP, causeway })
`

// A web server of the application's own: another origin than the gateway's.
export async function servePages(scope, port = 8090) {
    const { outputFiles } = await esbuild.build({
        stdin: { contents: entry, resolveDir: path.join(top, 'tests'), loader: 'js' },
        bundle: true, format: 'iife', write: false, logLevel: 'silent', define: { global: 'window', CAUSEWAY_VERSION: '"0"' },
    })
    const server = http.createServer((request, response) => {
        const script = request.url === '/app.js'
        response.writeHead(200, { 'Content-Type': script ? 'text/javascript; charset=utf-8' : 'text/html' })
        response.end(script ? outputFiles[0].text : '<!doctype html><link rel="icon" href="data:,"><audio id="remote" autoplay></audio><script src="/app.js"></script>')
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    scope.after(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve) }))
    return `http://127.0.0.1:${port}`
}

// A page with JsSIP; what happens is noted in window.said.
export class JsSipPage extends Page {
    static async open(scope, browser, origin, gateway, user, more = {}) {
        const page = await browser.page(scope, origin + '/')
        Object.setPrototypeOf(page, JsSipPage.prototype)
        await page.until(() => window.JsSIP, null, 'has its script').catch((error) => { throw new Error(`${error.message}: ${page.errors.join('; ')}`) })
        await page.evaluate(({ ws, user, domain, more }) => {
            window.said = []
            window.note = (what, detail = {}) => window.said.push({ what, ...detail })
            const ua = (window.ua = new JsSIP.UA({
                sockets: [new JsSIP.WebSocketInterface(ws)], uri: `sip:${user}@${domain}`, password: `${user}'s secret`, ...more,
            }))
            ua.on('newRTCSession', ({ originator, session }) => {
                window.session = session
                note('session', { originator, from: session.remote_identity.uri.toString(), name: session.remote_identity.display_name })
                for (const event of ['progress', 'accepted', 'confirmed', 'failed', 'ended', 'hold', 'unhold', 'reinvite', 'update', 'newDTMF', 'refer', 'newInfo'])
                    session.on(event, (e) => note(event, { by: e?.originator, cause: e?.cause, tone: e?.dtmf?.tone, status: e?.response?.status_code }))
                const hear = (pc) => pc.addEventListener('track', ({ track }) => (document.querySelector('#remote').srcObject = new MediaStream([track])))
                session.connection ? hear(session.connection) : session.on('peerconnection', ({ peerconnection }) => hear(peerconnection))
            })
            ua.on('newMessage', ({ originator, message, request }) => originator === 'remote' && note('message', { from: message.remote_identity.uri.toString(), text: request.body }))
            for (const event of ['registered', 'unregistered', 'registrationFailed', 'disconnected']) ua.on(event, () => note(event))
            ua.start()
        }, { ws: gateway.ws, user, domain: gateway.conf.sip.domain, more })
        await page.heard('registered')
        return page
    }

    // Waits until it was noted, and takes it and what came before it out.
    async heard(what, ms = 10000) {
        try {
            await this.until((w) => window.said.some((s) => s.what === w), what, `hears ${what}`, ms)
        } catch (error) {
            throw new Error(`${error.message}; it heard ${JSON.stringify(await this.evaluate(() => window.said))}; ${this.errors.join('; ')}`)
        }
        return await this.evaluate((w) => window.said.splice(0, window.said.findIndex((s) => s.what === w) + 1).pop(), what)
    }

    call(to, options = {}) {
        return this.evaluate(({ target, more }) => {
            window.ua.call(target, { mediaConstraints: { audio: true, video: false }, ...more })
        }, { target: to, more: options })
    }

    answer() {
        return this.evaluate(() => window.session.answer({ mediaConstraints: { audio: true, video: false } }))
    }

    hangup() {
        return this.evaluate(() => window.session.terminate())
    }

    hears(hz, { tolerance = 20, ms = 10000 } = {}) {
        return this.listen('#remote', (heard) => heard.db > -45 && Math.abs(heard.hz - hz) < tolerance, `hears ${hz} Hz`, ms)
    }
}

// A page with our library: the same user would be a JSON client.
export class JsonPage extends Page {
    static async open(scope, browser, origin, gateway, user) {
        const page = await browser.page(scope, origin + '/')
        Object.setPrototypeOf(page, JsonPage.prototype)
        await page.evaluate(async ({ ws, user }) => {
            window.said = []
            window.session = await causeway.connect(ws, { guest: user })
            const watch = (call) => {
                window.call = call
                call.on('track', (track) => (document.querySelector('#remote').srcObject = new MediaStream([track.track ?? track])))
                call.on('state', (state) => window.said.push({ what: 'state', state }))
                call.ended.then((end) => window.said.push({ what: 'ended', reason: end.reason }))
                return call
            }
            window.watch = watch
            session.on('call', (call) => { watch(call); window.said.push({ what: 'incoming', from: call.remote?.user ?? call.remote?.uri }) })
            session.on('message', (message) => window.said.push({ what: 'message', text: message.text, from: message.from }))
        }, { ws: gateway.ws, user })
        return page
    }
}
JsonPage.prototype.heard = JsSipPage.prototype.heard
JsonPage.prototype.hears = JsSipPage.prototype.hears

// A page with SIP.js.
export class SipJsPage extends Page {
    static async open(scope, browser, origin, gateway, user) {
        const page = await browser.page(scope, origin + '/')
        Object.setPrototypeOf(page, SipJsPage.prototype)
        await page.evaluate(async ({ ws, user, domain }) => {
            window.said = []
            const note = (what) => window.said.push({ what })
            const audio = { sessionDescriptionHandlerOptions: { constraints: { audio: true, video: false } } }
            const watch = (session) => {
                window.session = session
                session.stateChange.addListener((state) => {
                    if (state === 'Established') document.querySelector('#remote').srcObject = session.sessionDescriptionHandler.remoteMediaStream
                    note(state)
                })
            }
            const ua = new SIP.UserAgent({
                uri: SIP.UserAgent.makeURI(`sip:${user}@${domain}`), transportOptions: { server: ws },
                authorizationUsername: user, authorizationPassword: `${user}'s secret`, logLevel: 'error',
                delegate: {
                    onInvite: (invitation) => (watch(invitation), note('invited')),
                    onMessage: async (message) => {
                        window.said.push({ what: 'message', text: message.request.body, from: message.request.from.uri.toString() })
                        await message.accept()
                    },
                },
            })
            const uri = (to) => SIP.UserAgent.makeURI(to)
            Object.assign(window, {
                start: async (to) => {
                    const inviter = new SIP.Inviter(ua, uri(to), audio)
                    watch(inviter)
                    await inviter.invite()
                },
                accept: () => window.session.accept(audio),
                // Until it is answered.
                hold: (on) => new Promise((resolve, reject) => {
                    window.session.sessionDescriptionHandlerOptionsReInvite = { hold: on }
                    window.session.invite({
                        sessionDescriptionHandlerOptions: { hold: on },
                        requestDelegate: { onAccept: () => resolve(), onReject: ({ message }) => reject(new Error(message.statusCode)) },
                    }).catch(reject)
                }),
                refer: (to) => window.session.refer(uri(to), {
                    requestDelegate: { onAccept: () => note('refer accepted'), onReject: () => note('refer refused') },
                    onNotify: (notification) => { window.said.push({ what: 'notify', text: notification.request.body }); void notification.accept() },
                }),
                send: (to, text) => new SIP.Messager(ua, uri(to), text).message(
                    { requestDelegate: { onAccept: () => note('sent'), onReject: ({ message }) => note(`refused ${message.statusCode}`) } }),
            })
            await ua.start()
            await new SIP.Registerer(ua).register({ requestDelegate: { onAccept: () => note('registered'), onReject: () => note('rejected') } })
        }, { ws: gateway.ws, user, domain: gateway.conf.sip.domain })
        await page.heard('registered')
        return page
    }

    call(to) {
        return this.evaluate((target) => window.start(target), to)
    }

    answer() {
        return this.evaluate(() => window.accept())
    }

    hangup() {
        return this.evaluate(() => window.session.bye())
    }
}
SipJsPage.prototype.heard = JsSipPage.prototype.heard
SipJsPage.prototype.hears = JsSipPage.prototype.hears
