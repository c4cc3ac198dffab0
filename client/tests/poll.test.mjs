import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { CausewayError, connect } from '../dist/causeway.js';
import { FakePeer, FakeSocket, clock, hangUpAll, install, opened, settle, web } from './fakes.mjs';

let browser;
beforeEach(() => {
    clock.go();
    browser = install();
    web.on = true;
});
afterEach(async () => {
    web.on = false;
    await hangUpAll();
    clock.go();
});

const kind = (word) => (error) => error instanceof CausewayError && error.kind === word;
const result = (more) => ({ ...opened, resume: { token: 't1', ttl_ms: 30_000, call_ttl_ms: 60_000 }, link: 'secret', ...more });
const reply = (request, value) => request.reply(200, { jsonrpc: '2.0', id: request.frame.id, result: value });
const note = (seq, method, params) => ({ jsonrpc: '2.0', method, params: { seq, ...params } });

/** Connected by long-polling; the poll that waits. */
async function polling(options = {}) {
    const pending = connect('https://gw.example/', { guest: 'anna', transport: 'poll', ...options });
    pending.catch(() => {});
    const open = await web.next('POST', '/session');
    reply(open, result());
    const session = await pending;
    return { session, open, poll: await web.next('GET', '/poll') };
}

test('log-in by POST, requests with the link\'s secret, notifications by GET', async () => {
    const { session, open, poll } = await polling();
    assert.equal(open.url, 'https://gw.example/v1/session');
    assert.equal(open.frame.method, 'session.open');
    assert.equal(session.transport, 'poll');
    assert.equal(FakeSocket.all.length, 0);
    assert.equal(poll.url, 'https://gw.example/v1/poll?after=0');
    assert.equal(poll.headers.Authorization, 'Bearer secret');
    const texts = [];
    session.on('message', ({ text }) => texts.push(text));
    const from = { uri: 'user:bob' };
    poll.reply(200, [note(1, 'im.message', { from, id: 'a', type: 't', body: 'one', ts_ms: 1 }), note(2, 'im.message', { from, id: 'b', type: 't', body: 'two', ts_ms: 1 })]);
    const second = await web.next('GET', '/poll');
    assert.deepEqual(texts, ['one', 'two']);
    assert.match(second.url, /after=2$/);
    second.reply(204);
    assert.match((await web.next('GET', '/poll')).url, /after=2$/);
    const sent = session.send('user:bob', 'hi');
    const post = await web.next('POST', '/rpc');
    assert.equal(post.headers.Authorization, 'Bearer secret');
    reply(post, { id: 'm', status: 'delivered', ts_ms: 1 });
    assert.equal((await sent).id, 'm');
    const refused = session.send('user:nobody', 'hi');
    const bad = await web.next('POST', '/rpc');
    bad.reply(200, { jsonrpc: '2.0', id: bad.frame.id, error: { code: -1, message: 'no', data: { kind: 'unavailable' } } });
    await assert.rejects(refused, kind('unavailable'));
});

test('what wants no reply keeps its order; a request waits for it', async () => {
    const { session } = await polling();
    const pending = session.call('echo');
    const start = await web.next('POST', '/rpc');
    FakePeer.all[0].gather('candidate:1');
    FakePeer.all[0].gather('candidate:2');
    reply(start, { call: start.frame.params.call, id: 'gw1' });
    const call = await pending;
    call.hold().catch(() => {});
    const first = await web.next('POST', '/rpc');
    await settle();
    assert.deepEqual([first.frame.params.candidate, web.asked.length], ['candidate:1', 0]);
    first.reply(204);
    const second = await web.next('POST', '/rpc');
    assert.equal(second.frame.params.candidate, 'candidate:2');
    second.reply(204);
    assert.equal((await web.next('POST', '/rpc')).frame.method, 'call.hold');
});

test('a WebSocket that fails twice gives way; one that hangs does after three seconds', async () => {
    const socket = once(FakeSocket.created, 'socket');
    const pending = connect('', { guest: 'anna' });
    const second = socket.then(() => once(FakeSocket.created, 'socket'));
    (await socket)[0].drop();
    (await second)[0].drop();
    reply(await web.next('POST', '/session'), result());
    assert.equal((await pending).transport, 'poll');

    clock.stop();
    const hanging = once(FakeSocket.created, 'socket');
    const later = connect('', { guest: 'anna' });
    await hanging;
    clock.tick(3_000);
    reply(await web.next('POST', '/session'), result());
    assert.equal((await later).transport, 'poll');
});

test('a WebSocket is tried again, and takes the session over in the middle of a call', async () => {
    clock.stop();
    const socket = once(FakeSocket.created, 'socket');
    const pending = connect('', { guest: 'anna', upgradeInterval: 5_000 });
    const second = socket.then(() => once(FakeSocket.created, 'socket'));
    (await socket)[0].drop();
    (await second)[0].drop();
    reply(await web.next('POST', '/session'), result());
    const session = await pending;
    const states = [];
    session.on('state', ({ state }) => states.push(state));
    const calling = session.call('echo');
    const start = await web.next('POST', '/rpc');
    reply(start, { call: start.frame.params.call, id: 'gw1' });
    const call = await calling;
    const poll = await web.next('GET', '/poll');
    poll.reply(200, [note(1, 'call.answer', { call: call.id, sdp: 'answer' })]);
    await call.answered;
    const coming = once(FakeSocket.created, 'socket');
    clock.tick(5_000);
    const [up] = await coming;
    up.accept();
    const asked = await up.frame('session.resume');
    assert.deepEqual(asked.params, { session: 's1', token: 't1', last_seq: 1 });
    up.reply(asked, { ...opened, resume: { token: 't2', ttl_ms: 1, call_ttl_ms: 1 }, resumed: true, seq: 1, from: 1 });
    await settle();
    assert.deepEqual([session.transport, session.state, call.state, states], ['websocket', 'connected', 'active', []]);
    assert.ok(!web.asked.some(({ method }) => method === 'DELETE')); // that would end the session
    assert.equal((await up.frame('call.update')).params.call, call.id);
});

test('a lost poll is resumed by another; `after` goes on where it was', async () => {
    clock.stop();
    const { session, poll } = await polling();
    poll.reply(200, [note(1, 'session.closing', { reason: 'test' })]);
    (await web.next('GET', '/poll')).fail();
    await settle();
    assert.equal(session.state, 'reconnecting');
    clock.tick(125);
    const resume = await web.next('POST', '/session');
    assert.deepEqual(resume.frame.params, { session: 's1', token: 't1', last_seq: 1 });
    reply(resume, result({ resumed: true, seq: 3, from: 1, link: 'other' }));
    const again = await web.next('GET', '/poll');
    assert.match(again.url, /after=1$/);
    assert.equal(again.headers.Authorization, 'Bearer other');
    again.reply(401);
    await settle();
    clock.tick(125);
    const reset = await web.next('POST', '/session');
    reply(reset, result({ resumed: true, seq: 9, reset: true, state: { calls: [], groups: [], rooms: [] } }));
    assert.match((await web.next('GET', '/poll')).url, /after=9$/);
});

test('too many polls: as late as the gateway says', async () => {
    clock.stop();
    const { poll } = await polling();
    poll.reply(429, undefined, { 'Retry-After': '7' });
    await settle();
    await settle();
    clock.tick(6_999);
    await settle();
    assert.equal(web.asked.length, 0);
    clock.tick(1);
    await web.next('GET', '/poll');
});

test('closing ends the session and the link; a page that goes away says so in what outlives it', async () => {
    const { session } = await polling();
    const done = session.close();
    const close = await web.next('POST', '/rpc');
    assert.equal(close.frame.method, 'session.close');
    reply(close, {});
    await done;
    assert.equal((await web.next('DELETE', '/session')).keepalive, true);
    await polling();
    browser.leave();
    assert.equal((await web.next('POST', '/rpc')).keepalive, true);
    assert.equal((await web.next('DELETE', '/session')).headers.Authorization, 'Bearer secret');
});
