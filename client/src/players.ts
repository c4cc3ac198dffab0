/** The elements of the page that play the other side. */
export class Players {
    private readonly elements = new Set<HTMLMediaElement>();
    private sink: string | undefined;

    /** `refused`: the browser plays only after a click. */
    constructor(private readonly refused: (element: HTMLMediaElement) => void) {}

    async add(element: HTMLMediaElement, stream: MediaStream | undefined): Promise<void> {
        this.elements.add(element);
        if (this.sink !== undefined) await element.setSinkId(this.sink);
        if (stream?.getTracks().length) await this.play(element, stream);
    }

    playAll(stream: MediaStream): void {
        for (const element of this.elements) void this.play(element, stream);
    }

    /** Plays through this speaker, elements that come later too. */
    async through(speaker: string): Promise<void> {
        this.sink = speaker;
        await Promise.all([...this.elements].map((element) => element.setSinkId(speaker)));
    }

    clear(stream: MediaStream | undefined): void {
        for (const element of this.elements) if (element.srcObject === stream) element.srcObject = null;
        this.elements.clear();
    }

    /* Chromium stays silent when a stream is given to an element before its first track. */
    private async play(element: HTMLMediaElement, stream: MediaStream) {
        if (element.srcObject !== stream) element.srcObject = stream;
        try {
            await element.play();
        } catch (error) {
            if ((error as DOMException).name === 'NotAllowedError') this.refused(element);
        }
    }
}
