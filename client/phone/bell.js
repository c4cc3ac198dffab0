/** Rings for calls that come in, and gives the tone of ringing for those that go out. */

/** Frequencies in Hz, seconds on and off, loudness. */
const tones = {
    bell: { hz: [660, 880], on: 1, off: 2, gain: 0.12 },
    ringback: { hz: [425], on: 1, off: 4, gain: 0.05 },
};

export class Bell {
    constructor() {
        this.context = null;
        this.what = 'none';
        this.timer = 0;
        this.sounding = [];
    }

    /** 'bell', 'ringback' or 'none'; may be said again and again. */
    ring(what) {
        if (what === this.what) return;
        this.what = what;
        clearInterval(this.timer);
        for (const each of this.sounding) each.stop();
        this.sounding = [];
        const tone = tones[what];
        if (!tone || navigator.userActivation?.hasBeenActive === false) return; // else it is blocked
        this.context ??= new AudioContext();
        const once = () => this.sound(tone);
        this.timer = setInterval(once, (tone.on + tone.off) * 1000);
        once();
    }

    sound({ hz, on, gain }) {
        const { context } = this;
        const volume = new GainNode(context, { gain });
        volume.connect(context.destination);
        this.sounding = hz.map((frequency) => {
            const source = new OscillatorNode(context, { frequency });
            source.connect(volume);
            source.start();
            source.stop(context.currentTime + on);
            return source;
        });
    }
}
