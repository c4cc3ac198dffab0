// Debian's Kamailio: a stateful proxy, with rtpengine in the path of sound where `media`; or what it takes to
// stand a flood: known methods answered, the rest refused.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { cpuUs, freePort, pinned, until, usage } from './process.mjs'

const conf = ({ port, phone, rtpengine }) => `
debug=0
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
listen=udp:127.0.0.1:${port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
${rtpengine ? `loadmodule "rtpengine.so"\nmodparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${rtpengine}")` : ''}
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) { ${rtpengine ? 'if (is_method("BYE")) rtpengine_delete();' : ''} t_relay(); exit; }
        if (is_method("ACK") && t_check_trans()) t_relay();
        exit;
    }
    if (!is_method("INVITE")) { sl_send_reply("405", "Method Not Allowed"); exit; }
    if ($rU == "nobody") { sl_send_reply("404", "Not Found"); exit; }
    record_route();
    $du = "sip:127.0.0.1:${phone}";
    ${rtpengine ? 'rtpengine_offer("replace-origin"); t_on_reply("ANSWER");' : ''}
    t_relay();
}
${rtpengine ? 'onreply_route[ANSWER] { if (has_body("application/sdp")) rtpengine_answer("replace-origin"); }' : ''}
`

// A registrar of sip:…@bench.test with digest, which keeps nothing on disk and grants `expires` seconds.
const registrarConf = ({ port, expires }) => `
debug=0
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
listen=udp:127.0.0.1:${port}
alias="bench.test"
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "hash_size", 14)
modparam("auth", "nonce_expire", 3600)
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", ${expires})
modparam("registrar", "gruu_enabled", 0)
request_route {
    if (!is_method("REGISTER")) { sl_send_reply("404", "Not Found"); exit; }
    if (!pv_www_authenticate("bench.test", "secret", "0")) { www_challenge("bench.test", "1"); exit; }
    save("location");
}
`

// WebSockets (RFC 7118), and nothing said on them.
const websocketConf = ({ port }) => `
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=2
tcp_max_connections=100000
tcp_connection_lifetime=7200
tcp_accept_no_cl=yes
listen=tcp:127.0.0.1:${port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("websocket", "keepalive_mechanism", 0)
request_route { exit; }
event_route[xhttp:request] { ws_handle_handshake(); exit; }
`

export class Kamailio {
    // expires: a registrar; websocket: that alone; else a proxy
    static async start({ core, phone = 9, rtpengine, expires, websocket }) {
        const self = new Kamailio()
        self.sipPort = await freePort()
        self.dir = mkdtempSync(path.join(os.tmpdir(), 'kamailio-bench-'))
        self.address = `127.0.0.1:${self.sipPort}`
        writeFileSync(`${self.dir}/cfg`, websocket ? websocketConf({ port: self.sipPort })
            : expires ? registrarConf({ port: self.sipPort, expires }) : conf({ port: self.sipPort, phone, rtpengine }))
        self.process = spawn(...pinned(core, ['kamailio', '-DD', '-E', '-f', `${self.dir}/cfg`, '-Y', self.dir, '-m', websocket ? '2048' : '256']), { stdio: 'ignore' })
        self.process.on('exit', (code, signal) => (self.ended = code ?? signal))
        await until('Kamailio to start', () => {
            if (self.ended !== undefined) throw new Error(`Kamailio ended with ${self.ended}`)
            return self.pids().length > 3
        })
        return self
    }

    // It is several processes.
    pids() {
        const { pid } = this.process
        const parent = (p) => {
            try {
                return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${p}/status`, 'utf8'))[1])
            } catch {
                return 0
            }
        }
        return [pid, ...readdirSync('/proc').filter((p) => /^\d+$/.test(p)).map(Number).filter((p) => parent(p) === pid)]
    }

    cpuUs() {
        return this.pids().reduce((sum, pid) => sum + cpuUs(pid), 0)
    }

    // Its processes share most of their memory: what the largest has.
    kib() {
        return Math.max(...this.pids().map((pid) => usage(pid).kib))
    }

    async stop() {
        this.process.kill()
        await until('Kamailio to end', () => this.ended !== undefined)
        rmSync(this.dir, { recursive: true })
    }
}
