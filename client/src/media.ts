import { CausewayError, withPatience } from './error.js';
import type { Kind } from './error.js';

export interface MediaOptions {
    /** The microphone: true, constraints, or false to only listen. Not used with `stream`. */
    audio?: boolean | MediaTrackConstraints;
    /** Tracks to send instead. They stay yours: the library does not stop them. */
    stream?: MediaStream;
    /** The most to be sent, in bits a second. */
    maxBitrate?: Bitrates;
    signal?: AbortSignal;
}

/** In bits a second. */
export interface Bitrates {
    audio?: number;
    video?: number;
}

export interface LocalMedia {
    stream: MediaStream;
    /** Opened here, so to be stopped here. */
    own: boolean;
}

const refusals: Record<string, [kind: Kind, text: string]> = {
    NotAllowedError: ['media-denied', 'was not allowed'],
    SecurityError: ['media-denied', 'was not allowed'],
    NotFoundError: ['media-missing', 'is not there'],
    OverconstrainedError: ['media-missing', 'as asked for is not there'],
};

/* `what` is for people. */
async function ask(what: string, asked: () => Promise<MediaStream>, signal?: AbortSignal): Promise<MediaStream> {
    try {
        return await withPatience(asked(), { signal }, stopTracks);
    } catch (error) {
        if (error instanceof CausewayError) throw error;
        const { name, message } = error as DOMException;
        const [kind, text] = refusals[name] ?? ['media-failed', 'cannot be opened'];
        throw new CausewayError(kind, `the ${what} ${text}${message ? `: ${message}` : ''}`);
    }
}

export async function openMedia({ stream, audio = true, signal }: MediaOptions): Promise<LocalMedia> {
    if (stream) return { stream, own: false };
    if (audio === false) return { stream: new MediaStream(), own: true };
    return { stream: await ask('microphone', () => navigator.mediaDevices.getUserMedia({ audio }), signal), own: true };
}

export interface VideoOptions {
    /** The camera: true, or constraints. Not used with `track`. */
    video?: boolean | MediaTrackConstraints;
    /** A track to send instead: of a screen, of a canvas. It stays yours: the library does not stop it. */
    track?: MediaStreamTrack;
    signal?: AbortSignal;
}

/** A camera's track. */
export async function openCamera(video: boolean | MediaTrackConstraints, signal?: AbortSignal): Promise<MediaStreamTrack> {
    const stream = await ask('camera', () => navigator.mediaDevices.getUserMedia({ video }), signal);
    return stream.getVideoTracks()[0]!;
}

/** What getDisplayMedia() takes; `track` instead is one of yours. */
export interface ScreenOptions extends DisplayMediaStreamOptions {
    track?: MediaStreamTrack;
    signal?: AbortSignal;
}

/** A screen's, a window's or a tab's track: text on it is to stay sharp. */
export async function openScreen({ signal, track: _, ...options }: ScreenOptions): Promise<MediaStreamTrack> {
    if (!navigator.mediaDevices?.getDisplayMedia) throw new CausewayError('unsupported', 'this browser shares no screen');
    const stream = await ask('screen', () => navigator.mediaDevices.getDisplayMedia({ video: true, audio: false, ...options }), signal);
    const track = stream.getVideoTracks()[0]!;
    track.contentHint = 'detail';
    return track;
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

/** A device that can be chosen by its `id`; it has a `label` once a microphone was allowed. */
export interface Device {
    id: string;
    kind: 'microphone' | 'camera' | 'speaker';
    label: string;
}

const deviceKinds = { audioinput: 'microphone', videoinput: 'camera', audiooutput: 'speaker' } as const;

/** Microphones, cameras and speakers. When they change, `navigator.mediaDevices` has the event `devicechange`. */
export async function devices(): Promise<Device[]> {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return all.map(({ deviceId, kind, label }) => ({ id: deviceId, kind: deviceKinds[kind], label }));
}

/** The next frame of a track, as a picture. */
export async function snapshot(track: MediaStreamTrack, type: string): Promise<Blob> {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = new MediaStream([track]);
    const frame = new Promise((resolve) => (video.onloadeddata = resolve));
    await video.play();
    await frame;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d')!.drawImage(video, 0, 0);
    video.srcObject = null;
    return new Promise((resolve, reject) =>
        canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new CausewayError('media-failed', 'no picture'))), type),
    );
}
