// WebSockets are blocked on the way: long-polling by itself, a call set up by it, and a WebSocket once there is one.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser } from '../lib/browser.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { RtpSocket, placeOf } from '../lib/rtp.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway, proxy
const open = {}

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        web: { root: path.join(top, 'client/dist/www'), origins: ['http://127.0.0.1:8090'] },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
    })
    proxy = await blocking(wholeFile, 8090)
    for (const kind of ['chromium', 'firefox']) open[kind] = await Browser.launch(wholeFile, kind)
})

// A proxy that knows no Upgrade, until it does.
async function blocking(scope, port) {
    const proxy = { upgrades: false, refused: 0 }
    const sockets = new Set()
    const server = http.createServer((request, response) => {
        const on = http.request({ host: '127.0.0.1', port: 8080, method: request.method, path: request.url, headers: request.headers }, (reply) => {
            response.writeHead(reply.statusCode, reply.headers)
            reply.pipe(response)
        })
        on.on('error', () => response.destroy())
        response.on('close', () => on.destroy())
        request.pipe(on)
    })
    server.on('upgrade', (request, socket, head) => {
        sockets.add(socket)
        socket.on('error', () => {})
        if (!proxy.upgrades) {
            proxy.refused++
            socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
            return
        }
        const on = net.connect(8080, '127.0.0.1', () => {
            on.write(`${request.method} ${request.url} HTTP/1.1\r\n${request.rawHeaders.reduce((text, word, i) => text + word + (i % 2 ? '\r\n' : ': '), '')}\r\n`)
            on.write(head)
            socket.pipe(on).pipe(socket)
        })
        sockets.add(on)
        on.on('error', () => socket.destroy())
    })
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
    scope.after(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
        server.closeAllConnections()
    })
    return proxy
}

for (const kind of ['chromium', 'firefox'])
    test(`${kind}: a call by long-polling, which goes up to a WebSocket and notices nothing`, async (t) => {
        Object.assign(proxy, { upgrades: false, refused: 0 })
        const page = await open[kind].page(t, 'http://127.0.0.1:8090/')
        const bob = await SipPeer.open(t)
        const rtp = await RtpSocket.open(t)
        await page.evaluate(async (guest) => {
            const { connect } = await import('/causeway.js')
            window.session = await connect('', { guest, upgradeInterval: 1500 })
            window.news = []
            window.session.on('state', ({ state }) => window.news.push(state))
            window.session.on('reconnected', ({ transport }) => window.news.push(transport))
        }, `anna${kind}`)
        assert.equal(await page.evaluate(() => window.session.transport), 'poll')
        assert.equal(proxy.refused, 2)
        page.errors.length = 0 // of the WebSockets that there were not

        const calling = page.evaluate(async (to) => {
            const began = performance.now()
            window.call = await window.session.call(to)
            await window.call.answered
            if (window.call.pc.connectionState !== 'connected') await new Promise((resolve) => window.call.on('connection', (state) => state === 'connected' && resolve()))
            return performance.now() - began
        }, `sip:bob@${bob.address}`)
        const invite = await bob.expect('INVITE')
        bob.reply(invite, 200, 'OK', { body: sdp({ port: rtp.port }) })
        await bob.expect('ACK')
        t.diagnostic(`set up in ${Math.round(await calling)} ms`)
        rtp.start(placeOf(invite.body))
        const flows = async () => {
            rtp.got.length = 0
            const received = () => page.evaluate(async () => (await window.call.stats()).packetsReceived)
            const from = await received()
            await until(async () => rtp.got.length > 20 && await received() > from + 20, 'packets go both ways', 10000)
        }
        await flows()
        proxy.upgrades = true
        await page.until(() => window.session.transport === 'websocket', null, 'has a WebSocket', 20000)
        await flows()
        assert.deepEqual(await page.evaluate(() => [window.call.state, window.news]), ['active', ['websocket']])
        assert.deepEqual(bob.queue.map(({ method }) => method), [])
        const bye = bob.expect('BYE').then((m) => bob.reply(m, 200, 'OK', { contact: false }))
        await page.evaluate(() => window.call.hangup())
        await bye
        await page.evaluate(() => window.session.close())
    })

test('the gateway ends well', () => gateway.stop())
