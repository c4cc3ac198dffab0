// ims.mjs - the gateway before the core of tests/ims/core: configuration and users that its tests share.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { icscf, pcscf, scscf } from './imscore.mjs'
import { tempDir, until } from './proc.mjs'
import { Phone } from './webpeer.mjs'

export const network = 'IEEE-802.11;i-wlan-node-id=000000000000'
const hex = (text) => Buffer.from(text).toString('hex')

// A file of accounts with some of the core's subscribers, and some that it knows otherwise or not at all.
export function accountsFile(scope) {
    const file = path.join(tempDir(scope, 'accounts'), 'accounts')
    writeFileSync(file, [
        { user: 'dave', username: 'dave@ims.test', password: 'dave-secret' },
        { user: 'alice', username: 'alice@ims.test', aka_k: hex('causewayAliceK01'), aka_op: hex('causewayOperator') },
        { user: 'carol', username: 'carol@ims.test', aka_k: '465b5ce8b199b49faa5f0a2ee238a6bc', aka_opc: 'cd63cb71954a9f4e48a5994e37a02baf' },
        { user: 'mallory', identity: 'alice', username: 'alice@ims.test', aka_k: '0'.repeat(32), aka_op: '0'.repeat(32) },
        { user: 'nobody', username: 'nobody@ims.test', password: 'x' },
    ].map((row) => JSON.stringify(row)).join('\n'))
    return file
}

// What every record `registrar` here has; `access` mw or gm.
export const there = (access) => ({
    domain: 'ims.test', proxy: `${access === 'mw' ? icscf : pcscf}:5060`, access, access_network: network, core: access === 'mw' ? [scscf] : [],
    trunk: 'ims', gruu: false, outbound: false, grace_s: 0, retry_s: 1, expires_s: 600,
})

// SIP and RTP at an address of the loopback network; `own` 127.0.0.84 to .86 are the core's trusted nodes.
export const at = (own, access, trunk = {}) => ({
    sip: { listen: [`udp:${own}:5060`, `tcp:${own}:5060`], peers: [] },
    media: { rtp_listen: [own] },
    trunk: [{ name: 'ims', address: `${access === 'mw' ? scscf : pcscf}:5060`, trust: 'both', caller: [], codecs: ['PCMA', 'PCMU'], ...trunk }],
})

// A user who is logged in, and registered in the core.
export async function registered(scope, gateway, peer, name) {
    const phone = await Phone.open(scope, gateway, peer, name)
    if (phone.client.session.registration.state !== 'registered')
        await phone.client.expect('session.registration', { state: 'registered' })
    return phone
}

export const gone = (gateway, user) => until(async () => (await gateway.ctlRun('registrations', user)).code === 1, `${user} is registered no more`)
export const hears = (call, hz) => until(async () => Math.abs(((await call.stats()).sound?.peak_hz ?? 0) - hz) < 20, `hears ${hz} Hz`, 6000, 50)
