// What Chromium hears: ringing, the branch of Kamailio's fork that speaks, then the winner; music on
// hold both ways. Frequencies measured in the page and at the SIP ends.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, WebPhone } from '../lib/browser.mjs'
import { kamailio } from '../lib/kamailio.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { SipPeer } from '../lib/sip.mjs'
import { Sound } from '../lib/sound.mjs'
import { tempDir, top, wholeFile } from '../lib/proc.mjs'
import { writeTone } from '../lib/wav.mjs'

const ports = [5081, 5082]
const musicHz = 659
let gateway, peer, browser

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        web: { root: path.join(top, 'client/dist/www'), codecs: ['PCMA'] }, // one: the tone of ringing needs no guess
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'], hold_music: writeTone(path.join(tempDir(wholeFile, 'music'), 'music.wav'), { hz: musicHz }) },
    })
    await kamailio(wholeFile, { forks: { team: ports.map((port) => `sip:phone@127.0.0.1:${port}`) } })
    peer = WebPeer.start(wholeFile)
    browser = await Browser.launch(wholeFile, 'chromium')
})

const sound = (t, invite, hz, codec) => Sound.answering(t, peer, invite.body, { hz, codecs: [codec] })

test('a fork of two branches: ringing, each in its turn, then the winner', async (t) => {
    const branches = await Promise.all(ports.map((port) => SipPeer.open(t, { port })))
    const phone = await WebPhone.open(t, browser, gateway.http, 'anna')
    await phone.dial('sip:team@127.0.0.1:5070')
    const invites = await Promise.all(branches.map((branch) => branch.expect('INVITE')))
    const [one, two] = [await sound(t, invites[0], 600, 'PCMA'), await sound(t, invites[1], 800, 'PCMU')]

    branches[0].reply(invites[0], 180, 'Ringing')
    await phone.waitState('ringing')
    await phone.hears(425)

    branches[0].reply(invites[0], 183, 'Session Progress', { body: one.sdp })
    await one.play()
    await phone.hears(600)
    branches[1].reply(invites[1], 183, 'Session Progress', { body: two.sdp })
    await two.play()
    await phone.hears(800)
    await two.hears(1000)
    await two.stop()
    await phone.hears(600)

    branches[1].reply(invites[1], 200, 'OK', { body: two.sdp })
    await two.play()
    await branches[1].expect('ACK')
    const cancel = await branches[0].expect('CANCEL')
    branches[0].reply(cancel, 200, 'OK', { contact: false })
    branches[0].reply(invites[0], 487, 'Request Terminated')
    await phone.waitState('active')
    await phone.hears(800)
    await two.hears(1000)
    await phone.hangup()
    branches[1].reply(await branches[1].expect('BYE'), 200, 'OK', { contact: false })
    assert.equal(await phone.waitEnd(), 'hangup')
    assert.deepEqual(phone.errors, [])
})

test('hold both ways: the SIP end\'s music in the page, ours at the SIP end', async (t) => {
    const bob = await SipPeer.open(t)
    const phone = await WebPhone.open(t, browser, gateway.http, 'bert')
    await phone.dial(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    const voice = await sound(t, invite, 700, 'PCMA')
    bob.reply(invite, 200, 'OK', { body: voice.sdp })
    await bob.expect('ACK')
    await voice.play()
    await phone.hears(700)
    await voice.hears(1000)

    const dialog = bob.dialogOf(invite)
    const offer = async (version, dir) => {
        bob.request('INVITE', '', { host: '127.0.0.1', port: 5060 }, { dialog, body: voice.sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${version}`).replace('a=sendrecv', `a=${dir}`) })
        await bob.expect((m) => m.status === 200 && /INVITE/.test(m.get('cseq')))
        bob.request('ACK', '', { host: '127.0.0.1', port: 5060 }, { dialog })
    }
    await offer(80, 'sendonly')
    await voice.play(880) // its music
    await phone.hears(880)
    await offer(81, 'sendrecv')
    await voice.play(700)
    await phone.hears(700)
    await voice.hears(1000)

    await phone.click('#hold')
    for (const [wanted, dir, hz] of [['sendonly', 'recvonly', musicHz], ['sendrecv', 'sendrecv', 1000]]) {
        const again = await bob.expect('INVITE')
        assert.match(again.body, new RegExp(`a=${wanted}\r\n`))
        bob.reply(again, 200, 'OK', { body: voice.sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${wanted === 'sendonly' ? 82 : 83}`).replace('a=sendrecv', `a=${dir}`) })
        await bob.expect('ACK')
        await voice.hears(hz)
        if (wanted === 'sendonly') await phone.click('#hold')
    }
    await phone.hears(700)
    await phone.hangup()
    bob.reply(await bob.expect('BYE'), 200, 'OK', { contact: false })
    assert.equal(await phone.waitEnd(), 'hangup')
    assert.deepEqual(phone.errors, [])
})

test('the gateway ends well', () => gateway.stop())
