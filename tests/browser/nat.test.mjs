// Chromium, once Firefox, where the way is not plain: full ICE with and without UDP, relays, a gateway behind a NAT, loss.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, WebPhone } from '../lib/browser.mjs'
import { addresses, coturn, forward, Internet } from '../lib/nets.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let internet, relay, browser, users = 0

before(async () => {
    internet = new Internet()
    relay = await coturn(wholeFile)
    browser = await Browser.launch(wholeFile, 'chromium')
    await forward(wholeFile, 8080, { host: addresses.nat, port: 8080 })
})

// A gateway inside the NAT, seen at 127.0.0.1:8080.
async function hidden(t, conf) {
    return await Gateway.start(t, {
        log: { level: 'info' },
        ...conf,
        web: { root: path.join(top, 'client/dist/www'), listen: [`${addresses.gateway}:8080`], plain: true, origins: ['http://127.0.0.1:8080'] },
        media: { browser_listen: [addresses.gateway], ...conf.media },
    }, { namespace: 'gateway', reach: '127.0.0.1:8080' })
}

// Packets go both ways, and the page hears itself if so wished; what the gateway says of the way there.
async function echo(t, gateway, { hear = false, by = browser } = {}) {
    const began = Date.now()
    const phone = await WebPhone.open(t, by, gateway.http, `anna${++users}`)
    await phone.dial('echo')
    await phone.waitState('active')
    const [{ id }] = await gateway.ctl('calls')
    const show = await until(async () => {
        const { leg_a } = await gateway.ctl('call', 'show', id)
        const [{ rx_packets, tx_packets }] = leg_a.streams
        return leg_a.transport.state === 'connected' && rx_packets > 20 && tx_packets > 20 && leg_a.transport
    }, 'packets go both ways', 15000)
    if (hear) await phone.hears(1000, { ms: 15000 })
    t.diagnostic(`${Date.now() - began} ms: ${JSON.stringify(show.ice)}`)
    return { phone, id, show, ice: show.ice }
}

async function hangUp(phone) {
    await phone.hangup()
    assert.equal(await phone.waitEnd(), 'hangup')
    assert.deepEqual(phone.errors, [])
}

const full = (more) => ({ webrtc: { ice: 'full', ...more } })

const throughRelay = [`ip daddr ${addresses.relay} udp dport 3478`, `ip saddr ${addresses.relay} udp sport 3478`]
const relayTo = (who) => [`ip saddr ${addresses.relay} ip daddr ${who} meta l4proto udp`, `ip daddr ${addresses.relay} ip saddr ${who} meta l4proto udp`]

test('full ICE behind a NAT: STUN tells our address, candidates trickle, UDP', async (t) => {
    internet.hide()
    internet.allow()
    const gateway = await hidden(t, full({ stun: `${addresses.relay}:3478` }))
    const { phone, ice } = await echo(t, gateway, { hear: true })
    assert.equal(ice.mode, 'full')
    assert.equal(ice.protocol, 'udp')
    assert.equal(ice.local.split(':')[0], addresses.nat)
    await hangUp(phone)
    await gateway.stop()
})

test('full ICE behind a NAT: Firefox', async (t) => {
    internet.plain() // it sends from where its default route leads
    internet.hide()
    internet.allow()
    const firefox = await Browser.launch(t, 'firefox')
    const gateway = await hidden(t, full({ stun: `${addresses.relay}:3478` }))
    const { phone, ice } = await echo(t, gateway, { hear: true, by: firefox })
    assert.equal(ice.mode, 'full')
    await hangUp(phone)
    await gateway.stop()
})

for (const transport of ['udp', 'tcp', 'tls'])
    test(`full ICE behind a NAT: no UDP to the browser, a relay by ${transport}`, async (t) => {
        internet.hide()
        internet.allow('meta l4proto tcp', ...(transport === 'udp' ? throughRelay : []), ...relayTo(addresses.browser))
        const gateway = await hidden(t, { ...full(), turn: [relay.relay({ transport, ...(transport === 'tls' ? { address: `${relay.address}:5349`, tls_authorities: relay.cert } : {}) })] })
        const { phone, ice } = await echo(t, gateway, { hear: transport === 'tls' })
        assert.equal(ice.local_type, 'relay')
        assert.equal(ice.local.split(':')[0], addresses.relay)
        await hangUp(phone)
        await gateway.stop()
    })

test('full ICE: a relay whose certificate nobody signed is not used, and says so', async (t) => {
    internet.hide()
    internet.allow('meta l4proto tcp', ...relayTo(addresses.browser))
    const gateway = await hidden(t, { ...full(), media: { ice_timeout_ms: 2000 }, turn: [relay.relay({ transport: 'tls', address: `${relay.address}:5349` })] })
    const phone = await WebPhone.open(t, browser, gateway.http, `anna${++users}`)
    await phone.dial('echo')
    await gateway.program.waitFor(/event=ice.relay host=10.97.0.2 what=connect/)
    assert.equal(await phone.waitEnd(), 'ice')
    await gateway.stop()
})

test('full ICE behind a 1:1 NAT: no UDP at all, the browser connects by TCP', async (t) => {
    internet.hide({ oneToOne: true })
    internet.allow('meta l4proto tcp')
    const gateway = await hidden(t, { ...full({ port_min: 40000, port_max: 40099 }), media: { public_address: [addresses.nat] } })
    const { phone, ice } = await echo(t, gateway, { hear: true })
    assert.equal(ice.protocol, 'tcp')
    await hangUp(phone)
    await gateway.stop()
})

test('ICE-lite behind a 1:1 NAT: public_address', async (t) => {
    internet.hide({ oneToOne: true })
    internet.allow()
    const gateway = await hidden(t, { media: { public_address: [addresses.nat] } })
    const { phone, ice } = await echo(t, gateway)
    assert.equal(ice.mode, 'lite')
    await hangUp(phone)
    await gateway.stop()
})

for (const transport of ['udp', 'tcp'])
    test(`ICE-lite: UDP is blocked but for a relay, which the browser learns of and reaches by ${transport}`, async (t) => {
        internet.hide({ oneToOne: true })
        internet.allow('meta l4proto tcp', ...(transport === 'udp' ? throughRelay : []), ...relayTo(addresses.nat))
        const gateway = await hidden(t, { media: { public_address: [addresses.nat] }, turn: [relay.relay({ transport, browsers: true })] })
        const { phone, ice } = await echo(t, gateway)
        assert.equal(ice.remote.split(':')[0], addresses.relay)
        await hangUp(phone)
        await gateway.stop()
    })

test('full ICE: the page restarts ICE, media goes on', async (t) => {
    internet.hide()
    internet.allow()
    const gateway = await hidden(t, full({ stun: `${addresses.relay}:3478` }))
    const { phone, id } = await echo(t, gateway)
    await phone.hangup()
    await phone.waitEnd()
    assert.ok(id)
    await phone.evaluate(async () => {
        const { connect } = await import('/causeway.js')
        window.session = await connect(location.origin, { guest: 'restarter' })
        window.call = await session.call('echo')
        await call.answered
    })
    const up = async (restarts) => await until(async () => {
        const calls = await gateway.ctl('calls')
        const s = calls.length && (await gateway.ctl('call', 'show', calls[0].id))
        return s && s.leg_a.transport.state === 'connected' && s.leg_a.transport.ice.restarts === restarts && s.leg_a.streams[0].rx_packets
    }, `is up after ${restarts} restarts`)
    const before = await up(0)
    await phone.evaluate(() => call.restartIce())
    await up(1)
    await until(async () => (await up(1)) > before + 100, 'media goes on')
    assert.equal(await phone.evaluate(() => call.pc.connectionState), 'connected')
    await phone.evaluate(() => session.close?.())
    await gateway.stop()
})

test('5 % loss: up within 2 s, and what is lost is what the link loses', async (t) => {
    internet.hide({ oneToOne: true })
    internet.loseOneIn(20)
    const gateway = await hidden(t, { media: { public_address: [addresses.nat] } })
    const { phone, id, show } = await echo(t, gateway)
    t.diagnostic(JSON.stringify(show))
    assert.ok(show.dtls.done_ms <= 2000, `set up in ${show.dtls.done_ms} ms`)
    const s = await until(async () => {
        const { leg_a } = await gateway.ctl('call', 'show', id)
        return leg_a.streams[0].rx_packets > 500 && leg_a.streams[0]
    }, '500 packets', 20000, 200)
    const lost = (100 * s.rx_lost) / (s.rx_lost + s.rx_packets)
    t.diagnostic(`${lost.toFixed(2)} % lost`)
    assert.ok(Math.abs(lost - 5) <= 1.5, `${lost} % lost`)
    await hangUp(phone)
    await gateway.stop()
})
