import { CausewayError, withPatience } from './error.js';
import type { Kind } from './error.js';

export interface MediaOptions {
    /** The microphone: true, constraints, or false to only listen. Not used with `stream`. */
    audio?: boolean | MediaTrackConstraints;
    /** Tracks to send instead. They stay yours: the library does not stop them. */
    stream?: MediaStream;
    signal?: AbortSignal;
}

export interface LocalMedia {
    stream: MediaStream;
    /** Opened here, so to be stopped here. */
    own: boolean;
}

const refusals: Record<string, [kind: Kind, text: string]> = {
    NotAllowedError: ['media-denied', 'the microphone was not allowed'],
    SecurityError: ['media-denied', 'the microphone was not allowed'],
    NotFoundError: ['media-missing', 'there is no microphone'],
    OverconstrainedError: ['media-missing', 'no microphone is as asked for'],
};

export async function openMedia(options: MediaOptions): Promise<LocalMedia> {
    if (options.stream) return { stream: options.stream, own: false };
    if (options.audio === false) return { stream: new MediaStream(), own: true };
    try {
        const asked = navigator.mediaDevices.getUserMedia({ audio: options.audio ?? true });
        return { stream: await withPatience(asked, options, stopTracks), own: true };
    } catch (error) {
        if (error instanceof CausewayError) throw error;
        const { name, message } = error as DOMException;
        const [kind, text] = refusals[name] ?? ['media-failed', 'the microphone cannot be opened'];
        throw new CausewayError(kind, message ? `${text}: ${message}` : text);
    }
}

export interface VideoOptions {
    /** The camera: true, or constraints. Not used with `track`. */
    video?: boolean | MediaTrackConstraints;
    /** A track to send instead: of a screen, of a canvas. It stays yours: the library does not stop it. */
    track?: MediaStreamTrack;
}

/** A camera's track. */
export async function openCamera(video: boolean | MediaTrackConstraints): Promise<MediaStreamTrack> {
    try {
        const stream = await navigator.mediaDevices.getUserMedia({ video });
        return stream.getVideoTracks()[0]!;
    } catch (error) {
        const { name, message } = error as DOMException;
        const [kind, text] = refusals[name] ?? ['media-failed', 'the microphone cannot be opened'];
        const camera = text.replace('microphone', 'camera');
        throw new CausewayError(kind, message ? `${camera}: ${message}` : camera);
    }
}

export function stopTracks(stream: MediaStream): void {
    for (const track of stream.getTracks()) track.stop();
}

/** Throws `unsupported` with the reason where calls are not possible. */
export function requireWebRtc(): void {
    const missing =
        typeof RTCPeerConnection === 'undefined'
            ? 'this browser has no WebRTC'
            : !navigator.mediaDevices
              ? 'browsers give a microphone only to pages from https or from this machine'
              : '';
    if (missing) throw new CausewayError('unsupported', missing);
}
