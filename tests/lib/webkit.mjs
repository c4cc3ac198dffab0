// webkit.mjs - WebKitGTK's MiniBrowser by its W3C driver, on a screen of its own.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { Program, tempDir, until } from './proc.mjs'

const libraries = '/usr/lib/' + (process.arch === 'arm64' ? 'aarch64' : 'x86_64') + '-linux-gnu'

export class WebKit {
    static async launch(scope, port = 4444) {
        const webkit = new WebKit()
        const home = tempDir(scope, 'webkit')
        const program = readdirSync(libraries).map((each) => path.join(libraries, each, 'MiniBrowser')).find((each) => /webkit2gtk/.test(each) && existsSync(each))
        if (!program) throw new Error('no MiniBrowser')
        webkit.screen = new Program(scope, 'Xvfb', 'Xvfb', ['-displayfd', '1', '-nolisten', 'tcp', '-screen', '0', '1024x768x24'], { peer: true })
        const [display] = await webkit.screen.waitFor(/^\d+$/m)
        const env = { DISPLAY: `:${display}`, HOME: home, XDG_CACHE_HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home, WEBKIT_DISABLE_COMPOSITING_MODE: '1', GSETTINGS_BACKEND: 'memory', GDK_BACKEND: 'x11' }
        webkit.driver = new Program(scope, 'WebKitWebDriver', 'WebKitWebDriver', [`--port=${port}`], { env, peer: true })
        webkit.base = `http://127.0.0.1:${port}`
        await until(() => webkit.#ask('GET', '/status').then(() => true, () => false), 'the driver answers', 10000)
        const { sessionId } = await webkit.#ask('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary: program, args: ['--automation'] } } } })
        webkit.base += `/session/${sessionId}`
        await webkit.#ask('POST', '/timeouts', { script: 20000 })
        scope.after(() => webkit.#ask('DELETE', '').catch(() => {}))
        return webkit
    }

    async #ask(method, at, body) {
        const reply = await fetch(this.base + at, { method, signal: AbortSignal.timeout(30000), ...(body ? { body: JSON.stringify(body) } : {}) })
        const { value } = await reply.json()
        if (!reply.ok) throw new Error(`${at}: ${value.error}: ${value.message}`)
        return value
    }

    open(url) {
        return this.#ask('POST', '/url', { url })
    }

    // What the function's promise brings in the page; a rejection is an error here.
    async evaluate(fn, ...args) {
        const script = `const done = arguments[arguments.length - 1]
            Promise.resolve().then(() => (${fn})(...Array.prototype.slice.call(arguments, 0, -1))).then((value) => done({ value }), (error) => done({ error: String(error) }))`
        const { value, error } = await this.#ask('POST', '/execute/async', { script, args })
        if (error) throw new Error(error)
        return value
    }
}
