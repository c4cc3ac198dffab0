// A React hook, and a button made with it: `npm install causeway react`.
import { useEffect, useRef, useState } from 'react';
import { connect } from 'causeway';

/** `url`: the gateway's; `options`: those of connect(), the same object each time. */
export function useCall(url, options) {
    const sound = useRef(null);
    const session = useRef(null);
    const [call, setCall] = useState(null);
    const [state, setState] = useState('offline');

    useEffect(() => {
        const abort = new AbortController();
        const follow = (next) => {
            next.attach(sound.current);
            next.on('state', setState);
            setCall(next);
            setState(next.state);
        };
        connect(url, { storage: true, signal: abort.signal, ...options }).then(
            (made) => {
                session.current = made;
                setState('idle');
                made.on('call', follow); // one that comes in, or that was there before a reload
                made.on('state', ({ state: now }) => now !== 'connected' && setState(now));
                made.dial = async (to) => follow(await made.call(to));
            },
            (error) => error.kind !== 'cancelled' && setState(error.message),
        );
        return () => {
            abort.abort();
            session.current?.close();
        };
    }, [url, options]);

    return { sound, call, state, dial: (to) => session.current.dial(to) };
}

const guest = { guest: 'visitor' };

export function CallButton({ url, to }) {
    const { sound, call, state, dial } = useCall(url, guest);
    const busy = call && call.state !== 'ended';
    return (
        <p>
            <button onClick={() => (busy ? call.hangup() : dial(to))}>{busy ? 'Hang up' : 'Call'}</button> {state}
            <audio ref={sound} />
        </p>
    );
}
