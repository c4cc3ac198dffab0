// http.mjs - HTTP as a test wants to see it: whole answers, and sockets for what no client would send.
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { withDeadline } from './proc.mjs'

// {status, headers, text, json}; `url` is absolute. `agent`: keep the connection.
export function ask(url, { method = 'GET', headers = {}, body, agent, ca, ms = 8000, signal } = {}) {
    const client = url.startsWith('https') ? https : http
    return withDeadline(new Promise((resolve, reject) => {
        const request = client.request(url, { method, headers: { ...(body !== undefined ? { 'content-length': Buffer.byteLength(body) } : {}), ...headers }, agent: agent ?? false, ca, signal })
        request.once('error', reject)
        request.once('response', (response) => {
            let text = ''
            response.setEncoding('utf8')
            response.on('data', (data) => (text += data))
            response.once('error', reject)
            response.once('end', () => resolve({
                status: response.statusCode, headers: response.headers, text,
                get json() { return JSON.parse(text) },
            }))
        })
        if (body !== undefined) request.write(body)
        request.end()
    }), ms, `${method} ${url}`)
}

// A socket by hand. `text()`: what came; `closed`: a promise of all of it.
export function raw(scope, port, bytes = '', host = '127.0.0.1') {
    const socket = net.connect(port, host)
    scope.after(() => socket.destroy())
    let text = ''
    socket.on('data', (data) => (text += data.toString('latin1')))
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', () => resolve(text)))
    if (bytes) socket.write(bytes)
    return { socket, closed, text: () => text }
}
