/** A call's media now, in words that need no knowledge of getStats(). */
export interface CallStats {
    /** Round trip to the gateway; undefined until measured, as with the next. */
    rttMs: number | undefined;
    jitterMs: number | undefined;
    packetsSent: number;
    packetsReceived: number;
    packetsLost: number;
    bytesSent: number;
    bytesReceived: number;
    /** Of what is heard, 0 to 1; browsers measure it only while it is played. */
    level: number | undefined;
    /** Such as `opus`, of what is received. */
    codec: string | undefined;
    /** The addresses in use, `192.0.2.1:4000 host`. */
    local: string | undefined;
    remote: string | undefined;
    /** Everything the browser knows. */
    raw: RTCStatsReport;
}

type Row = Record<string, unknown> & { type: string };

export function summarize(raw: RTCStatsReport): CallStats {
    const rows = new Map<string, Row>();
    raw.forEach((row: Row & { id: string }) => rows.set(row.id, row));
    const all = [...rows.values()];
    const first = (type: string, kind?: string) =>
        all.find((row) => row.type === type && (!kind || row.kind === kind));
    const by = (id: unknown) => rows.get(String(id));
    const sum = (type: string, name: string) =>
        all.reduce((total, row) => total + (row.type === type ? (number(row[name]) ?? 0) : 0), 0);

    const inbound = first('inbound-rtp', 'audio');
    const pair =
        by(first('transport')?.selectedCandidatePairId) ??
        all.find(
            (row) => row.type === 'candidate-pair' && row.nominated && row.state === 'succeeded',
        );
    return {
        rttMs: inMs(pair?.currentRoundTripTime),
        jitterMs: inMs(inbound?.jitter),
        packetsSent: sum('outbound-rtp', 'packetsSent'),
        packetsReceived: sum('inbound-rtp', 'packetsReceived'),
        packetsLost: sum('inbound-rtp', 'packetsLost'),
        bytesSent: sum('outbound-rtp', 'bytesSent'),
        bytesReceived: sum('inbound-rtp', 'bytesReceived'),
        level: number(inbound?.audioLevel),
        codec: text(by(inbound?.codecId)?.mimeType)?.split('/')[1],
        local: address(by(pair?.localCandidateId)),
        remote: address(by(pair?.remoteCandidateId)),
        raw,
    };
}

const number = (value: unknown) => (typeof value === 'number' ? value : undefined);
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

function inMs(seconds: unknown): number | undefined {
    const value = number(seconds);
    return value === undefined ? undefined : Math.round(value * 1000);
}

function address(row: Row | undefined): string | undefined {
    if (!row) return undefined;
    const host = text(row.address) ?? text(row.ip) ?? '';
    return `${host.includes(':') ? `[${host}]` : host}:${row.port} ${row.candidateType}`;
}
