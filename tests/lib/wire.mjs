// wire.mjs - for a file of tests: a capture from first to last, and what tshark says about our packets.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Capture } from './capture.mjs'

// What leaves the gateway: its SIP ports, its media ports; not what an ICMP error quotes, which is cut.
const ours = '!icmp && !icmpv6 && (udp.srcport == 5060 || tcp.srcport == 5060 || (udp.srcport >= 7000 && udp.srcport <= 7003) || (udp.srcport >= 20000 && udp.srcport <= 29999))'

// The last test of a file. `protocols` are those that must have been seen, so that nothing is not
// taken for good. `but`: a display filter of what tshark cannot know.
export function wireIsClean(capture, protocols, { but } = {}) {
    test(`tshark: no malformed ${protocols.join(', ')} packet of ours`, async () => {
        const { bad, counts } = await (await capture().stop()).inspect(but ? `(${ours}) && !(${but})` : ours, protocols)
        assert.deepEqual(bad, [])
        for (const protocol of protocols) assert.ok(counts[protocol] > 0, `no ${protocol} packet of ours in the capture`)
    })
}

export const startCapture = (scope) => Capture.start(scope, 'wire')
