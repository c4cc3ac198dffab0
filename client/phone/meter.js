/** Shows how loud a stream is: 0 at -60 dBFS, 1 at full scale. */
export class Meter {
    constructor(element) {
        this.element = element;
        this.context = null;
        this.source = null;
        this.timer = 0;
    }

    /** Browsers start sound only after a click: call it in one. */
    wake() {
        this.context ??= new AudioContext();
        void this.context.resume();
    }

    /** null: nothing any more. */
    watch(stream) {
        clearInterval(this.timer);
        this.source?.disconnect();
        this.source = null;
        this.element.value = 0;
        if (!stream?.getAudioTracks().length || !this.context) return;

        const analyser = this.context.createAnalyser();
        const samples = new Float32Array(analyser.fftSize);
        this.source = this.context.createMediaStreamSource(stream);
        this.source.connect(analyser);
        this.timer = setInterval(() => {
            analyser.getFloatTimeDomainData(samples);
            const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
            const db = 10 * Math.log10(2 * power + 1e-12); // a full sine is 0 dBFS
            this.element.value = Math.min(1, Math.max(0, 1 + db / 60));
        }, 100);
    }
}
