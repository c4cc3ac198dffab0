import type { Kind } from './call-types.js';
import { openMedia, stopTracks } from './media.js';
import type { LocalMedia, MediaOptions } from './media.js';

/** What this side of a call sends: microphone, camera, and what of it is silenced. */
export class Local {
    private media: LocalMedia | undefined;
    private camera: { track: MediaStreamTrack; own: boolean } | undefined;
    private mutes: Readonly<Record<Kind, boolean>> = { audio: false, video: false };
    private held = false;
    private over = false;

    get stream(): MediaStream | undefined {
        return this.media?.stream;
    }
    get muted(): Readonly<Record<Kind, boolean>> {
        return this.mutes;
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
        this.apply();
        return true;
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

    /** `own`: opened here, so to be stopped here. */
    setCamera(track: MediaStreamTrack, own: boolean): void {
        this.stopCamera();
        this.camera = { track, own };
        this.apply();
    }

    stopCamera(): void {
        if (this.camera?.own) this.camera.track.stop();
        this.camera = undefined;
    }

    close(): void {
        this.over = true;
        if (this.media?.own) stopTracks(this.media.stream);
        this.stopCamera();
    }

    private apply() {
        const tracks = this.media?.stream.getTracks() ?? [];
        for (const track of this.camera ? [...tracks, this.camera.track] : tracks)
            track.enabled = !this.mutes[track.kind as Kind] && !this.held;
    }
}
