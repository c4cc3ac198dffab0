import type { ErrorData, ErrorKind, SipStatus } from './protocol.js';

/** The gateway's kinds, and what this library adds; a newer gateway may send others. */
export type Kind =
    | ErrorKind
    | 'closed'
    | 'media-denied'
    | 'media-missing'
    | 'media-failed'
    | (string & {});

/** What a failed request, call or session gives: compare `kind`, show `message`. */
export class CausewayError extends Error {
    /** Stable word. */
    readonly kind: Kind;
    /** JSON-RPC error code; 0 when this library noticed the error itself. */
    readonly code: number;
    /** What a SIP peer answered. */
    readonly sip?: SipStatus;
    /** The member of the request at fault, such as `params.sdp`. */
    readonly path?: string;
    /** When it is worth trying again. */
    readonly retryAfterMs?: number;

    constructor(kind: Kind, message: string, code = 0, data?: Partial<ErrorData>) {
        super(message);
        this.name = 'CausewayError';
        this.kind = kind;
        this.code = code;
        if (data?.sip) this.sip = data.sip;
        if (data?.path !== undefined) this.path = data.path;
        if (data?.retry_after_ms !== undefined) this.retryAfterMs = data.retry_after_ms;
    }
}

export function aborted(): CausewayError {
    return new CausewayError('cancelled', 'cancelled by the caller');
}

export interface Patience {
    signal?: AbortSignal | undefined;
    /** Milliseconds. */
    timeout?: number | undefined;
}

/** Rejects as soon as patience ends; what `promise` brings after that is given to `late`. */
export function withPatience<T>(
    promise: Promise<T>,
    { signal, timeout }: Patience,
    late: (value: T) => void,
): Promise<T> {
    return new Promise((resolve, reject) => {
        let over = false;
        const settle = () => {
            over = true;
            clearTimeout(timer);
            signal?.removeEventListener('abort', stop);
        };
        const give = (error: unknown) => {
            settle();
            reject(error);
        };
        const stop = () => give(aborted());
        const timer =
            timeout === undefined
                ? undefined
                : setTimeout(() => give(new CausewayError('timeout', 'no answer in time')), timeout);
        promise.then((value) => {
            if (over) return late(value);
            settle();
            resolve(value);
        }, give);
        if (signal?.aborted) stop();
        else signal?.addEventListener('abort', stop);
    });
}
