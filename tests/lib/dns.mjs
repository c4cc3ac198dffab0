// dns.mjs - a name server for a namespace: answers what it is told, or stays silent.
import dgram from 'node:dgram'

const name = (text) => Buffer.concat([...text.split('.').filter(Boolean).map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])])

// NAPTR: [[10, 1, 'S', 'SIP+D2T', '_sip._tcp.pbx.test']].
// records: { 'pbx.test': { A: ['127.0.0.1'] }, '_sip._udp.pbx.test': { SRV: [[1, 1, 5080, 'a.test']] }, 'silent.test': null }
export async function serveNames(scope, records, { host = '127.0.0.1', port = 53, ttl = 5 } = {}) {
    const socket = dgram.createSocket('udp4')
    const asked = []
    socket.on('message', (query, from) => {
        const labels = []
        let at = 12
        while (query[at]) {
            labels.push(query.toString('latin1', at + 1, at + 1 + query[at]))
            at += 1 + query[at]
        }
        const type = query.readUInt16BE(at + 1)
        const question = query.subarray(12, at + 5)
        const asks = labels.join('.').toLowerCase()
        const word = { 1: 'A', 28: 'AAAA', 33: 'SRV', 35: 'NAPTR' }[type] ?? String(type)
        asked.push(`${word} ${asks}`)
        if (records[asks] === null) return
        const data = (records[asks]?.[word] ?? []).map((value) => {
            if (word === 'A') return Buffer.from(value.split('.').map(Number))
            if (word === 'AAAA') {
                const [head, tail = ''] = value.split('::').map((part) => part.split(':').filter(Boolean))
                const groups = [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail]
                return Buffer.from(groups.flatMap((g) => [parseInt(g, 16) >> 8, parseInt(g, 16) & 255]))
            }
            if (word === 'NAPTR') {
                const [order, preference, flags, service, replacement, regexp = ''] = value
                const text = (t) => Buffer.concat([Buffer.from([t.length]), Buffer.from(t)])
                return Buffer.concat([Buffer.from([order >> 8, order & 255, preference >> 8, preference & 255]), text(flags), text(service), text(regexp), name(replacement)])
            }
            const [priority, weight, target, host] = value
            return Buffer.concat([Buffer.from([priority >> 8, priority & 255, weight >> 8, weight & 255, target >> 8, target & 255]), name(host)])
        })
        const header = Buffer.from(query.subarray(0, 12))
        header.writeUInt16BE(0x8180 | (records[asks] ? 0 : 3), 2)
        header.writeUInt16BE(1, 4)
        header.writeUInt16BE(data.length, 6)
        header.writeUInt32BE(0, 8)
        const answers = data.map((d) => Buffer.concat([Buffer.from([0xc0, 12, type >> 8, type & 255, 0, 1, 0, 0, 0, ttl, d.length >> 8, d.length & 255]), d]))
        socket.send(Buffer.concat([header, question, ...answers]), from.port, from.address)
    })
    await new Promise((resolve) => socket.bind(port, host, resolve))
    scope.after(() => socket.close())
    return { asked, records }
}
