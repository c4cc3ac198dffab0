import type { Kind } from './call-types.js';
import { CausewayError } from './error.js';
import { openMedia, stopTracks } from './media.js';
import type { LocalMedia, MediaOptions } from './media.js';

interface Picture {
    track: MediaStreamTrack;
    /** Opened here, so to be stopped here. */
    own: boolean;
}

export interface LocalOps {
    /** The microphone is gone; `track` is another that was opened instead, if there is one. */
    vanished(track: MediaStreamTrack | undefined): void;
    /** The browser's own button stopped the screen. */
    unshared(): void;
}

/** What this side of a call sends: microphone, camera, screen, and what of it is silenced. */
export class Local {
    private media: LocalMedia | undefined;
    private camera: Picture | undefined;
    private screen: Picture | undefined;
    private mutes: Readonly<Record<Kind, boolean>> = { audio: false, video: false };
    private held = false;
    private over = false;

    constructor(private readonly ops: LocalOps) {}

    get stream(): MediaStream | undefined {
        return this.media?.stream;
    }
    get muted(): Readonly<Record<Kind, boolean>> {
        return this.mutes;
    }
    get sharing(): boolean {
        return !!this.screen;
    }
    /** What is sent as video: a screen goes before a camera. */
    get picture(): MediaStreamTrack | undefined {
        return (this.screen ?? this.camera)?.track;
    }
    get sendsCamera(): boolean {
        return !!this.camera;
    }

    /** False: the call ended meanwhile, and what was opened is closed again. */
    async open(options: MediaOptions): Promise<boolean> {
        const media = await openMedia(options);
        if (this.over) {
            if (media.own) stopTracks(media.stream);
            return false;
        }
        this.media = media;
        if (media.own) this.watch(media.stream.getAudioTracks()[0]);
        this.apply();
        return true;
    }

    /** Another microphone in the place of the one before. */
    async openMicrophone(audio: boolean | MediaTrackConstraints): Promise<MediaStreamTrack> {
        const fresh = await openMedia({ audio });
        const track = fresh.stream.getAudioTracks()[0]!;
        if (this.over || !this.media) {
            stopTracks(fresh.stream);
            throw new CausewayError('state', 'the call is over');
        }
        const { stream, own } = this.media;
        const old = stream.getAudioTracks()[0];
        if (own) {
            if (old) {
                old.onended = null;
                old.stop();
                stream.removeTrack(old);
            }
            stream.addTrack(track);
        } else this.media = fresh;
        this.watch(track);
        this.apply();
        return track;
    }

    mute(kind: Kind, on: boolean): void {
        this.mutes = { ...this.mutes, [kind]: on };
        this.apply();
    }

    /** A held call sends nothing: what is said meanwhile is not meant for the other side. */
    hold(on: boolean): void {
        this.held = on;
        this.apply();
    }

    setCamera(picture: Picture | undefined): void {
        if (this.camera?.own) this.camera.track.stop();
        this.camera = picture;
        this.apply();
    }

    setScreen(picture: Picture | undefined): void {
        if (this.screen) {
            this.screen.track.onended = null;
            if (this.screen.own) this.screen.track.stop();
        }
        this.screen = picture;
        if (picture) picture.track.onended = () => this.ops.unshared();
        this.apply();
    }

    close(): void {
        this.over = true;
        if (this.media?.own) {
            for (const track of this.media.stream.getTracks()) track.onended = null;
            stopTracks(this.media.stream);
        }
        this.setScreen(undefined);
        this.setCamera(undefined);
    }

    /* Unplugged, or taken by another program: the default one will do. */
    private watch(track: MediaStreamTrack | undefined) {
        if (!track) return;
        track.onended = () => {
            if (this.over) return;
            this.openMicrophone(true).then(
                (next) => this.ops.vanished(next),
                () => {
                    if (this.over) return;
                    this.ops.vanished(undefined);
                    const again = () => track.onended?.(new Event('ended'));
                    navigator.mediaDevices.addEventListener('devicechange', again, { once: true });
                },
            );
        };
    }

    private apply() {
        const tracks = this.media?.stream.getTracks() ?? [];
        for (const { track } of [...tracks.map((track) => ({ track })), this.camera, this.screen].filter((each) => !!each))
            track.enabled = !this.mutes[track.kind as Kind] && !this.held;
    }
}
