import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { CausewayError, connect } from '../dist/causeway.js';
import { FakePeer, FakeSocket, clock, dial, hangUpAll, install, logIn, microphone, opened, settle } from './fakes.mjs';

let browser;
beforeEach(() => {
    clock.go();
    browser = install();
});
afterEach(async () => {
    await hangUpAll();
    clock.go();
});

const kind = (word) => (error) => error instanceof CausewayError && error.kind === word;
const ticket = (token) => ({ resume: { token, ttl_ms: 30_000, call_ttl_ms: 60_000 } });
const first = { ...opened, ...ticket('t1') };
const again = (more) => ({ ...opened, ...ticket('t2'), resumed: true, seq: 0, ...more });
const row = (more) => ({
    call: 'c1', id: 'gw1', direction: 'outgoing', state: 'active', held: { local: false, remote: false }, muted: {},
    peer: { uri: 'tel:+331' }, video: false, since_ms: 5_000, ...more,
});

/** A session on a clock of the test's. */
async function session(options = {}) {
    clock.stop();
    return logIn(connect, { guest: 'anna', ...options }, first);
}

/** The next WebSocket that the library opens. */
const next = async () => (await once(FakeSocket.created, 'socket'))[0];

/** Lets the first attempt after a loss begin, and answers its session.resume. */
async function comesBack(result = again({ from: 0 })) {
    const coming = next();
    clock.tick(125);
    const socket = await coming;
    socket.accept();
    const asked = await socket.frame('session.resume');
    socket.reply(asked, result);
    await settle();
    return { socket, asked };
}

async function answered(anna, socket) {
    const made = await dial(anna, socket);
    socket.tell('call.answer', { call: made.id, sdp: 'answer' });
    await made.call.answered;
    made.pc.become('connected');
    return made;
}

test('a lost connection is resumed: the call lives, its media path is made anew, events are told once', async () => {
    const { session: anna, socket } = await session();
    const seen = [];
    anna.on('state', ({ state }) => seen.push(state));
    anna.on('reconnecting', ({ attempt, error }) => seen.push(`attempt ${attempt} ${error.kind}`));
    anna.on('reconnected', ({ transport, reset }) => seen.push(`${transport} ${reset}`));
    const { call, id } = await answered(anna, socket);
    socket.drop();
    assert.equal(anna.state, 'reconnecting');
    assert.equal(call.state, 'active');
    await assert.rejects(call.hold(), kind('network')); // nothing is kept to be sent late
    await assert.rejects(anna.call('echo'), kind('network'));
    const back = await comesBack();
    assert.deepEqual(back.asked.params, { session: 's1', token: 't1', last_seq: 1 });
    assert.deepEqual(seen, ['reconnecting', 'attempt 1 network', 'connected', 'websocket false']);
    const update = await back.socket.frame('call.update');
    assert.equal(update.params.call, id);
    assert.match(update.params.sdp, /restart/);
    const digits = [];
    call.on('dtmf', ({ digit }) => digits.push(digit));
    back.socket.seq = 0;
    back.socket.tell('call.info', { call: id, dtmf: { digit: '1', duration_ms: 100 } }); // seq 1 is known
    back.socket.tell('call.info', { call: id, dtmf: { digit: '2', duration_ms: 100 } });
    back.socket.reply(update, { sdp: 'answer 2' });
    await settle();
    assert.deepEqual(digits, ['2']);
    back.socket.drop();
    const { asked } = await comesBack(again({ from: 2 }));
    assert.deepEqual(asked.params, { session: 's1', token: 't2', last_seq: 2 });
});

test('attempts come later and later, with chance; `online` makes the next one at once', async () => {
    const { session: anna, socket } = await session();
    const delays = [];
    anna.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
    socket.drop();
    for (let attempt = 0; attempt < 8; attempt++) {
        const coming = next();
        clock.tick(delays.at(-1));
        (await coming).drop();
        await settle();
        if (attempt % 2) { // long-polling may be tried too
            FakeSocket.all.at(-1).drop();
            await settle();
            await settle();
        }
    }
    const most = [125, 250, 500, 1000, 2000, 2000, 2000, 2000];
    most.forEach((limit, i) => assert.ok(delays[i] >= limit / 2 && delays[i] <= limit, `${i}: ${delays}`));
    const coming = next();
    browser.tell('online');
    const back = await coming;
    back.accept();
    back.reply(await back.frame('session.resume'), again({ from: 0 }));
    await settle();
    assert.equal(anna.state, 'connected');
});

test('an attempt that hangs is dropped when `online` comes', async () => {
    const { socket } = await session();
    socket.drop();
    const hanging = next();
    clock.tick(125);
    const stuck = await hanging;
    browser.tell('online');
    await settle();
    const coming = next();
    clock.tick(125);
    const back = await coming;
    stuck.accept();
    await settle();
    assert.equal(stuck.closedWith, 4000); // 1000 would end the session
    assert.deepEqual(stuck.sent, []);
    back.drop();
});

test('`offline` and `online` ask whether the gateway is still there; silence of two seconds says no', async () => {
    const { session: anna, socket } = await session();
    browser.tell('offline');
    const ping = await socket.frame('ping');
    assert.deepEqual(ping.params, { ack: 0 });
    socket.reply(ping);
    await settle();
    clock.tick(3_000);
    assert.equal(anna.state, 'connected');
    browser.tell('online');
    clock.tick(2_000);
    await settle();
    assert.equal(anna.state, 'reconnecting');
    assert.equal(socket.readyState, 3);
});

test('for too long: closed, with the reason, and so are its calls', async () => {
    const { session: anna, socket } = await session();
    const { call } = await answered(anna, socket);
    const ends = [];
    anna.on('ended', ({ reason, error }) => ends.push([reason, error.kind]));
    socket.drop();
    clock.tick(59_999);
    await settle();
    assert.equal(anna.state, 'reconnecting');
    clock.tick(1);
    assert.equal(anna.state, 'closed');
    assert.equal((await call.ended).reason, 'network');
    assert.equal((await anna.closed).kind, 'network');
    assert.deepEqual(ends, [['network', 'network']]);
});

test('the gateway does not know the session any more', async () => {
    const { session: anna, socket } = await session();
    const { call } = await answered(anna, socket);
    socket.drop();
    const coming = next();
    clock.tick(125);
    const late = await coming;
    late.accept();
    late.refuse(await late.frame('session.resume'), -32008, 'session-gone');
    assert.equal((await anna.closed).kind, 'session-gone');
    assert.equal((await call.ended).reason, 'session-gone');
    assert.equal(late.readyState, 3);
});

test('taken over by another page: over at once, without attempts', async () => {
    const { session: anna, socket } = await session();
    socket.drop(4409);
    assert.equal((await anna.closed).kind, 'replaced');
    clock.tick(60_000);
    assert.equal(FakeSocket.all.length, 1);
});

test('hung up while the connection is lost: over here at once, told when it is back', async () => {
    const { session: anna, socket } = await session();
    const { call, id } = await answered(anna, socket);
    socket.drop();
    await call.hangup();
    assert.equal((await call.ended).by, 'you');
    const back = await comesBack();
    assert.deepEqual((await back.socket.frame('call.end')).params, { call: id });
});

test('a call.start without a reply fails, and is taken back when the connection is there again', async () => {
    const { session: anna, socket } = await session();
    const pending = anna.call('echo');
    const start = await socket.frame('call.start');
    socket.drop();
    await assert.rejects(pending, kind('network'));
    const back = await comesBack();
    assert.deepEqual((await back.socket.frame('call.end')).params, { call: start.params.call });
});

test('an answer whose reply is lost is told again; `state` says that it had come through', async () => {
    const { session: anna, socket } = await session();
    const ringing = new Promise((resolve) => anna.once('call', resolve));
    socket.tell('call.incoming', { call: 'in-1', id: 'gw9', from: { uri: 'user:bob' }, to: 'anna', sdp: 'their offer' });
    const call = await ringing;
    const done = call.answer();
    await socket.frame('call.answer');
    socket.drop();
    const back = await comesBack(again({ from: 1 }));
    back.socket.refuse(await back.socket.frame('call.answer'), -32004, 'state');
    await done;
    assert.equal(call.state, 'active');
});

test('reset: calls that the gateway has no more are over, the others go on', async () => {
    const { session: anna, socket } = await session();
    const one = await answered(anna, socket);
    const two = await answered(anna, socket);
    socket.drop();
    const back = await comesBack(again({ reset: true, seq: 40, state: { calls: [row({ call: one.id })] } }));
    assert.equal((await two.call.ended).reason, 'network');
    assert.equal(one.call.state, 'active');
    const update = await back.socket.frame('call.update');
    assert.equal(update.params.call, one.id);
    back.socket.reply(update, { sdp: 'answer 2' });
    const warned = [];
    one.call.on('muted', (event) => warned.push(event));
    back.socket.seq = 40;
    back.socket.tell('call.info', { call: one.id, muted: { audio: true } });
    await settle();
    assert.equal(warned.length, 1);
});

// ── A reloaded page ──

class Store {
    items = new Map();
    getItem(name) {
        return this.items.get(name) ?? null;
    }
    setItem(name, value) {
        this.items.set(name, value);
    }
    removeItem(name) {
        this.items.delete(name);
    }
}

/** The page before: its session is in the store when it goes away. */
async function before(storage) {
    const { session: anna, socket } = await logIn(connect, { guest: 'anna', storage }, first);
    const { call } = await dial(anna, socket);
    assert.equal(storage.items.size, 0); // a duplicate of the page would copy it
    browser.leave();
    assert.equal(storage.items.size, 1);
    assert.ok(!socket.methods().includes('call.end') && !socket.methods().includes('session.close'));
    void call;
    browser = install();
}

/** The page after: as far as the gateway's answer. */
async function after(options, reply) {
    const created = next();
    const pending = connect('', options);
    pending.catch(() => {});
    const socket = await created;
    socket.accept();
    const asked = await socket.frame('session.resume');
    reply(socket, asked);
    return { socket, asked, pending };
}

test('a reloaded page has its session and its call again, and offers it a new connection', async () => {
    const storage = new Store();
    await before(storage);
    const state = { calls: [
        row({ muted: { audio: true }, held: { local: false, remote: true } }), row({ call: 'in-2', direction: 'incoming', state: 'ringing' }),
    ] };
    const { socket, asked, pending } = await after({ guest: 'anna', storage }, (s, q) => s.reply(q, again({ reset: true, seq: 7, state })));
    assert.deepEqual(asked.params, { session: 's1', token: 't1' });
    const anna = await pending;
    const calls = [];
    anna.on('call', (call) => calls.push(call));
    const update = await socket.frame('call.update');
    assert.deepEqual(update.params, { call: 'c1', sdp: 'offer 1', restart: true });
    const [call] = calls;
    assert.deepEqual([calls.length, call.resumed, call.state, call.gatewayId, call.remote.uri], [1, true, 'active', 'gw1', 'tel:+331']);
    assert.deepEqual([call.muted.audio, call.held.remote], [true, true]);
    assert.equal(microphone.opened[0].tracks[0].enabled, false);
    FakePeer.all[0].gather('candidate:1');
    assert.ok(!socket.methods().includes('call.candidate'));
    socket.reply(update, { sdp: 'answer' });
    await settle();
    assert.equal(socket.sent.at(-1).method, 'call.candidate');
    void call.hangup();
    assert.ok((await call.ended).durationMs >= 5_000);
    socket.seq = 7;
    socket.tell('call.incoming', { call: 'in-2', id: 'gw2', from: { uri: 'user:bob' }, to: 'anna', sdp: 'offer' });
    assert.deepEqual([calls.length, calls[1].resumed, calls[1].state], [2, false, 'ringing']);
});

test('without a microphone a call is taken up to be listened to', async () => {
    const storage = new Store();
    await before(storage);
    microphone.refuse = 'NotFoundError';
    const { socket, pending } = await after({ guest: 'anna', storage }, (s, q) =>
        s.reply(q, again({ reset: true, seq: 7, state: { calls: [row({ video: true })] } })));
    const anna = await pending;
    const devices = [];
    anna.on('call', (call) => call.on('device', (event) => devices.push(event)));
    await socket.frame('call.update');
    assert.deepEqual(FakePeer.all[0].transceivers.map((t) => [t.kind, t.direction]), [['audio', 'recvonly'], ['video', 'recvonly']]);
    assert.deepEqual(devices, [{ kind: 'microphone' }]);
});

test('a call that was ringing out is offered anew once it is answered, where the gateway wants that', async () => {
    const storage = new Store();
    await before(storage);
    const { socket, pending } = await after({ guest: 'anna', storage }, (s, q) =>
        s.reply(q, again({ reset: true, seq: 7, state: { calls: [row({ state: 'ringing' })] } })));
    const anna = await pending;
    socket.refuse(await socket.frame('call.update'), -32004, 'state');
    for (let tries = 4; tries; tries--) await settle();
    const [call] = anna.calls;
    assert.equal(call.state, 'ringing');
    socket.seq = 7;
    socket.tell('call.answer', { call: 'c1', sdp: 'answer to a page that is gone' });
    const update = await socket.frame('call.update');
    assert.equal(update.params.restart, true);
    socket.reply(update, { sdp: 'answer' });
    await settle();
    assert.equal(FakePeer.all.at(-1).remoteDescription.sdp, 'answer');
    assert.equal(call.state, 'active');
});

test('a call that was ringing out may be offered anew at once; the answer comes when somebody answers', async () => {
    const storage = new Store();
    await before(storage);
    const { socket, pending } = await after({ guest: 'anna', storage }, (s, q) =>
        s.reply(q, again({ reset: true, seq: 7, state: { calls: [row({ state: 'ringing' })] } })));
    const anna = await pending;
    socket.reply(await socket.frame('call.update'), {});
    await settle();
    const [call] = anna.calls;
    assert.equal(call.state, 'ringing');
    socket.seq = 7;
    socket.tell('call.answer', { call: 'c1', sdp: 'answer' });
    await call.answered;
    assert.equal(FakePeer.all.at(-1).remoteDescription.sdp, 'answer');
    assert.equal(socket.methods().filter((method) => method === 'call.update').length, 1);
});

test('the session is gone: logged in anew; and not for another guest', async () => {
    const storage = new Store();
    await before(storage);
    let opening;
    const { pending } = await after({ guest: 'anna', storage }, (s, q) => {
        opening = next();
        s.refuse(q, -32008, 'session-gone');
    });
    const fresh = await opening;
    fresh.accept();
    fresh.reply(await fresh.frame('session.open'), first);
    assert.equal((await pending).state, 'connected');
    browser.leave();
    browser = install();
    const { socket } = await logIn(connect, { guest: 'bob', storage }, first);
    assert.deepEqual(socket.methods(), ['session.open']);
    assert.equal(storage.items.size, 0);
});

// ── Other devices, texts, data, push ──

test('a call is pulled from another device', async () => {
    const { session: anna, socket } = await session();
    const pending = anna.pull('gw5');
    socket.reply(await socket.frame('session.calls'), { calls: [row({ call: 'x', id: 'gw5', session: 's9' })] });
    const pull = await socket.frame('call.pull');
    assert.deepEqual({ ...pull.params, call: '' }, { id: 'gw5', call: '', sdp: 'offer 1' });
    FakePeer.all[0].gather('candidate:1');
    socket.reply(pull, { sdp: 'answer' });
    const call = await pending;
    assert.deepEqual([call.state, call.id, call.gatewayId, call.resumed], ['active', pull.params.call, 'gw5', true]);
    assert.equal(socket.sent.at(-1).method, 'call.candidate');
    const none = anna.pull('gw6');
    socket.reply(await socket.frame('session.calls'), { calls: [] });
    await assert.rejects(none, kind('no-call'));
});

test('texts and data go out and come in', async () => {
    const { session: anna, socket } = await session();
    const { call, id } = await answered(anna, socket);
    const sent = anna.send('user:bob', 'tea?', { id: 'm1' });
    const asked = await socket.frame('im.send');
    assert.deepEqual(asked.params, { to: 'user:bob', body: 'tea?', id: 'm1' });
    socket.reply(asked, { id: 'm1', status: 'delivered', ts_ms: 5 });
    assert.equal((await sent).status, 'delivered');
    anna.data('user:bob', { n: 1 }, { event: 'e' }).catch(() => {});
    assert.deepEqual((await socket.frame('data.send')).params, { to: 'user:bob', body: { n: 1 }, event: 'e' });
    call.data([1]).catch(() => {});
    assert.deepEqual((await socket.frame('data.send')).params, { to: `call:${id}`, body: [1] });

    const seen = [];
    anna.on('message', (event) => seen.push(event));
    anna.on('data', (event) => seen.push(event));
    call.on('data', (event) => seen.push({ call: true, ...event }));
    const from = { uri: 'user:bob', user: 'bob' };
    socket.tell('im.message', { from, id: 'm2', type: 'text/plain', body: 'yes', ts_ms: 9 });
    socket.tell('data.message', { from, id: 'd1', event: 'e', body: null });
    socket.tell('data.message', { from, id: 'd2', call: id, body: 1 });
    assert.deepEqual(seen, [
        { from, id: 'm2', type: 'text/plain', text: 'yes', time: 9 }, { from, id: 'd1', event: 'e', body: null },
        { call: true, from, id: 'd2', body: 1 },
    ]);
});

test('a push subscription is registered, and taken away', async () => {
    const { session: anna, socket } = await session();
    const keys = { p256dh: 'p', auth: 'a' };
    const done = anna.registerPush({ toJSON: () => ({ endpoint: 'https://push.example/1', expirationTime: null, keys }) });
    const asked = await socket.frame('push.register');
    assert.deepEqual(asked.params, { kind: 'web', endpoint: 'https://push.example/1', keys });
    socket.reply(asked);
    await done;
    anna.unregisterPush('https://push.example/1').catch(() => {});
    assert.deepEqual((await socket.frame('push.unregister')).params, { endpoint: 'https://push.example/1' });
});

test('tokens stay out of the trace', async () => {
    const seen = [];
    const { socket } = await session({ trace: (event) => seen.push(event) });
    socket.drop();
    await comesBack();
    assert.ok(!/"t1"|"t2"/.test(JSON.stringify(seen)));
});
