import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { CausewayError, connect, devices } from '../dist/causeway.js';
import { FakePeer, FakeStream, FakeTrack, clock, dial, hangUpAll, install, logIn, microphone, settle } from './fakes.mjs';

let browser, session, socket, call, pc;
beforeEach(async () => {
    clock.go();
    browser = install();
    ({ session, socket } = await logIn(connect));
});
afterEach(async () => {
    await hangUpAll();
    clock.go();
});

const kind = (word) => (error) => error instanceof CausewayError && error.kind === word;
async function answered(options) {
    const made = await dial(session, socket, 'echo', options);
    socket.tell('call.answer', { call: made.id, sdp: 'answer' });
    await made.call.answered;
    ({ call, pc } = made);
}
const agree = async (sdp = 'answer') => socket.reply(await socket.frame('call.update'), { sdp });
/** Shares a screen, which the gateway lets pass, as far as an offer that is to follow. */
async function share(options) {
    const sharing = call.shareScreen(options);
    sharing.catch(() => {});
    const told = await socket.frame('call.info');
    assert.equal(told.params.screen, true);
    socket.reply(told);
    return { sharing };
}
const sent = (kind) => pc.getTransceivers().find((each) => each.kind === kind).sender;
const events = (...names) => {
    const seen = [];
    for (const name of names) call.on(name, (event) => seen.push([name, event]));
    return seen;
};

test('a screen is added to a call without video, and taken away', async () => {
    await answered();
    const seen = events('sharing');
    const { sharing } = await share();
    await agree();
    const track = await sharing;
    assert.deepEqual([track.contentHint, call.sharing, sent('video').track], ['detail', true, track]);
    assert.deepEqual(microphone.asked.at(-1), { video: true, audio: false });
    const stopping = call.stopShare();
    await agree();
    await stopping;
    assert.deepEqual([track.readyState, call.sharing, sent('video').track], ['ended', false, null]);
    assert.deepEqual(seen, [['sharing', true], ['sharing', false]]);
});

test('a screen takes the camera\'s place without an offer; the browser\'s own button brings it back', async () => {
    await answered();
    const adding = call.addVideo();
    await agree();
    const camera = await adding;
    pc.transceivers[0].currentDirection = 'sendrecv';
    const track = await (await share()).sharing;
    assert.equal(sent('video').track, track);
    assert.equal(camera.readyState, 'live');
    track.vanish();
    await settle();
    assert.equal(sent('video').track, camera);
    assert.equal(call.sharing, false);
    assert.equal(socket.methods().filter((each) => each === 'call.update').length, 1);
    assert.deepEqual(socket.sent.at(-1).params, { call: call.id, screen: false });
});

test('a screen that the gateway does not let pass is not captured on', async () => {
    await answered();
    const mine = new FakeTrack('video', 'screen');
    navigator.mediaDevices.getDisplayMedia = async () => new FakeStream([mine]);
    const sharing = call.shareScreen();
    socket.refuse(await socket.frame('call.info'), -32002, 'forbidden');
    await assert.rejects(sharing, kind('forbidden'));
    assert.deepEqual([mine.readyState, call.sharing], ['ended', false]);
});

test('a camera that is added while a screen is shared waits for its end', async () => {
    await answered();
    const { sharing } = await share({ track: new FakeTrack('video', 'mine') });
    await agree();
    const mine = await sharing;
    pc.transceivers[0].currentDirection = 'sendonly';
    const camera = await call.addVideo();
    assert.equal(sent('video').track, mine);
    await call.stopShare();
    assert.equal(sent('video').track, camera);
    assert.equal(mine.readyState, 'live'); // the page's own
});

test('a screen that is refused changes nothing', async () => {
    await answered();
    microphone.refuse = 'NotAllowedError';
    await assert.rejects(call.shareScreen(), (error) => kind('media-denied')(error) && /screen/.test(error.message));
    delete navigator.mediaDevices.getDisplayMedia;
    await assert.rejects(call.shareScreen(), kind('unsupported'));
    assert.equal(call.sharing, false);
    await assert.rejects(call.snapshot(), kind('media-missing'));
});

test('a microphone that vanishes is replaced by the default one, muted as before', async () => {
    await answered();
    call.mute();
    const seen = events('device');
    const [old] = microphone.opened[0].tracks;
    navigator.mediaDevices.getUserMedia = async () => ({ ...microphone.opened[0], getAudioTracks: () => [fresh], getTracks: () => [fresh] });
    const fresh = new FakeTrack('audio', 'Headset');
    old.vanish();
    for (let i = 0; i < 4; i++) await settle();
    assert.deepEqual(seen, [['device', { kind: 'microphone', label: 'Headset' }]]);
    assert.equal(sent('audio').track, fresh);
    assert.equal(fresh.enabled, false);
    assert.deepEqual(call.localStream.getTracks(), [fresh]);
    assert.ok(!socket.methods().includes('call.update'));
});

test('with none left it says so, and takes the next that is plugged in', async () => {
    await answered();
    const seen = events('device');
    microphone.refuse = 'NotFoundError';
    microphone.opened[0].tracks[0].vanish();
    for (let i = 0; i < 4; i++) await settle();
    assert.deepEqual(seen, [['device', { kind: 'microphone' }]]);
    microphone.refuse = null;
    browser.plug();
    for (let i = 0; i < 4; i++) await settle();
    assert.deepEqual(seen[1], ['device', { kind: 'microphone', label: '' }]);
    assert.equal(sent('audio').track, microphone.opened[1].tracks[0]);
});

test('other devices: microphone, speaker', async () => {
    assert.deepEqual(await devices(), [{ id: 'm1', kind: 'microphone', label: 'Desk' }, { id: 's1', kind: 'speaker', label: '' }]);
    await answered();
    const sinks = [];
    const element = { srcObject: null, play: async () => {}, setSinkId: async (id) => void sinks.push(id) };
    await call.attach(element);
    const [old] = microphone.opened[0].tracks;
    await call.useDevice({ audio: 'm1', output: 's1' });
    assert.deepEqual(microphone.asked.at(-1), { audio: { deviceId: { exact: 'm1' } } });
    assert.equal(sent('audio').track, microphone.opened[1].tracks[0]);
    assert.equal(old.readyState, 'ended');
    await call.attach({ ...element });
    assert.deepEqual(sinks, ['s1', 's1']);
});

test('a call that only listened gets a microphone by an offer', async () => {
    await answered({ audio: false });
    const using = call.useDevice({ audio: 'm1' });
    const update = await socket.frame('call.update');
    assert.equal(pc.getTransceivers()[0].direction, 'sendrecv');
    socket.reply(update, { sdp: 'answer' });
    await using;
    assert.equal(sent('audio').track, microphone.opened.at(-1).tracks[0]);
});

test('bit rates are bounded from the start, and for what comes later', async () => {
    await answered({ maxBitrate: { audio: 24_000, video: 300_000 } });
    await settle();
    assert.equal(sent('audio').parameters.encodings[0].maxBitrate, 24_000);
    const adding = call.addVideo();
    await agree();
    await adding;
    assert.equal(sent('video').parameters.encodings[0].maxBitrate, 300_000);
    await call.setMaxBitrate({ video: Infinity });
    assert.deepEqual(sent('video').parameters.encodings[0], {});
    assert.equal(sent('audio').parameters.encodings[0].maxBitrate, 24_000);
});

/** A second of the call goes by with these numbers. */
async function second({ rtt = 0.02, jitter = 0.001, received, lost = 0, bytes, level }) {
    pc.getStats = async () => new Map([
        ['P', { id: 'P', type: 'candidate-pair', nominated: true, currentRoundTripTime: rtt }],
        ['I', { id: 'I', type: 'inbound-rtp', kind: 'audio', jitter, packetsReceived: received, packetsLost: lost, bytesReceived: bytes ?? received * 100 }],
        ['M', { id: 'M', type: 'media-source', kind: 'audio', audioLevel: level ?? Math.random() }],
    ]);
    clock.tick(1_000);
    await settle();
    for (const ping of socket.sent.filter(({ method, done }) => method === 'ping' && !done)) socket.reply(Object.assign(ping, { done: true }));
    await settle();
}

test('warnings: three bad seconds of five, and when they are over', async () => {
    clock.stop();
    await answered();
    const seen = events('warning');
    let received = 0;
    const good = () => second({ received: (received += 50) });
    const slow = () => second({ received: (received += 50), rtt: 0.45 });
    for (const each of [good, slow, slow, good]) await each();
    assert.deepEqual(seen, []);
    await slow();
    assert.deepEqual(seen, [['warning', { what: 'rtt', on: true, value: 450 }]]);
    for (const each of [good, good]) await each();
    assert.deepEqual(seen.slice(1), [['warning', { what: 'rtt', on: false, value: 20 }]]);
    let lost = 0;
    for (let i = 0; i < 3; i++) await second({ received: (received += 45), lost: (lost += 5) });
    assert.deepEqual(seen.slice(2).map(([, { what, on, value }]) => [what, on, value]), [['loss', true, 0.1], ]);
    for (let i = 0; i < 3; i++) await second({ received: (received += 25), lost: (lost += 25), jitter: 0.04 });
    assert.deepEqual(seen.slice(3).map(([, { what }]) => what).sort(), ['jitter', 'mos']);
});

test('warnings: nothing comes, and a microphone that does not move', async () => {
    clock.stop();
    await answered();
    const seen = events('warning');
    const stats = events('stats');
    for (let i = 0; i < 4; i++) await second({ received: 50, level: 0.1 });
    assert.deepEqual(seen, [['warning', { what: 'silence', on: true, value: 3 }]]);
    for (let i = 0; i < 7; i++) await second({ received: 100 + i, level: 0.1 });
    assert.deepEqual(seen.slice(1), [
        ['warning', { what: 'silence', on: false, value: 0 }], ['warning', { what: 'microphone', on: true, value: 0.1 }],
    ]);
    await second({ received: 200, level: 0.2 });
    assert.deepEqual(seen.at(-1), ['warning', { what: 'microphone', on: false, value: 0.2 }]);
    assert.ok(stats.at(-1)[1].mos > 4);
    assert.equal(stats.length, 12);
});

test('held, nobody is missed; muted, no microphone is', async () => {
    clock.stop();
    await answered();
    const seen = events('warning');
    call.mute();
    socket.tell('call.update', { call: call.id, held: { local: false, remote: true } });
    await settle();
    for (let i = 0; i < 12; i++) await second({ received: 50, level: 0 });
    assert.deepEqual(seen, []);
    assert.equal(FakePeer.all.length, 1);
});
