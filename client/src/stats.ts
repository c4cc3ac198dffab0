import { Rows, number } from './rows.js';
import type { Row } from './rows.js';

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
    /** Of this side's microphone, 0 to 1. */
    microphone: number | undefined;
    /** Of the last second, once a call lasts two: of all packets those lost, 0 to 1; what a listener would say, 1 to 4.5. */
    loss?: number;
    mos?: number;
    /** Such as `opus`, of what is received. */
    codec: string | undefined;
    /** The addresses in use, `192.0.2.1:4000 host`. */
    local: string | undefined;
    remote: string | undefined;
    /** Everything the browser knows. */
    raw: RTCStatsReport;
}

export function summarize(raw: RTCStatsReport): CallStats {
    const rows = new Rows(raw);
    const inbound = rows.first('inbound-rtp', 'audio');
    const pair = rows.pair();
    return {
        rttMs: inMs(pair?.currentRoundTripTime),
        jitterMs: inMs(inbound?.jitter),
        packetsSent: rows.sum('outbound-rtp', 'packetsSent'),
        packetsReceived: rows.sum('inbound-rtp', 'packetsReceived'),
        packetsLost: rows.sum('inbound-rtp', 'packetsLost'),
        bytesSent: rows.sum('outbound-rtp', 'bytesSent'),
        bytesReceived: rows.sum('inbound-rtp', 'bytesReceived'),
        level: number(inbound?.audioLevel),
        microphone: number(rows.first('media-source', 'audio')?.audioLevel),
        codec: (rows.by(inbound?.codecId)?.mimeType as string | undefined)?.split('/')[1],
        local: address(rows.by(pair?.localCandidateId)),
        remote: address(rows.by(pair?.remoteCandidateId)),
        raw,
    };
}

function inMs(seconds: unknown): number | undefined {
    const value = number(seconds);
    return value === undefined ? undefined : Math.round(value * 1000);
}

function address(row: Row | undefined): string | undefined {
    if (!row) return undefined;
    const host = String(row.address ?? row.ip ?? '');
    return `${host.includes(':') ? `[${host}]` : host}:${row.port} ${row.candidateType}`;
}
