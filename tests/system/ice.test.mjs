// Full ICE: the gateway tells the browser its candidates as it finds them.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { webOffer } from '../lib/offers.mjs'
import { Client } from '../lib/rpc.mjs'
import { wholeFile } from '../lib/proc.mjs'

let gateway

before(async () => {
    gateway = await Gateway.start(wholeFile, { webrtc: { ice: 'full' } })
})

test('candidates come to the browser, and an end of them', async (t) => {
    const client = await Client.open(t, gateway.ws, 'anna')
    await client.call('call.start', { call: 'c1', to: 'echo', sdp: webOffer() })
    const answer = await client.expect('call.answer', { call: 'c1' })
    assert.match(answer.sdp, /^a=ice-options:trickle/m)
    assert.doesNotMatch(answer.sdp, /^a=ice-lite/m)
    const found = []
    for (let event; (event = await client.expect('call.candidate', { call: 'c1' })).candidate;) found.push(event.candidate)
    for (const candidate of found) assert.match(candidate, /^candidate:\S+ 1 (UDP|TCP) \d+ \S+ \d+ typ (host|srflx|relay)/i)
    await client.call('call.end', { call: 'c1' })
    await client.expect('call.end', { call: 'c1' })
})

test('the gateway ends well', () => gateway.stop())
