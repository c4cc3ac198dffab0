// Dialogs with SIPp, both ways: reliable responses, UPDATE, preconditions, session timers, late offers, forks, what
// crosses on the wire. Each call's ladder is as written here.
import { before, test } from 'node:test'
import { Gateway } from '../lib/gateway.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { does, lines, rows, scenarios } from '../lib/stage.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const [aloud, moved] = ['127.0.0.3', '127.0.0.9']

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { codecs: ['PCMA'], t1x64_ms: 3400, session_min_s: 2, preconditions: 'accept', redirect_hosts: [moved], invite_timeout_ms: 3000 },
        web: { codecs: ['PCMA'] },
        trunk: [{ name: 'aloud', address: `${aloud}:5060`, prefixes: ['+990'], ringback: true }],
        media: { ringback: '425 1000/4000' },
    })
    peer = WebPeer.start(wholeFile)
})

const stage = () => ({ gateway, peer })
const { take, answered, rung, hold, end, ended, has, all } = does
const { incoming, taken, bye, start, up, over } = rows
const { calls: isUp, bye: byCaller, takes: takesIt, letsGo } = lines

scenarios('SIPp calls', stage, [
    {
        name: 'reliable 180: the answer waits for its PRACK',
        in: `> INVITE USER sdp | Require: 100rel
            < 100?
            < 180 | RSeq: =rseq [0-9]+ | Require: 100rel
            > PRACK | RAck: [$rseq] 1 INVITE
            < 200
            < 200
            > ACK
            ${byCaller}`,
        ladder: `${incoming}; a> PRACK; <a 200; ${taken}; ${bye}`,
    }, {
        name: 'a PRACK of something else: 481, the right one after it',
        in: `> INVITE USER sdp | Require: 100rel
            < 100?
            < 180 | RSeq: =rseq [0-9]+
            > PRACK | RAck: 1 99 INVITE
            < 481
            > PRACK | RAck: [$rseq] 1 INVITE
            < 200
            < 200
            > ACK
            ${byCaller}`,
        ladder: `${incoming}; a> PRACK; <a 481; a> PRACK; <a 200; ${taken}; ${bye}`,
    }, {
        name: 'no PRACK: 504 in the end',
        in: `> INVITE USER sdp | Require: 100rel
            < 100?
            < 180
            < 504
            > ACK`,
        act: ended,
        ladder: `a> INVITE; <b call.incoming; -- to user:USER; <a 180, again and again; <a 504; <b call.end timeout; -- ended: timeout`,
    }, {
        name: 'early UPDATE: with an offer 500, for the first has no answer yet; without one 200',
        in: `> INVITE USER sdp
            < 100?
            < 180
            > UPDATE sdp
            < 500 | Retry-After: [0-9]+
            > UPDATE
            < 200
            > CANCEL USER
            < 200
            < 487
            > ACK`,
        act: ended,
        ladder: `${incoming}; a> UPDATE; <a 500; a> UPDATE; <a 200; a> CANCEL; <a 487; <b call.end cancelled; -- ended: cancelled`,
    }, {
        name: 'UPDATE and re-INVITE in the call, with and without an offer',
        in: `${isUp}
            > UPDATE sdp
            < 200 | = m=audio
            > UPDATE
            < 200
            > INVITE sdp
            < 100?
            < 200 | = m=audio
            > ACK
            > INVITE
            < 100?
            < 200 | = m=audio
            > ACK sdp
            ${byCaller}`,
        ladder: `${incoming}; ${taken}; a> UPDATE; <a 200; a> UPDATE; <a 200; a> INVITE; <a 200; a> ACK; a> INVITE; <a 200; a> ACK; ${bye}`,
    }, {
        name: 'late offer: ours in the 200, the answer in the ACK',
        in: `> INVITE USER
            < 100?
            < 180
            < 200 | = a=rtpmap:8 PCMA
            > ACK sdp
            ${byCaller}`,
        ladder: `${incoming}; b> call.answer; <a 200; -- answered; -- codecs:; a> ACK; -- codecs: PCMA/8000; ${bye}`,
    }, {
        name: 'session timer: the caller refreshes, by UPDATE and by re-INVITE',
        in: `> INVITE USER sdp | Supported: timer | Session-Expires: 60;refresher=uac
            < 100?
            < 180
            < 200 | Session-Expires: 60;refresher=uac
            > ACK
            > UPDATE | Supported: timer | Session-Expires: 60;refresher=uac
            < 200 | Session-Expires: 60;refresher=uac
            > INVITE sdp | Supported: timer | Session-Expires: 60;refresher=uac
            < 100?
            < 200 | Session-Expires: 60;refresher=uac
            > ACK
            ${byCaller}`,
        ladder: `${incoming}; ${taken}; a> UPDATE; <a 200; a> INVITE; <a 200; a> ACK; ${bye}`,
    }, {
        name: 'session timer: we refresh',
        in: `> INVITE USER sdp | Supported: timer | Session-Expires: 2;refresher=uas | Allow: INVITE, ACK, BYE, CANCEL, UPDATE
            < 100?
            < 180
            < 200 | Session-Expires: 2;refresher=uas
            > ACK
            < UPDATE | Session-Expires: 2;refresher=uac
            > 200 | Session-Expires: 2;refresher=uac
            ${byCaller}`,
        ladder: `${incoming}; ${taken}; <a UPDATE; a> 200; ${bye}`,
    }, {
        name: 'session timer: nobody refreshes, BYE',
        in: `> INVITE USER sdp | Supported: timer | Session-Expires: 2;refresher=uac
            < 100?
            < 180
            < 200
            > ACK
            < BYE
            > 200`,
        ladder: `${incoming}; ${taken}; <a BYE; <b call.end network; -- ended: network`,
    }, {
        name: 'preconditions: nobody is alerted before the caller is ready',
        in: `> INVITE USER sdp | Supported: 100rel | Require: precondition | + a=curr:qos local none | + a=curr:qos remote none | + a=des:qos mandatory local sendrecv | + a=des:qos mandatory remote sendrecv
            < 100?
            < 183 | RSeq: =rseq [0-9]+ | = a=curr:qos local sendrecv
            > PRACK | RAck: [$rseq] 1 INVITE
            < 200
            > UPDATE sdp | + a=curr:qos local sendrecv | + a=curr:qos remote sendrecv | + a=des:qos mandatory local sendrecv | + a=des:qos mandatory remote sendrecv
            < 200 | = a=curr:qos remote sendrecv
            < 180
            < 200
            > ACK
            ${byCaller}`,
        ladder: `a> INVITE; -- waits for the caller's network; <a 183; a> PRACK; <a 200; a> UPDATE; <a 200; <b call.incoming; -- to user:USER; <a 180; ${taken}; ${bye}`,
    }, {
        name: 'P-Early-Media: ringing is heard in a 183',
        options: { host: aloud },
        in: `> INVITE USER sdp | P-Early-Media: supported
            < 100?
            < 183 | P-Early-Media: sendonly | = m=audio
            < 200
            > ACK
            ${byCaller}`,
        ladder: `a> INVITE; <b call.incoming; -- to user:USER; <a 183; ${taken}; ${bye}`,
    }, {
        name: '491 to our re-INVITE: again a little after',
        in: `${isUp}
            < INVITE | = a=sendonly
            > 491
            < ACK
            < INVITE | = a=sendonly
            > 200 sdp:recvonly
            < ACK
            ${byCaller}`,
        act: all(take, has('a> ACK'), hold, ended),
        ladder: `${incoming}; ${taken}; b> call.hold; <b call.update held local; -- held by USER; <a INVITE; a> 491; <a INVITE; a> 200; <a ACK; ${bye}`,
    }, {
        name: 'an INVITE and an UPDATE that cross ours: 491',
        in: `${isUp}
            < INVITE | = a=sendonly
            > INVITE sdp
            < 491
            > ACK
            > UPDATE sdp
            < 491
            > 200 INVITE sdp:recvonly
            < ACK
            ${byCaller}`,
        act: all(take, has('a> ACK'), hold, ended),
        ladder: `${incoming}; ${taken}; b> call.hold; <b call.update held local; -- held by USER; <a INVITE; a> INVITE; <a 491; a> UPDATE; <a 491; a> 200; <a ACK; ${bye}`,
    }, {
        name: 'a second INVITE before the first is answered: 500',
        in: `> INVITE USER sdp
            < 100?
            < 180
            > INVITE sdp
            < 500 | Retry-After: [0-9]+
            > ACK
            > CANCEL USER cseq:1
            < 200
            < 487
            > ACK cseq:1`,
        act: ended,
        ladder: `${incoming}; a> INVITE; <a 500; a> CANCEL; <a 487; <b call.end cancelled; -- ended: cancelled`,
    }, {
        name: 'a CSeq that was before: 500',
        in: `${isUp}
            > UPDATE cseq:7
            < 200
            > UPDATE cseq:6
            < 500
            > BYE cseq:8
            < 200`,
        ladder: `${incoming}; ${taken}; a> UPDATE; <a 200; a> UPDATE; <a 500; ${bye}`,
    }, {
        name: 'the CANCEL crosses our 200: the call stands until its BYE',
        in: `> INVITE USER sdp
            < 100?
            < 180
            < 200
            > CANCEL USER
            < 481
            > ACK
            ${byCaller}`,
        ladder: `${incoming}; ${taken}; ${bye}`,
    }, {
        name: 'BYE in the early dialog: 487',
        in: `> INVITE USER sdp
            < 100?
            < 180
            > BYE
            < 200
            < 487
            > ACK cseq:1`,
        act: ended,
        ladder: `${incoming}; a> BYE; <a 200; <a 487; <b call.end cancelled; -- ended: cancelled`,
    }, {
        name: 'no ACK: BYE in the end',
        in: `> INVITE USER sdp
            < 100?
            < 180
            < 200
            < BYE
            > 200`,
        act: all(take, ended),
        ladder: `${incoming}; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; <a 200; <a 200; <a BYE; <b call.end timeout; -- ended: timeout`,
    },
])

// A fork of the callee's, by tag; its reliable responses.
const reliable = (status, n, more = '') => `> ${status} ${more} | Require: 100rel | RSeq: ${n}`

scenarios('SIPp is called', stage, [
    {
        name: 'reliable 183 with media, an UPDATE of the callee, then 200 without',
        out: `< INVITE | Supported: 100rel | Allow: PRACK.*|UPDATE
            ${reliable(183, 10, 'sdp')}
            < PRACK | RAck: 10 [0-9]+ INVITE
            > 200
            > UPDATE sdp
            < 200 | = m=audio
            > 200 INVITE
            < ACK
            ${letsGo}`,
        ladder: `${start}; b> 183; <b PRACK; <a call.progress early; -- codecs: PCMA/8000; b> 200; b> UPDATE; <b 200; b> 200; <b ACK; <a call.answer; -- answered; ${over}`,
    }, {
        name: 'reliable responses in their order: what comes too early gets no PRACK',
        out: `< INVITE
            ${reliable(180, 1)}
            < PRACK | RAck: 1 [0-9]+ INVITE
            > 200
            ${reliable(183, 5, 'INVITE sdp')}
            ${reliable(183, 2, 'INVITE sdp')}
            < PRACK | RAck: 2 [0-9]+ INVITE
            > 200
            > 486 INVITE
            < ACK`,
        act: ended,
        ladder: `${start}; b> 180; <b PRACK; <a call.progress ringing; b> 200; b> 183; b> 183; <b PRACK; <a call.progress early; -- codecs: PCMA/8000; b> 200; b> 486; <a call.end busy; -- ended: busy`,
    }, {
        name: 'UPDATE and re-INVITE of the callee, with and without an offer',
        out: `${takesIt}
            > UPDATE sdp
            < 200 | = m=audio
            > UPDATE
            < 200
            > INVITE sdp
            < 100?
            < 200 | = m=audio
            > ACK
            > INVITE
            < 100?
            < 200 | = m=audio
            > ACK sdp
            > BYE
            < 200`,
        act: all(answered, ended),
        ladder: `${start}; ${up}; b> UPDATE; <b 200; b> UPDATE; <b 200; b> INVITE; <b 200; b> ACK; b> INVITE; <b 200; b> ACK; b> BYE; <b 200; <a call.end; -- ended: hangup`,
    }, {
        name: '422: asked again with what it wants; we refresh by UPDATE',
        out: `< INVITE | Session-Expires: 1800
            > 422 | Min-SE: 2000
            < ACK
            < INVITE | Min-SE: 2000
            > 200 sdp | Require: timer | Session-Expires: 2;refresher=uac | Allow: INVITE, ACK, BYE, CANCEL, UPDATE
            < ACK
            < UPDATE | Session-Expires: [0-9]+;refresher=uac
            > 200 | Session-Expires: 1800;refresher=uac
            > BYE
            < 200`,
        act: all(answered, ended),
        ladder: `${start}; b> 422; <b INVITE; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; <b UPDATE; b> 200; b> BYE; <b 200; <a call.end; -- ended: hangup`,
    }, {
        name: 'session timer: the callee refreshes, by re-INVITE',
        out: `< INVITE
            > 200 sdp | Session-Expires: 60;refresher=uas
            < ACK
            > INVITE sdp | Supported: timer | Session-Expires: 60;refresher=uac
            < 100?
            < 200 | Session-Expires: 60;refresher=uac
            > ACK
            ${letsGo}`,
        act: all(answered, has('b> ACK'), end),
        ladder: `${start}; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; b> INVITE; <b 200; b> ACK; ${over}`,
    }, {
        name: 'session timer: nobody refreshes, BYE',
        out: `< INVITE
            > 200 sdp | Session-Expires: 2;refresher=uas
            < ACK
            ${letsGo}`,
        act: all(answered, ended),
        ladder: `${start}; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; <b BYE; <a call.end network; -- ended: network`,
    }, {
        name: 'preconditions: ours are met; the callee reserves, then rings',
        out: `< INVITE | = a=curr:qos local sendrecv
            ${reliable(183, 1, 'sdp')} | + a=curr:qos local none | + a=curr:qos remote sendrecv | + a=des:qos mandatory local sendrecv | + a=des:qos mandatory remote sendrecv
            < PRACK
            > 200
            > UPDATE sdp | + a=curr:qos local sendrecv | + a=curr:qos remote sendrecv | + a=des:qos mandatory local sendrecv | + a=des:qos mandatory remote sendrecv
            < 200 | = m=audio
            > 180 INVITE
            > 200 INVITE
            < ACK
            ${letsGo}`,
        ladder: `${start}; b> 183; <b PRACK; <a call.progress early; -- codecs: PCMA/8000; b> 200; b> UPDATE; <b 200; b> 180; b> 200; <b ACK; <a call.answer; -- answered; ${over}`,
    }, {
        name: 'forks: several ring, one speaks, another answers; a second 200 gets ACK and BYE',
        out: `< INVITE
            > 180 tag:one
            > 183 sdp tag:two
            > 180 tag:three
            > 200 sdp tag:three
            < ACK | To: tag=three
            > 200 INVITE sdp tag:two
            < ACK | To: tag=two
            < BYE | To: tag=two
            > 200
            < BYE | To: tag=three
            > 200`,
        act: all(answered, has('<b BYE'), has('b> 200', 3), end),
        ladder: `${start}; b> 180; <a call.progress ringing; b> 183; <a call.progress early; -- codecs: PCMA/8000; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; b> 200; <b ACK; <b BYE; b> 200; ${over}`,
    }, {
        name: '491 to our re-INVITE: again a while after',
        out: `${takesIt}
            < INVITE | = a=sendonly
            > 491
            < ACK
            < INVITE | = a=sendonly
            > 200 sdp:recvonly
            < ACK
            ${letsGo}`,
        act: all(answered, hold, has('<b ACK', 2), end),
        ladder: `${start}; ${up}; a> call.hold; <a call.update held local; -- held by USER; <b INVITE; b> 491; <b INVITE; b> 200; <b ACK; ${over}`,
    }, {
        name: 'an INVITE and an UPDATE that cross ours: 491',
        out: `${takesIt}
            < INVITE | = a=sendonly
            > INVITE sdp
            < 491
            > ACK
            > UPDATE sdp
            < 491
            > 200 INVITE sdp:recvonly
            < ACK
            > BYE
            < 200`,
        act: all(answered, hold, ended),
        ladder: `${start}; ${up}; a> call.hold; <a call.update held local; -- held by USER; <b INVITE; b> INVITE; <b 491; b> UPDATE; <b 491; b> 200; <b ACK; b> BYE; <b 200; <a call.end; -- ended: hangup`,
    }, {
        name: 'cancelled while it rings',
        out: `< INVITE
            > 180
            < CANCEL
            > 200
            > 487 INVITE
            < ACK`,
        act: all(rung, end),
        ladder: `${start}; b> 180; <a call.progress ringing; a> call.end; <a call.end cancelled; <b CANCEL; -- ended: cancelled`,
    }, {
        name: 'the 200 crosses our CANCEL: ACK and BYE',
        out: `< INVITE
            > 180
            < CANCEL
            > 200
            > 200 INVITE sdp
            < ACK
            ${letsGo}`,
        act: all(rung, end),
        ladder: `${start}; b> 180; <a call.progress ringing; a> call.end; <a call.end cancelled; <b CANCEL; -- ended: cancelled`,
    }, {
        name: 'cancelled before any answer: the CANCEL waits for one',
        out: `< INVITE
            pause 300
            > 180
            < CANCEL
            > 200
            > 487 INVITE
            < ACK`,
        act: end,
        ladder: `${start}; a> call.end; <a call.end cancelled; -- ended: cancelled`,
    }, {
        name: 'BYE of the callee in the early dialog',
        out: `< INVITE
            > 180
            > BYE
            < 200
            > 487 INVITE
            < ACK`,
        act: ended,
        ladder: `${start}; b> 180; <a call.progress ringing; b> BYE; <b 200; b> 487; <a call.end cancelled; -- ended: cancelled`,
    }, {
        name: 'requests of the callee before it answers: OPTIONS and INFO',
        out: `< INVITE
            > 180
            > OPTIONS
            < 200 | Allow: INVITE
            > INFO | Content-Type: application/dtmf-relay | = Signal=5\\nDuration=160
            < 200
            > 486 INVITE
            < ACK`,
        act: ended,
        ladder: `${start}; b> 180; <a call.progress ringing; b> OPTIONS; <b 200; b> INFO; <b 200; b> 486; <a call.end busy; -- ended: busy`,
    }, {
        name: 'no answer at all: timeout',
        out: `< INVITE
            pause 4000`,
        act: ended,
        ladder: `${start}; <a call.end network; -- ended: network`,
    }, {
        name: '302 to a host that may be: there',
        to: (callee) => callee.uri('moves'),
        out: `< INVITE
            > 302 | Contact: <sip:there@${moved}:5699>
            < ACK`,
        callee: takesIt + '\n' + letsGo,
        calleeOptions: { host: moved, port: 5699 },
        ladder: `a> call.start; <b INVITE; -- to sip:moves@ADDRESS; b> 302; -- redirected to sip:there@ADDRESS; <b INVITE; ${up}; ${over}`,
    },
])

test('the gateway ends well', async () => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left', 8000)
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp'])
