/** The elements of the page that play the other side. */
export class Players {
    private readonly elements = new Set<HTMLMediaElement>();

    /** `refused`: the browser plays only after a click. */
    constructor(private readonly refused: (element: HTMLMediaElement) => void) {}

    async add(element: HTMLMediaElement, stream: MediaStream | undefined): Promise<void> {
        this.elements.add(element);
        if (stream?.getTracks().length) await this.play(element, stream);
    }

    playAll(stream: MediaStream): void {
        for (const element of this.elements) void this.play(element, stream);
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
