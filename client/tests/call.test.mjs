import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { CausewayError, connect } from '../dist/causeway.js';
import { FakePeer, FakeStream, FakeTrack, clock, dial, hangUpAll, install, logIn, microphone, settle } from './fakes.mjs';

let browser, session, socket;
beforeEach(async () => {
    browser = install();
    ({ session, socket } = await logIn(connect));
});

afterEach(hangUpAll);

const kind = (word) => (error) => error instanceof CausewayError && error.kind === word;

/** Answers the pings there are. */
async function pong() {
    for (const ping of socket.sent.filter(({ method }) => method === 'ping')) socket.reply(ping);
    await settle();
}

function statesOf(call) {
    const states = [];
    call.on('state', (state) => states.push(state));
    return states;
}

async function answered(to, options) {
    const made = await dial(session, socket, to, options);
    socket.tell('call.answer', { call: made.id, sdp: 'answer' });
    await made.call.answered;
    return made;
}

async function ring(from = { uri: 'user:bob', display: 'Bob' }) {
    const coming = new Promise((resolve) => session.once('call', resolve));
    socket.tell('call.incoming', { call: 'in-1', id: 'gw9', from, to: 'anna', sdp: 'their offer' });
    return coming;
}

test('a call goes out at once; its candidates wait until the gateway has it', async () => {
    const pending = session.call('echo', { headers: { 'X-Order': '7' } });
    const start = await socket.frame('call.start');
    assert.match(start.params.call, /^[A-Za-z0-9_-]{1,64}$/);
    assert.deepEqual(
        { ...start.params, call: '' },
        { call: '', to: 'echo', sdp: 'offer 1', headers: { 'X-Order': '7' } },
    );
    const [pc] = FakePeer.all;
    assert.equal(pc.config.bundlePolicy, 'max-bundle');
    pc.gather('candidate:1');
    assert.ok(!socket.methods().includes('call.candidate'));
    socket.reply(start, { call: start.params.call, id: 'gw1' });
    const call = await pending;
    pc.gather('');
    pc.gather(null);
    const candidates = socket.sent.filter(({ method }) => method === 'call.candidate');
    assert.deepEqual(
        candidates.map(({ id, params }) => [id, params]),
        [
            [undefined, { call: call.id, candidate: 'candidate:1', mid: '0', mline: 0 }],
            [undefined, { call: call.id, candidate: null }],
        ],
    );
    assert.deepEqual([call.state, call.direction, call.gatewayId], ['trying', 'outgoing', 'gw1']);
});

test('trying, ringing, early media, answer; the answer is applied once', async () => {
    const { call, id, pc } = await dial(session, socket);
    const states = statesOf(call);
    socket.tell('call.progress', { call: id, state: 'trying' });
    socket.tell('call.progress', { call: id, state: 'ringing', status: 180 });
    socket.tell('call.progress', { call: id, state: 'trying' });
    socket.tell('call.progress', { call: id, state: 'early', status: 183, sdp: 'early answer' });
    socket.tell('call.answer', { call: id, sdp: 'another answer' });
    await call.answered;
    assert.deepEqual(states, ['ringing', 'early', 'active']);
    assert.equal(pc.remoteDescription.sdp, 'early answer');
});

test('notifications may overtake the reply to call.start', async () => {
    const pending = session.call('echo');
    const start = await socket.frame('call.start');
    const { call: id } = start.params;
    socket.tell('call.progress', { call: id, state: 'trying' });
    socket.tell('call.answer', { call: id, sdp: 'answer' });
    await settle();
    socket.reply(start, { call: id, id: 'gw1' });
    const call = await pending;
    assert.deepEqual([call.state, call.gatewayId], ['active', 'gw1']);
    await call.answered;
    void call.hangup();

    const second = session.call('echo');
    const again = await socket.frame('call.start');
    FakePeer.all.at(-1).gather('candidate:1');
    socket.tell('call.end', { call: again.params.call, reason: 'busy', by: 'peer' });
    await settle();
    socket.reply(again, { call: again.params.call, id: 'gw2' });
    assert.equal((await second).state, 'ended');
    assert.ok(!socket.methods().includes('call.candidate'));
});

test('the end is looked at only after the answer before it', async () => {
    const { call, id } = await dial(session, socket);
    const states = statesOf(call);
    socket.tell('call.answer', { call: id, sdp: 'answer' });
    socket.tell('call.end', { call: id, reason: 'hangup', by: 'peer' });
    await call.answered;
    const end = await call.ended;
    assert.deepEqual(states, ['active', 'ended']);
    assert.deepEqual([end.reason, end.by, end.text], ['hangup', 'peer', 'call ended']);
});

test('a refusal rejects `answered` and tells the SIP status', async () => {
    const { call, id } = await dial(session, socket);
    const sip = { status: 486, reason: 'Busy Here' };
    socket.tell('call.end', { call: id, reason: 'busy', by: 'peer', sip, q850: 17 });
    await assert.rejects(call.answered, (error) => kind('busy')(error) && error.sip.status === 486);
    assert.deepEqual(await call.ended, {
        reason: 'busy', by: 'peer', text: 'busy', sip, q850: 17, durationMs: 0,
    });
    assert.equal(microphone.opened[0].tracks[0].readyState, 'ended');
});

test('a call the gateway does not take on leaves nothing behind', async () => {
    const pending = session.call('user:nobody');
    socket.refuse(await socket.frame('call.start'), -32021, 'not-found');
    await assert.rejects(pending, (error) => kind('not-found')(error) && error.code === -32021);
    assert.ok(FakePeer.all[0].closed);
    assert.equal(microphone.opened[0].tracks[0].readyState, 'ended');
    assert.deepEqual(session.calls, []);
    assert.ok(!socket.methods().includes('call.end'));
});

test('an answer the browser cannot use hangs up', async () => {
    const { call, id } = await dial(session, socket);
    socket.tell('call.answer', { call: id, sdp: 'rubbish' });
    assert.equal((await call.ended).reason, 'media-failed');
    await assert.rejects(call.answered, kind('media-failed'));
    assert.equal(socket.sent.at(-1).method, 'call.end');
});

for (const [name, word] of [
    ['NotAllowedError', 'media-denied'],
    ['NotFoundError', 'media-missing'],
    ['AbortError', 'media-failed'],
])
    test(`${name} of the microphone is ${word}`, async () => {
        microphone.refuse = name;
        await assert.rejects(session.call('echo'), kind(word));
        assert.ok(!socket.methods().includes('call.start'));
    });

test('without WebRTC, or without a secure page, a call is unsupported', async () => {
    browser.put('RTCPeerConnection', undefined);
    await assert.rejects(session.call('echo'), kind('unsupported'));
    browser.put('RTCPeerConnection', FakePeer);
    globalThis.navigator.mediaDevices = undefined;
    await assert.rejects(session.call('echo'), (error) => kind('unsupported')(error) && /https/.test(error.message));
});

test('only listening needs no microphone', async () => {
    const { pc } = await dial(session, socket, 'tone', { audio: false });
    assert.deepEqual(microphone.asked, []);
    assert.deepEqual(pc.transceivers.map(({ kind, direction }) => [kind, direction]), [['audio', 'recvonly']]);
});

test('the page\'s own stream is sent, and is not stopped', async () => {
    const track = new FakeTrack();
    const { call, pc } = await answered('echo', { stream: new FakeStream([track]) });
    assert.deepEqual(pc.senders, [track]);
    void call.hangup();
    assert.equal(track.readyState, 'live');
});

test('hanging up is over at once, and quiet when the gateway knows no such call', async () => {
    const { call, pc } = await answered();
    const states = statesOf(call);
    const done = call.hangup();
    assert.deepEqual(states, ['ended']);
    assert.ok(pc.closed);
    socket.refuse(await socket.frame('call.end'), -32020, 'no-call');
    await done;
    assert.equal((await call.ended).by, 'you');
    await call.hangup();
    assert.equal(socket.methods().filter((each) => each === 'call.end').length, 1);
});

test('a transfer resolves when it is done, and rejects when it failed; the call goes on then', async () => {
    const { call } = await answered();
    const seen = [];
    call.on('transfer', ({ state, reason }) => seen.push(reason ? `${state} ${reason}` : state));
    const first = call.transfer('user:cleo');
    const asked = await socket.frame('call.transfer');
    assert.deepEqual(asked.params, { call: call.id, to: 'user:cleo' });
    socket.reply(asked);
    for (const state of ['trying', 'ringing']) socket.tell('call.transfer', { call: call.id, state });
    socket.tell('call.transfer', { call: call.id, state: 'failed', reason: 'busy', text: 'busy', sip: { status: 486, reason: 'Busy Here' } });
    await assert.rejects(first, (error) => error.kind === 'busy' && error.sip.status === 486);
    assert.equal(call.state, 'active');
    const { call: other } = await answered();
    const second = call.transfer(other);
    const again = await socket.frame('call.transfer');
    assert.deepEqual(again.params, { call: call.id, other: other.id });
    socket.reply(again);
    socket.tell('call.transfer', { call: call.id, state: 'done' });
    socket.tell('call.end', { call: call.id, reason: 'transferred', by: 'gateway' });
    await second;
    assert.equal((await call.ended).reason, 'transferred');
    assert.deepEqual(seen, ['trying', 'ringing', 'failed busy', 'done']);
});

test('a transfer that the gateway refuses rejects', async () => {
    const { call } = await answered();
    const pending = call.transfer('x');
    socket.refuse(await socket.frame('call.transfer'), -32029, 'no-route');
    await assert.rejects(pending, kind('no-route'));
});

test('an abort while the gateway is asked takes the call back', async () => {
    const abort = new AbortController();
    const pending = session.call('echo', { signal: abort.signal });
    const start = await socket.frame('call.start');
    abort.abort();
    await assert.rejects(pending, kind('cancelled'));
    assert.deepEqual(socket.sent.at(-1).method, 'call.end');
    assert.equal(socket.sent.at(-1).params.call, start.params.call);
    assert.ok(FakePeer.all[0].closed);
});

test('an abort while it rings hangs up; after the answer it does nothing', async () => {
    const abort = new AbortController();
    const { call } = await dial(session, socket, 'echo', { signal: abort.signal });
    abort.abort();
    assert.equal((await call.ended).by, 'you');
    const later = new AbortController();
    const second = await answered('echo', { signal: later.signal });
    await settle();
    later.abort();
    assert.equal(second.call.state, 'active');
});

test('an abort while the microphone is asked for stops what is opened later', async () => {
    let open;
    const stream = new FakeStream([new FakeTrack()]);
    navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => (open = resolve));
    const abort = new AbortController();
    const pending = session.call('echo', { signal: abort.signal });
    await settle();
    abort.abort();
    await assert.rejects(pending, kind('cancelled'));
    open(stream);
    await settle();
    assert.equal(stream.tracks[0].readyState, 'ended');
});

test('a call that comes in is answered from the gateway\'s offer', async () => {
    const call = await ring();
    assert.deepEqual([call.state, call.direction, call.remote.display], ['ringing', 'incoming', 'Bob']);
    const states = statesOf(call);
    const done = call.answer();
    const asked = await socket.frame('call.answer');
    const [pc] = FakePeer.all;
    pc.gather('candidate:1');
    assert.ok(!socket.methods().includes('call.candidate'));
    assert.deepEqual(asked.params, { call: 'in-1', sdp: 'answer' });
    assert.equal(pc.senders.length, 1);
    socket.reply(asked);
    await done;
    await call.answered;
    assert.equal(socket.sent.at(-1).method, 'call.candidate');
    assert.deepEqual(states, ['answering', 'active']);
    await assert.rejects(call.answer(), kind('state'));
});

test('a refused microphone lets it ring on, so that it can be tried again', async () => {
    const call = await ring();
    microphone.refuse = 'NotAllowedError';
    await assert.rejects(call.answer(), kind('media-denied'));
    assert.equal(call.state, 'ringing');
    call.answer({ audio: false }).catch(() => {});
    await socket.frame('call.answer');
});

test('the caller gives up, or another device answers, while the microphone is opened', async () => {
    const call = await ring();
    const pending = call.answer();
    socket.tell('call.end', { call: 'in-1', reason: 'answered-elsewhere', by: 'gateway' });
    await assert.rejects(pending, kind('state'));
    assert.equal((await call.ended).reason, 'answered-elsewhere');
    assert.ok(!socket.methods().includes('call.answer'));
    for (const stream of microphone.opened) assert.equal(stream.tracks[0].readyState, 'ended');
});

test('the gateway refuses the answer', async () => {
    const call = await ring();
    const pending = call.answer();
    socket.refuse(await socket.frame('call.answer'), -32027, 'no-codec');
    await assert.rejects(pending, kind('no-codec'));
    assert.equal((await call.ended).reason, 'no-codec');
    assert.ok(FakePeer.all[0].closed);
});

test('rejecting, and hanging up what rings', async () => {
    const first = await ring();
    void first.reject('busy');
    assert.deepEqual((await socket.frame('call.reject')).params, { call: 'in-1', reason: 'busy' });
    const second = await ring();
    void second.hangup();
    assert.deepEqual((await socket.frame('call.reject')).params, { call: 'in-1', reason: 'declined' });
    assert.equal((await second.ended).by, 'you');
    await assert.rejects(second.reject(), kind('state'));
});

test('logging out does not reject what rings: another device may take it', async () => {
    await ring();
    void session.close();
    assert.ok(!socket.methods().includes('call.reject'));
    assert.equal(socket.methods().at(-1), 'session.close');
});

test('mute silences the track, tells the other side, and holds across hold', async () => {
    const { call, id } = await answered();
    const [track] = microphone.opened[0].tracks;
    const events = [];
    call.on('muted', (event) => events.push(event));
    call.mute();
    call.mute();
    assert.equal(track.enabled, false);
    assert.deepEqual(socket.sent.at(-1).params, { call: id, muted: { audio: true, video: false } });
    assert.deepEqual(events, [{ who: 'local', audio: true, video: false }]);

    const holding = call.hold();
    socket.reply(await socket.frame('call.hold'));
    await holding;
    call.mute('audio', false);
    assert.equal(track.enabled, false);
    assert.equal(call.held.local, true);
    const resuming = call.resume();
    socket.reply(await socket.frame('call.resume'));
    await resuming;
    assert.equal(track.enabled, true);
});

test('muted before the answer: told after it', async () => {
    const { call, id } = await dial(session, socket);
    call.mute();
    assert.ok(!socket.methods().includes('call.info'));
    socket.tell('call.answer', { call: id, sdp: 'answer' });
    await call.answered;
    assert.equal(socket.sent.at(-1).method, 'call.info');
});

test('the other side holds, mutes and presses keys', async () => {
    const { call, id } = await answered();
    const events = [];
    for (const name of ['held', 'muted', 'dtmf']) call.on(name, (event) => events.push([name, event]));
    socket.tell('call.update', { call: id, held: { local: false, remote: true } });
    socket.tell('call.update', { call: id, held: { local: false, remote: true } });
    socket.tell('call.info', { call: id, muted: { audio: true } });
    socket.tell('call.info', { call: id, dtmf: { digit: '#', duration_ms: 120 } });
    await settle();
    assert.deepEqual(events, [
        ['held', { local: false, remote: true }],
        ['muted', { who: 'remote', audio: true, video: false }],
        ['dtmf', { digit: '#', durationMs: 120 }],
    ]);
    assert.equal(microphone.opened[0].tracks[0].enabled, true);
});

test('keys are checked here first', async () => {
    const { call, id } = await answered();
    call.dtmf('12#d', { durationMs: 200 }).catch(() => {});
    assert.deepEqual((await socket.frame('call.dtmf')).params, { call: id, digits: '12#D', duration_ms: 200 });
    for (const bad of ['', 'E', '1 2', '1'.repeat(33), '1\r\n'])
        await assert.rejects(call.dtmf(bad), kind('bad-params'));
});

test('a media path that never comes about ends the call', async () => {
    const { call, pc } = await answered();
    pc.become('connecting');
    pc.become('failed');
    assert.equal((await call.ended).reason, 'ice');
    assert.equal(socket.sent.at(-1).method, 'call.end');
});

test('a broken media path is repaired after two seconds, at once when it failed, and given up after twenty', async () => {
    clock.stop();
    try {
        const { call, pc } = await answered();
        const seen = [];
        call.on('connection', (state) => seen.push(state));
        call.on('reconnecting', () => seen.push('reconnecting'));
        call.on('reconnected', () => seen.push('reconnected'));
        pc.become('connected');
        pc.become('disconnected');
        assert.ok(socket.methods().includes('ping')); // is the rest of the network there?
        await pong();
        clock.tick(1_999);
        await settle();
        assert.ok(!socket.methods().includes('call.update'));
        pc.become('connected');
        clock.tick(10_000);
        await settle();
        assert.ok(!socket.methods().includes('call.update'));
        pc.become('disconnected');
        await pong();
        clock.tick(2_000);
        const first = await socket.frame('call.update');
        assert.equal(first.params.sdp, 'offer 2 restart');
        socket.reply(first, { sdp: 'answer 2' });
        await settle();
        pc.become('failed');
        socket.reply(await socket.frame('call.update'), { sdp: 'answer 3' });
        await pong();
        assert.deepEqual(seen, [
            'connected', 'disconnected', 'reconnecting', 'connected', 'reconnected', 'disconnected', 'reconnecting', 'failed',
        ]);
        clock.tick(19_999);
        assert.equal(call.state, 'active');
        clock.tick(1);
        assert.equal((await call.ended).reason, 'ice');
        assert.equal(socket.sent.at(-1).method, 'call.end');
    } finally {
        clock.go();
    }
});

test('an ICE restart goes through call.update', async () => {
    const { call, id, pc } = await answered();
    const done = call.restartIce();
    const asked = await socket.frame('call.update');
    assert.deepEqual(asked.params, { call: id, sdp: 'offer 2 restart' });
    socket.reply(asked, { sdp: 'answer 2' });
    await done;
    assert.equal(pc.remoteDescription.sdp, 'answer 2');
});

test('tracks of the other side, and the element that plays them', async () => {
    const { call, pc } = await answered();
    const element = { srcObject: null, play: async () => {} };
    await call.attach(element);
    assert.equal(element.srcObject, null); // nothing to play yet: Chromium would stay silent
    const seen = [];
    call.on('track', (event) => seen.push(event));
    const track = new FakeTrack();
    pc.ontrack({ track });
    assert.equal(element.srcObject, call.remoteStream);
    const later = { srcObject: null, play: async () => {} };
    await call.attach(later);
    assert.equal(later.srcObject, call.remoteStream);
    assert.deepEqual(seen, [{ track, stream: call.remoteStream }]);
    assert.deepEqual(call.remoteStream.tracks, [track]);
    void call.hangup();
    assert.equal(element.srcObject, null);
});

test('attached before the answer; and where sound needs a click', async () => {
    const call = await ring();
    const element = {
        srcObject: null,
        play: async () => {
            throw new DOMException('click first', 'NotAllowedError');
        },
    };
    const wanted = [];
    call.on('needsgesture', (each) => wanted.push(each));
    await call.attach(element);
    assert.equal(element.srcObject, null);
    call.answer().catch(() => {});
    await socket.frame('call.answer');
    FakePeer.all[0].ontrack({ track: new FakeTrack() });
    await settle();
    assert.equal(element.srcObject, call.remoteStream);
    assert.deepEqual(wanted, [element]);
});

test('stats in plain words', async () => {
    const { call } = await answered();
    const { raw, ...stats } = await call.stats();
    assert.equal(raw.size, 7);
    assert.deepEqual(stats, {
        rttMs: 12, jitterMs: 3, packetsSent: 60, packetsReceived: 50, packetsLost: 1, bytesSent: 5000,
        bytesReceived: 4000, level: 0.5, microphone: undefined, codec: 'opus', local: '192.0.2.7:4000 host',
        remote: '[2001:db8::1]:7000 host',
    });
});

test('quality and silence are told in plain numbers', async () => {
    const { call, id } = await answered();
    const seen = [];
    call.on('quality', (event) => seen.push(event));
    call.on('media', (event) => seen.push(event));
    socket.tell('call.quality', {
        call: id, leg: 'you', rating: 'fair', sent: { mos: 345, loss: 25, jitter_ms: 12 }, rtt_ms: 80,
    });
    socket.tell('call.media', { call: id, leg: 'peer', kind: 'audio', state: 'silent' });
    await settle();
    assert.deepEqual(seen, [
        { leg: 'you', rating: 'fair', sent: { mos: 3.45, loss: 0.025, jitterMs: 12 }, rttMs: 80 },
        { leg: 'peer', kind: 'audio', state: 'silent' },
    ]);
});

test('what the browser measures is reported while the call lasts', async () => {
    clock.stop();
    try {
        const { call, id, pc } = await answered();
        const inbound = (more) => new Map([
            ['P', { id: 'P', type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.0123, availableOutgoingBitrate: 300400 }],
            ['I', { id: 'I', type: 'inbound-rtp', kind: 'audio', jitter: 0.0034, packetsReceived: 500, packetsLost: -1, audioLevel: 0.1, ...more }],
        ]);
        pc.getStats = async () => inbound({ totalSamplesReceived: 48000, concealedSamples: 480 });
        clock.tick(10_000);
        const first = await socket.frame('call.report');
        assert.equal(first.id, undefined);
        assert.deepEqual(first.params, {
            call: id, rtt_ms: 12, outgoing_kbps: 300,
            audio: { packets: 500, lost: 0, jitter_ms: 3, concealed: 10, level: 20 },
        });
        pc.getStats = async () => inbound({ totalSamplesReceived: 96000, concealedSamples: 480, audioLevel: 0, jitter: NaN });
        await settle();
        clock.tick(10_000);
        assert.deepEqual((await socket.frame('call.report')).params.audio, { packets: 500, lost: 0, concealed: 0, level: 127 });
        await settle();
        void call.hangup();
        clock.tick(30_000);
        await settle();
        assert.equal(socket.methods().filter((method) => method === 'call.report').length, 2);
    } finally {
        clock.go();
    }
});

// ── Video in a call ──

test('video is added: offered, and the track is muted by a hold like any other', async () => {
    const { call, pc } = await answered();
    const adding = call.addVideo();
    const update = await socket.frame('call.update');
    assert.equal(update.params.sdp, 'offer 2');
    assert.equal(pc.transceivers[0].direction, 'sendrecv');
    socket.reply(update, { sdp: 'answer 2' });
    const track = await adding;
    assert.equal(track.kind, 'video');
    assert.equal(pc.remoteDescription.sdp, 'answer 2');
    const holding = call.hold();
    socket.reply(await socket.frame('call.hold'));
    await holding;
    assert.equal(track.enabled, false);
});

test('the other side takes it: the offer of the gateway is answered, and told', async () => {
    const { call, id, pc } = await answered();
    const seen = [];
    call.on('video', (flow) => seen.push(flow));
    const adding = call.addVideo({ track: new FakeTrack('video') });
    socket.reply(await socket.frame('call.update'), { sdp: 'inactive' });
    await adding;
    pc.transceivers[0].currentDirection = 'sendonly';
    socket.tell('call.update', { call: id, held: { local: false, remote: false }, sdp: 'gateway offer' });
    const answer = await socket.frame('call.answer');
    assert.deepEqual(answer.params, { call: id, sdp: 'answer' });
    socket.reply(answer);
    await settle();
    assert.deepEqual(seen, [{ local: true, remote: false }]);
    assert.deepEqual(call.video, { local: true, remote: false });
});

test('an offer of the gateway crosses ours: theirs first, then ours again', async () => {
    const { call, id, pc } = await answered();
    const adding = call.addVideo({ track: new FakeTrack('video') });
    const first = await socket.frame('call.update');
    socket.tell('call.update', { call: id, held: { local: false, remote: false }, sdp: 'gateway offer' });
    socket.refuse(first, -32004, 'state');
    const answer = await socket.frame('call.answer');
    assert.equal(pc.remoteDescription.sdp, 'gateway offer');
    socket.reply(answer);
    const again = await socket.frame('call.update');
    assert.equal(again.params.sdp, 'offer 3');
    socket.reply(again, { sdp: 'answer 3' });
    await adding;
    assert.equal(pc.transceivers.filter(({ direction }) => direction !== 'stopped').length, 1);
});

test('video is removed: a camera of the library is stopped, a track of the page is not', async () => {
    const { call, pc } = await answered();
    const adding = call.addVideo();
    socket.reply(await socket.frame('call.update'), { sdp: 'a' });
    const camera = await adding;
    const removing = call.removeVideo();
    socket.reply(await socket.frame('call.update'), { sdp: 'b' });
    await removing;
    assert.equal(camera.readyState, 'ended');
    assert.equal(pc.transceivers[0].direction, 'stopped');

    const mine = new FakeTrack('video');
    const again = call.addVideo({ track: mine });
    socket.reply(await socket.frame('call.update'), { sdp: 'c' });
    await again;
    pc.transceivers[1].currentDirection = 'sendrecv';
    const last = call.removeVideo();
    socket.reply(await socket.frame('call.update'), { sdp: 'd' });
    await last;
    assert.equal(mine.readyState, 'live');
    assert.equal(pc.transceivers[1].direction, 'recvonly');
});

test('no camera: told as such, and the call goes on', async () => {
    const { call } = await answered();
    microphone.refuse = 'NotFoundError';
    await assert.rejects(call.addVideo(), (error) => error.kind === 'media-missing' && /camera/.test(error.message));
    assert.equal(call.state, 'active');
});

test('who calls from where: from and anonymous go out; who answers comes in', async () => {
    const { call, id, start } = await dial(session, socket, '+331', { from: '+332', anonymous: true });
    assert.deepEqual([start.params.from, start.params.anonymous], ['+332', true]);
    assert.deepEqual(call.remote, { uri: '+331' });
    const peers = [];
    call.on('peer', (peer) => peers.push(peer));
    const desk = { uri: 'tel:+333', number: '+333', asserted: true };
    socket.tell('call.progress', { call: id, state: 'ringing', peer: desk, headers: { 'X-Queue': '3' } });
    socket.tell('call.answer', { call: id, sdp: 'answer', peer: { uri: 'sip:anonymous@anonymous.invalid', anonymous: true } });
    await call.answered;
    socket.tell('call.info', { call: id, peer: { uri: 'sip:dora@h', display: 'Dora' } });
    await settle();
    assert.deepEqual(peers.map((peer) => peer.number ?? peer.display ?? peer.anonymous), ['+333', true, 'Dora']);
    assert.equal(call.remote.display, 'Dora');
    assert.deepEqual(call.headers, { 'X-Queue': '3' });
    socket.tell('call.end', { call: id, reason: 'hangup', by: 'peer', headers: { 'X-Left': '1' } });
    assert.deepEqual((await call.ended).headers, { 'X-Left': '1' });
});

test('an incoming call says by whom it was forwarded and what it is about; the answer and the end say why', async () => {
    const coming = new Promise((resolve) => session.once('call', resolve));
    const forwarded = [{ number: '+331', reason: 'user-busy', counter: 1 }];
    const verified = { status: 'passed', attest: 'A', number: '+332' };
    socket.tell('call.incoming', {
        call: 'in-1', id: 'gw9', from: { uri: 'tel:+332', asserted: true }, to: 'anna', sdp: 'their offer',
        verified, forwarded, subject: 'tea', alert: ['urn:alert:source:external'], headers: { 'X-A': 'b' },
    });
    const call = await coming;
    assert.deepEqual(call.details, { verified, forwarded, subject: 'tea', alert: ['urn:alert:source:external'] });
    assert.deepEqual([call.headers, call.remote.asserted], [{ 'X-A': 'b' }, true]);
    const rejected = call.reject('busy', { q850: 17, text: 'later', headers: { 'X-Why': '1' } });
    const { params } = await socket.frame('call.reject');
    assert.deepEqual(params, { call: 'in-1', reason: 'busy', q850: 17, text: 'later', headers: { 'X-Why': '1' } });
    socket.reply(socket.sent.find(({ method }) => method === 'call.reject'), {});
    await rejected;
});
