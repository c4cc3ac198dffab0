// Never run: it compiles only if the types that are shipped say what the README promises.

import { CausewayError, connect, devices, environment } from 'causeway';
import type { Call, CallStats, EndInfo, Environment, Message, Session } from 'causeway';
import { preflight } from 'causeway/preflight';

export async function use(element: HTMLAudioElement, stream: MediaStream): Promise<EndInfo> {
    const here: Environment = environment();
    const signal = AbortSignal.timeout(here.mobile ? 20_000 : 10_000);
    const session: Session = await connect('https://gw.example', { guest: 'anna', signal });
    const off: () => void = session.on('call', (coming: Call) => void coming.answer({ stream }));
    session.on('state', ({ state, error }) => state === 'closed' && error?.kind === 'network');
    off();

    const call = await session.call('echo', { headers: { 'X-Order': '7' }, signal });
    call.on('dtmf', ({ digit, durationMs }) => digit.length + durationMs);
    call.on('ended', ({ reason, sip }) => reason === 'busy' || sip?.status === 486);
    call.on('quality', ({ leg, rating, sent }) => leg === 'you' && rating === 'poor' && (sent?.mos ?? 5) < 3);
    call.on('media', ({ leg, kind, state }) => leg === 'peer' && kind === 'audio' && state === 'silent');
    // @ts-expect-error no such event
    call.on('hungup', () => {});
    // @ts-expect-error states are not written from outside
    call.state = 'ended';
    // @ts-expect-error internal
    call.finish({ reason: 'hangup', by: 'you' });

    await call.attach(element);
    try {
        await call.answered;
    } catch (error) {
        if (error instanceof CausewayError && error.kind === 'busy') return call.ended;
        throw error;
    }
    call.mute('audio', true);
    await call.dtmf('12#', { durationMs: 80 });
    const stats: CallStats = await call.stats();
    const pc: RTCPeerConnection | undefined = call.pc;
    if (stats.packetsLost > 3 && pc) await call.restartIce();
    const picture: MediaStreamTrack = await call.addVideo({ video: { width: 640 } });
    if (call.video.local && picture.enabled) await call.removeVideo();
    const screen: MediaStreamTrack = await call.shareScreen({ preferCurrentTab: true, signal } as object);
    const picture2: Blob = await call.snapshot({ of: 'local', type: 'image/png' });
    if (call.sharing && screen.enabled && picture2.size) await call.stopShare();
    const [first] = await devices();
    if (first?.kind === 'speaker') await call.useDevice({ output: first.id });
    await call.setMaxBitrate({ audio: 32_000 });
    call.on('warning', ({ what, on }) => what === 'mos' && on);
    await call.hangup();
    return call.ended;
}

export async function survive(): Promise<void> {
    const session: Session = await connect('', { guest: 'anna', storage: true, transport: 'auto' });
    session.on('reconnecting', ({ attempt, delayMs, error }) => attempt + delayMs > 0 && error.kind === 'network');
    session.on('reconnected', ({ transport, reset }) => transport === 'poll' && reset);
    session.on('ended', ({ reason }) => reason === 'session-gone');
    session.on('message', (message: Message) => message.text.length > 0);
    session.on('call', (call) => call.resumed && call.state === 'active');
    const { id, status } = await session.send('user:bob', 'tea?');
    if (id && status === 'queued') await session.data('user:bob', { id }, { event: 'asked' });
    for (const other of await session.otherCalls()) await session.pull(other);
    const { media, mos = 0 } = await preflight('', { guest: 'anna' });
    if (media.udp === 'ok' && mos > 4) await session.close();
}
