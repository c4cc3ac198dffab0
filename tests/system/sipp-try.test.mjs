import { before, test } from 'node:test'
import { Gateway } from '../lib/gateway.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { scenarios } from '../lib/stage.mjs'
import { wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'
let gateway, peer, capture
before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, { inbound: [{ match: 'echo', to: 'service:echo' }, { match: '*', to: 'user:$' }] })
    peer = WebPeer.start(wholeFile)
})
scenarios('try', () => ({ gateway, peer }), [
    { name: 'in', in: `
        > INVITE USER sdp
        < 100?
        < 180
        < 200
        > ACK
        pause 100
        > BYE
        < 200`, ladder: 'x' },
    { name: 'out', out: `
        < INVITE
        > 180
        > 200 sdp
        < ACK
        < BYE
        > 200`, ladder: 'x' },
    { name: 'out prack', out: `
        < INVITE
        > 183 sdp | Require: 100rel | RSeq: 10
        < PRACK | RAck: 10 [0-9]+ INVITE
        > 200
        > 200 INVITE
        < ACK
        < BYE
        > 200`, ladder: 'x' },
    { name: 'out busy', out: `
        < INVITE
        > 486
        < ACK`, act: ({ call }) => call.ended(), ladder: 'x' },
    { name: 'in cancel', in: `
        > INVITE USER sdp
        < 100?
        < 180
        > CANCEL USER
        < 200
        < 487
        > ACK`, act: ({ call }) => call.ended(), ladder: 'x' },
])
test('the gateway ends well', () => gateway.stop())
wireIsClean(() => capture, ['sip', 'sdp'])
