// offers.mjs - a browser's offer, with nobody behind it.
export const webOffer = ({ codecs = [[8, 'PCMA/8000'], [101, 'telephone-event/8000']], candidate = true } = {}) => ['v=0', 'o=- 4611732943 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=msid-semantic: WMS',
    `m=audio 9 UDP/TLS/RTP/SAVPF ${codecs.map(([pt]) => pt).join(' ')}`, 'c=IN IP4 0.0.0.0', 'a=rtcp:9 IN IP4 0.0.0.0', 'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx', 'a=ice-options:trickle',
    'a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF', 'a=setup:actpass', 'a=mid:0', 'a=sendrecv', 'a=rtcp-mux',
    ...codecs.map(([pt, name]) => `a=rtpmap:${pt} ${name}`), ...(candidate ? ['a=candidate:1 1 udp 2122260223 127.0.0.1 49999 typ host'] : []), ''].join('\r\n')
