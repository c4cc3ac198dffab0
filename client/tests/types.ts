// Never run: it compiles only if the types that are shipped say what the README promises.

import { CausewayError, connect, environment } from 'causeway';
import type { Call, CallStats, EndInfo, Environment, Session } from 'causeway';

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
    await call.hangup();
    return call.ended;
}
