// nets.mjs - an internet of namespaces around the test's own: a gateway behind a NAT, a relay, and a router
// between all that can forbid and lose packets. And coturn.
//
//   test (browser) 10.98.0.2 ─┐            ┌─ 10.96.0.2 nat 10.77.0.1 ── 10.77.0.2 gateway
//                             ├─ internet ─┤
//                             └────────────┴─ 10.97.0.2 relay
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { Program, run, tempDir, until } from './proc.mjs'

export const addresses = { browser: '10.98.0.2', nat: '10.96.0.2', gateway: '10.77.0.2', relay: '10.97.0.2' }

const ip = (...args) => execFileSync('ip', args.flatMap((a) => a.split(' ')))
const inside = (name, ...args) => ['netns', 'exec', name, ...args]

// A cable between two namespaces, '' being the test's own; with `name` both its ends are called so.
export function cable(from, fromAddress, to, toAddress, name) {
    const [a, b] = name ? [`${name}0`, `${name}0`] : [`${to}0`, `${from || 'test'}0`]
    ip(`link add name tmp0 type veth peer name tmp1`)
    for (const [end, ns, name, address] of [['tmp0', from, a, fromAddress], ['tmp1', to, b, toAddress]]) {
        const into = ns ? ['-n', ns] : []
        if (ns) ip(`link set ${end} netns ${ns}`)
        ip(...into, `link set ${end} name ${name}`)
        ip(...into, `addr add ${address}/24 dev ${name}`)
        ip(...into, `link set ${name} up`)
    }
}

const rules = (ns, text) => {
    const args = ['nft', '-f', '-']
    execFileSync(ns ? 'ip' : 'nft', ns ? inside(ns, ...args) : args.slice(1), { input: text })
}

export class Internet {
    constructor() {
        mkdirSync('/run/netns', { recursive: true })
        for (const name of ['internet', 'nat', 'gateway', 'relay']) {
            ip('netns add', name)
            ip('-n', name, 'link set lo up')
        }
        cable('', '10.98.0.2', 'internet', '10.98.0.1')
        cable('internet', '10.97.0.1', 'relay', '10.97.0.2')
        cable('internet', '10.96.0.1', 'nat', '10.96.0.2')
        cable('nat', '10.77.0.1', 'gateway', '10.77.0.2')
        ip('route add 10.96.0.0/15 via 10.98.0.1')
        for (const [name, via] of [['relay', '10.97.0.1'], ['nat', '10.96.0.1'], ['gateway', '10.77.0.1']]) ip('-n', name, `route add default via ${via}`)
        for (const name of ['internet', 'nat']) execFileSync('ip', inside(name, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'))
        this.hide()
        this.allow()
    }

    // The NAT forwards the WebSocket only: media must find its own way. With `oneToOne` it forwards everything.
    hide({ oneToOne = false } = {}) {
        rules('nat', `table ip nat
        delete table ip nat
        table ip nat {
            chain out {
                type nat hook postrouting priority 100;
                oifname "internet0" masquerade
            }
            chain in {
                type nat hook prerouting priority -100;
                iifname "internet0" ${oneToOne ? '' : 'tcp dport 8080'} dnat to 10.77.0.2
            }
            chain pass {
                type filter hook forward priority 0;
                ${oneToOne ? '' : 'iifname "internet0" ct state new meta l4proto udp drop'}
            }
        }`)
    }

    // What the router lets through, in nft's words; the rest of UDP or all of it is dropped.
    allow(...wanted) {
        const rest = wanted.length ? 'drop' : 'accept'
        rules('internet', `table ip filter
        delete table ip filter
        table ip filter {
            chain forward {
                type filter hook forward priority 0; policy ${rest};
                ${wanted.map((w) => `${w} accept`).join('\n')}
            }
        }`)
    }

    // No NAT: what runs in namespace "nat" has its address to itself, and the test's 10.99.0.1 is reached, too.
    plain() {
        rules('nat', 'table ip nat\ndelete table ip nat')
        ip('-n', 'internet', 'route replace 10.99.0.0/24 via 10.98.0.2')
    }

    // Of 100 packets as many are lost as said, by chance, each way between the test and the gateway's port of
    // browsers, and its other ones, and by TCP. The RTP among them is counted.
    loseByChance(percent) {
        const links = { browser: 'udp XPORT 7000-7003', sip: 'udp XPORT != 7000-7003', tcp: 'meta l4proto tcp' }
        const rtp = 'meta l4proto udp @th,64,2 2 @th,73,7 != 64-95'
        const ways = Object.entries(links).flatMap(([name, match]) => [
            [`to_${name}`, `oifname "test0" ${match.replace('XPORT', 'sport')}`], [`from_${name}`, `iifname "test0" ${match.replace('XPORT', 'dport')}`]])
        rules('internet', `table ip filter
        delete table ip filter
        table ip filter {
            ${ways.map(([way]) => `counter ${way} { }
            counter ${way}_lost { }
            chain ${way} {
                ${rtp} counter name ${way}
                numgen random mod 1000 >= ${percent * 10} return
                ${rtp} counter name ${way}_lost
                drop
            }`).join('\n')}
            chain forward {
                type filter hook forward priority 0;
                ${ways.map(([way, match]) => `${match} jump ${way}`).join('\n')}
            }
        }`)
    }

    // RTP packets that came to the router and those it lost: { to_browser: { all, lost }, from_browser, to_sip, from_sip }
    counted() {
        const { nftables } = JSON.parse(execFileSync('ip', inside('internet', 'nft', '-j', 'list', 'counters')))
        const packets = new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])))
        return Object.fromEntries([...packets].filter(([name]) => !/_lost$|_tcp$/.test(name)).map(([name, all]) => [name, { all, lost: packets.get(`${name}_lost`) }]))
    }

    // Every n-th UDP packet that passes the router is lost, counted each way.
    loseOneIn(n) {
        rules('internet', `table ip filter
        delete table ip filter
        table ip filter {
            chain forward {
                type filter hook forward priority 0;
                oifname "nat0" meta l4proto udp numgen inc mod ${n} 0 drop
                oifname "test0" meta l4proto udp numgen inc mod ${n} 0 drop
            }
        }`)
    }
}

// A page on loopback may use the microphone; one on the gateway's own address may not.
export async function forward(scope, port, to) {
    const sockets = new Set()
    const server = net.createServer((client) => {
        const gateway = net.connect(to)
        for (const [a, b] of [[client, gateway], [gateway, client]]) {
            sockets.add(a)
            a.on('error', () => b.destroy())
            a.on('close', () => (sockets.delete(a), b.destroy()))
            a.pipe(b)
        }
    })
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
    scope.after(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
    })
}

// Debian's TURN server, user "relay" with password "secret"; `namespace` '' is the test's own.
export async function coturn(scope, { namespace = 'relay', address = addresses.relay, realm = 'relay.test' } = {}) {
    const dir = tempDir(scope, 'coturn')
    const [cert, key] = [path.join(dir, 'cert.pem'), path.join(dir, 'key.pem')]
    const { code, text } = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
        '-subj', `/CN=${realm}`, '-addext', `subjectAltName=DNS:${realm},IP:${address}`, '-keyout', key, '-out', cert])
    if (code !== 0) throw new Error(text)
    writeFileSync(path.join(dir, 'turnserver.conf'), [
        `listening-ip=${address}`, `relay-ip=${address}`, 'listening-port=3478', 'tls-listening-port=5349', `cert=${cert}`, `pkey=${key}`, `realm=${realm}`,
        'lt-cred-mech', 'user=relay:secret', 'no-cli', 'no-dtls', 'fingerprint', 'log-file=stdout', 'simple-log', 'verbose',
        `userdb=${dir}/db`, `pidfile=${dir}/pid`, 'min-port=49152', 'max-port=49351', 'allow-loopback-peers',
    ].join('\n') + '\n')
    const args = ['turnserver', '-c', path.join(dir, 'turnserver.conf')]
    const program = namespace ? new Program(scope, 'coturn', 'ip', inside(namespace, ...args), { peer: true }) : new Program(scope, 'coturn', args[0], args.slice(1), { peer: true })
    const bound = () => execFileSync(namespace ? 'ip' : 'cat', [...(namespace ? inside(namespace, 'cat') : []), '/proc/net/udp']).includes(':0D96 ')
    await until(() => program.end || bound(), 'coturn listens', 8000)
    if (program.end) throw new Error(`coturn: ${program.text}`)
    return { program, address, cert, relay: (more) => ({ address: `${address}:3478`, username: 'relay', password: 'secret', ...more }) }
}
