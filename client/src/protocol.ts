// Generated from src/api/proto.def by `make docs`; edit that.

export const PATH = "/v1/ws";
export const SUBPROTOCOL = "causeway.v1";

/** Nothing */
export type Empty = Record<string, never>;

/** The client program; for logs and `causewayctl sessions` only */
export interface ClientInfo {
  /** for example Firefox */
  browser?: string;
  /** the browser's version */
  version?: string;
  /** operating system */
  os?: string;
  /** client library and its version */
  library?: string;
}

/** Parameters of session.open */
export type SessionOpen = {
  /** what the client program is */
  client?: ClientInfo;
  /** false: you will not resume it, its calls are to end with its connection */
  resume?: boolean;
} & (
  | { token: string; guest?: never; }
  | { token?: never; guest: string; }
);

/** Parameters of session.resume */
export interface SessionResume {
  /** the session's id */
  session: string;
  /** the newest `resume.token` you have */
  token: string;
  /** `seq` of the last notification you have; left out: you know nothing any more, as after a reload */
  last_seq?: number;
  /** what the client program is; default: as before */
  client?: ClientInfo;
}

/** A STUN or TURN server, as RTCPeerConnection takes it */
export interface IceServer {
  /** stun: and turn: URLs */
  urls: string[];
  /** TURN user name */
  username?: string;
  /** TURN password */
  credential?: string;
}

/** How the two sides notice that the other is gone */
export interface PingTimes {
  /** send a ping this often */
  interval_ms: number;
  /** after this much silence, no WebSocket pong either, the gateway closes with 4408 */
  timeout_ms: number;
}

/** Bounds of this gateway */
export interface Limits {
  /** largest message a client may send */
  message_bytes: number;
}

/** The gateway's program */
export interface ServerInfo {
  /** causeway */
  name: string;
  /** its version */
  version: string;
}

/** How the gateway has registered you in the telephone network */
export interface Registration {
  /** none: nobody registers you */
  state: "none" | "registering" | "registered" | "failed";
  /** the URI you call from and are called by there */
  identity?: string;
  /** for how long the registrar took it; it is renewed in time */
  expires_s?: number;
  /** why it failed: a kind of the table of errors */
  reason?: string;
  /** SIP status that said so */
  status?: number;
  /** it is tried again by itself; else when you log in anew */
  again?: boolean;
}

/** Parameters of session.registration */
export interface SessionRegistration {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** none: nobody registers you */
  state: "none" | "registering" | "registered" | "failed";
  /** the URI you call from and are called by there */
  identity?: string;
  /** for how long the registrar took it; it is renewed in time */
  expires_s?: number;
  /** why it failed: a kind of the table of errors */
  reason?: string;
  /** SIP status that said so */
  status?: number;
  /** it is tried again by itself; else when you log in anew */
  again?: boolean;
}

/** How a session goes on when its connection is lost */
export interface Resume {
  /** for one `session.resume`, which brings the next; keep it as a password. Missing: it cannot be resumed */
  token?: string;
  /** how long a session without a connection waits; 0: not at all */
  ttl_ms: number;
  /** the same while it has calls */
  call_ttl_ms: number;
}

/** Who holds the call */
export interface Held {
  /** you do */
  local: boolean;
  /** the other side does */
  remote: boolean;
}

/** What is muted; a member left out has not changed */
export interface Muted {
  /** the microphone */
  audio?: boolean;
  /** the camera */
  video?: boolean;
}

/** The other end of a call, or who sends a message */
export interface Party {
  /** a URI or target that can be called back */
  uri: string;
  /** name for people; not proven */
  display?: string;
  /** telephone number */
  number?: string;
  /** user of this gateway */
  user?: string;
  /** true: a network that the gateway trusts, or the gateway itself, vouches for the number; else it is what the caller says */
  asserted?: boolean;
  /** true: withheld; nothing else is told */
  anonymous?: boolean;
}

/** A call as it stands */
export interface CallState {
  /** its name in its session */
  call: string;
  /** the gateway's id of the call */
  id: string;
  /** who began it */
  direction: "outgoing" | "incoming";
  /** as in call.progress; active: it was answered */
  state: "trying" | "ringing" | "early" | "active";
  /** who holds it */
  held: Held;
  /** what you muted */
  muted: Muted;
  /** the other side */
  peer: Party;
  /** it has video */
  video: boolean;
  /** how long ago it was answered, or begun if it was not */
  since_ms: number;
  /** session.calls: the session that has it */
  session?: string;
  /** session.calls: that session's client program */
  device?: ClientInfo;
}

/** What a session has */
export interface SessionState {
  /** its calls; one that only rings is told again by call.incoming */
  calls: CallState[];
  /** none yet */
  groups: Empty[];
  /** none yet */
  rooms: Empty[];
}

/** Result of session.calls */
export interface CallsElsewhere {
  /** calls of your other sessions */
  calls: CallState[];
}

/** Result of session.open */
export interface SessionOpened {
  /** the session's id, as causewayctl shows it */
  session: string;
  /** who you are now */
  user: string;
  /** your name for people; may be empty */
  display: string;
  /** for RTCPeerConnection; usually empty: the gateway is reachable by itself */
  iceServers: IceServer[];
  /** keep-alive times */
  ping: PingTimes;
  /** bounds */
  limits: Limits;
  /** your registration in the telephone network; `session.registration` tells of changes */
  registration: Registration;
  /** what serves you */
  server: ServerInfo;
  /** how to go on with it on another connection */
  resume: Resume;
  /** long-polling only: the bearer secret of this connection */
  link?: string;
}

/** Result of session.resume */
export interface SessionResumed {
  /** the session's id, as causewayctl shows it */
  session: string;
  /** who you are now */
  user: string;
  /** your name for people; may be empty */
  display: string;
  /** for RTCPeerConnection; usually empty: the gateway is reachable by itself */
  iceServers: IceServer[];
  /** keep-alive times */
  ping: PingTimes;
  /** bounds */
  limits: Limits;
  /** your registration in the telephone network; `session.registration` tells of changes */
  registration: Registration;
  /** what serves you */
  server: ServerInfo;
  /** how to go on with it on another connection */
  resume: Resume;
  /** long-polling only: the bearer secret of this connection */
  link?: string;
  /** true */
  resumed: boolean;
  /** the next notification has one more */
  seq: number;
  /** your `last_seq`: the notifications since then follow at once, as they were */
  from?: number;
  /** true: they are not there any more, or you asked for none; `state` takes their place */
  reset?: boolean;
  /** with `reset`: how everything stands */
  state?: SessionState;
}

/** Parameters of ping */
export interface Ping {
  /** `seq` of the last notification you have: the gateway need not keep it any longer */
  ack?: number;
}

/** Result of ping */
export interface Pong {
  /** the gateway's monotonic clock */
  now_ms: number;
}

/** A call of this session */
export interface CallOnly {
  /** the call */
  call: string;
}

/** Parameters of call.start */
export interface CallStart {
  /** your name for the call, new in this session */
  call: string;
  /** whom to call, see Targets */
  to: string;
  /** the browser's offer */
  sdp: string;
  /** header fields for the SIP INVITE: those that the trunk's `headers_out` lets you set (X-* unless configured otherwise); values are text of up to 1024 bytes */
  headers?: Record<string, string>;
  /** the number to call from, one of your own; default: the first */
  from?: string;
  /** the other side is not to see who calls */
  anonymous?: boolean;
  /** a token for this call, see docs/QUOTAS.md: where to, for how long, how often */
  grant?: string;
  /** false: the page makes the tone of ringing itself, the gateway shall not play one */
  ringback?: boolean;
}

/** Result of call.start */
export interface CallStarted {
  /** the call */
  call: string;
  /** the gateway's id of the call, as causewayctl and logs show it */
  id: string;
}

/** Parameters of call.update */
export interface CallOfferAnew {
  /** the call */
  call: string;
  /** the browser's offer */
  sdp: string;
  /** true: of a new RTCPeerConnection, which takes the old one's place */
  restart?: boolean;
}

/** Parameters of call.pull */
export interface CallPull {
  /** the gateway's id of the call, of session.calls */
  id: string;
  /** your name for the call, new in this session */
  call: string;
  /** the browser's offer */
  sdp: string;
}

/** Parameters of call.answer */
export interface CallTake {
  /** the call */
  call: string;
  /** the browser's description */
  sdp: string;
  /** header fields for the SIP response, as in call.start */
  headers?: Record<string, string>;
}

/** Parameters of call.candidate */
export interface CallCandidate {
  /** the call */
  call: string;
  /** RTCIceCandidate.candidate; null or empty: no more will come */
  candidate: string | null;
  /** RTCIceCandidate.sdpMid */
  mid?: string;
  /** RTCIceCandidate.sdpMLineIndex */
  mline?: number;
}

/** Parameters of call.candidate from the gateway */
export interface GatewayCandidate {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call */
  call: string;
  /** for addIceCandidate; null: no more will come */
  candidate: string | null;
  /** RTCIceCandidateInit.sdpMid */
  mid?: string;
}

/** Result of call.update and call.pull */
export interface CallUpdated {
  /** the gateway's answer; missing after a `restart` before anything was answered: it comes with call.progress or call.answer */
  sdp?: string;
}

/** Parameters of call.dtmf */
export interface CallDtmf {
  /** the call */
  call: string;
  /** keys, pressed one after the other */
  digits: string;
  /** how long each is pressed; default 100 */
  duration_ms?: number;
}

/** Parameters of call.transfer */
export type CallTransfer = {
  /** the call that you leave */
  call: string;
  /** a token for the call to `to`, as in call.start; the other side is then never asked to call by itself */
  grant?: string;
} & (
  | { to: string; other?: never; }
  | { to?: never; other: string; }
);

/** Parameters of call.info */
export interface CallTell {
  /** the call */
  call: string;
  /** what you muted */
  muted?: Muted;
  /** the video you send, or are about to add, is a screen's; false: a camera's again */
  screen?: boolean;
}

/** A stream as the browser receives it; what it does not measure is left out */
export interface Measured {
  /** received since the call began */
  packets?: number;
  /** lost since the call began */
  lost?: number;
  /** jitter (RFC 3550 6.4.1) */
  jitter_ms?: number;
  /** of a thousand samples played since the last report, how many were made up */
  concealed?: number;
  /** how loud it is, in dB below the loudest (RFC 6464 3); 127: silence */
  level?: number;
  /** pictures shown */
  frames_per_s?: number;
}

/** Parameters of call.report */
export interface CallReport {
  /** the call */
  call: string;
  /** the other side's sound */
  audio?: Measured;
  /** the other side's picture */
  video?: Measured;
  /** round trip to the gateway */
  rtt_ms?: number;
  /** what the browser thinks it can send */
  outgoing_kbps?: number;
}

/** Parameters of call.end */
export interface CallHangup {
  /** the call */
  call: string;
  /** cause for the telephone network (ITU-T Q.850), as Reason (RFC 3326) */
  q850?: number;
  /** that goes with it, for people */
  text?: string;
  /** header fields for the SIP message, as in call.start */
  headers?: Record<string, string>;
}

/** Parameters of call.reject */
export interface CallReject {
  /** the call */
  call: string;
  /** why; default declined */
  reason?: "busy" | "declined" | "unavailable";
  /** cause for the telephone network (ITU-T Q.850), as Reason (RFC 3326) */
  q850?: number;
  /** that goes with it, for people */
  text?: string;
  /** header fields for the SIP response, as in call.start */
  headers?: Record<string, string>;
}

/** Whether somebody the gateway trusts vouches for the caller's number (STIR/SHAKEN) */
export interface Verified {
  /** passed: vouched for; failed: it claims to be, but that is wrong, too old or cannot be checked; none: nobody says anything */
  status: "passed" | "failed" | "none";
  /** passed: A: the caller may use this number; B: the caller is known, the number is not; C: only where the call came from is known */
  attest?: "A" | "B" | "C";
  /** passed: the number that was signed for */
  number?: string;
  /** failed: why, a kind of the table of errors */
  reason?: string;
}

/** Who forwarded a call before it came here (Diversion, History-Info) */
export interface Forward {
  /** whose */
  uri?: string;
  /** telephone number */
  number?: string;
  /** name for people; not proven */
  name?: string;
  /** why: user-busy, no-answer, unconditional, unavailable, deflection, … (RFC 5806) */
  reason: string;
  /** how often */
  counter: number;
  /** true: withheld; whose it is is not told */
  anonymous?: boolean;
}

/** Something about the caller (Call-Info, RFC 3261 20.9); nothing of it is fetched or proven */
export interface CallInfoUri {
  /** where */
  uri: string;
  /** what: icon, info, card, … */
  purpose?: string;
}

/** What a SIP peer answered */
export interface SipStatus {
  /** SIP status code (RFC 3261 21) */
  status: number;
  /** its reason phrase */
  reason: string;
}

/** Parameters of call.incoming */
export interface CallIncoming {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** name of the call from now on, chosen by the gateway */
  call: string;
  /** the gateway's id of the call */
  id: string;
  /** who is calling */
  from: Party;
  /** whom they asked for */
  to: string;
  /** the gateway's offer */
  sdp: string;
  /** is the caller's number vouched for? Only where the trunk's `stir_verify` or `verstat` is on */
  verified?: Verified;
  /** who forwarded it, the last first */
  forwarded?: Forward[];
  /** what the caller says it is about */
  subject?: string;
  /** how urgent the caller says it is: emergency, urgent, normal, non-urgent, … (RFC 3261 20.26) */
  priority?: string;
  /** how to ring, if you like: urn:alert: (RFC 7462) and other URIs; never fetched by the gateway */
  alert?: string[];
  /** more about the caller */
  info?: CallInfoUri[];
  /** header fields of the SIP INVITE that the trunk's `headers_in` lists */
  headers?: Record<string, string>;
}

/** Parameters of call.progress */
export interface CallProgress {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call */
  call: string;
  /** ringing: with `sdp`, or after it, the gateway plays the tone; early: there is something to hear before the answer */
  state: "trying" | "ringing" | "early";
  /** SIP status that said so */
  status?: number;
  /** the gateway's answer; at most once a call */
  sdp?: string;
  /** who it rings at, if a trusted network says so */
  peer?: Party;
  /** header fields of the SIP response, as in call.incoming */
  headers?: Record<string, string>;
}

/** Parameters of call.answer from the gateway */
export interface CallAnswered {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call */
  call: string;
  /** the gateway's answer, unless call.progress brought it */
  sdp?: string;
  /** who answers, if a trusted network says so */
  peer?: Party;
  /** header fields of the SIP response, as in call.incoming */
  headers?: Record<string, string>;
}

/** Parameters of call.update from the gateway */
export interface CallChanged {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call */
  call: string;
  /** who holds it now */
  held: Held;
  /** an offer of the gateway: the other side's video came or went; answer it with call.answer */
  sdp?: string;
}

/** Parameters of call.transfer from the gateway */
export interface CallMoved {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call that is transferred */
  call: string;
  /** done: call.end follows, its reason is transferred; failed: you have the call again */
  state: "trying" | "ringing" | "done" | "failed";
  /** of failed: a kind of the table of errors */
  reason?: string;
  /** more about it, for people */
  text?: string;
  /** the SIP status that said so */
  sip?: SipStatus;
}

/** A key the other side pressed */
export interface KeyPress {
  /** which */
  digit: string;
  /** how long */
  duration_ms: number;
}

/** Parameters of call.info from the gateway */
export interface CallTold {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call */
  call: string;
  /** the other side pressed a key */
  dtmf?: KeyPress;
  /** the other side muted or unmuted */
  muted?: Muted;
  /** the other side's video is a screen's, or no longer */
  screen?: boolean;
  /** the other side is somebody else now (RFC 4916) */
  peer?: Party;
}

/** Parameters of call.end from the gateway */
export interface CallEnded {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call; its name is free again */
  call: string;
  /** hangup for an ordinary end, else a kind of the table of errors */
  reason: string;
  /** who ended it */
  by: "you" | "peer" | "gateway";
  /** more about the reason, for people */
  text?: string;
  /** the SIP status that ended it, or that the other side gave as the reason (RFC 3326) */
  sip?: SipStatus;
  /** cause of the telephone network (ITU-T Q.850) */
  q850?: number;
  /** header fields of the SIP message, as in call.incoming */
  headers?: Record<string, string>;
}

/** One direction of a side's sound, over the last some seconds */
export interface Direction {
  /** what a listener would say of it, times 100 (ITU-T G.107): above 400 good, below 300 bad */
  mos?: number;
  /** of a thousand packets, how many were lost or came too late */
  loss: number;
  /** jitter (RFC 3550 6.4.1) */
  jitter_ms: number;
}

/** Parameters of call.quality */
export interface CallQuality {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call */
  call: string;
  /** whose connection to the gateway */
  leg: "you" | "peer";
  /** by the worse direction */
  rating: "good" | "fair" | "poor";
  /** from that side, as the gateway receives it */
  sent?: Direction;
  /** to that side, as it reports to receive it */
  heard?: Direction;
  /** round trip between that side and the gateway */
  rtt_ms?: number;
}

/** Parameters of call.media */
export interface CallMedia {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** the call */
  call: string;
  /** who sends it */
  leg: "you" | "peer";
  /** what */
  kind: "audio" | "video";
  /** silent: the gateway receives nothing */
  state: "silent" | "flowing";
}

/** Parameters of session.closing */
export interface SessionClosing {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** shutdown, or a kind of the table of errors */
  reason: string;
}

/** Parameters of push.register */
export interface PushRegistration {
  /** what sends the push: web, fcm, apns, or a word that the push hook knows */
  kind: string;
  /** where to: a PushSubscription's endpoint, a registration token, a device token */
  endpoint: string;
  /** a PushSubscription's keys: p256dh, auth */
  keys?: Record<string, string>;
}

/** Parameters of push.unregister */
export interface PushEndpoint {
  /** as it was registered */
  endpoint: string;
}

/** Parameters of im.send */
export interface ImSend {
  /** user:NAME */
  to: string;
  /** your id of the message: sent twice within five minutes, it is delivered once. Default: one of the gateway's choice */
  id?: string;
  /** what it is; default text/plain */
  type?: "text/plain";
  /** the text */
  body: string;
}

/** Result of im.send */
export interface ImSent {
  /** the message */
  id: string;
  /** delivered: a device of theirs was sent it; queued: all of them have just lost their connection, and get it if they come back */
  status: "delivered" | "queued";
  /** when, in milliseconds since 1970 */
  ts_ms: number;
}

/** Parameters of im.message */
export interface ImMessage {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** who sends it */
  from: Party;
  /** the sender's id of the message */
  id: string;
  /** what it is, text/plain */
  type: string;
  /** the text */
  body: string;
  /** when it was sent, in milliseconds since 1970 */
  ts_ms: number;
}

/** Parameters of data.send */
export interface DataSend {
  /** user:NAME, or call:CALL for the other side of that call of yours */
  to: string;
  /** as in im.send */
  id?: string;
  /** what it is about, a word of yours */
  event?: string;
  /** anything */
  body: unknown;
}

/** Result of data.send */
export interface DataSent {
  /** the message */
  id: string;
  /** as in im.send */
  status: "delivered" | "queued";
}

/** Parameters of data.message */
export interface DataMessage {
  /** 1, 2, 3 … within the session */
  seq: number;
  /** who sends it */
  from: Party;
  /** the sender's id of the message */
  id: string;
  /** it is about this call, whose other side sends it */
  call?: string;
  /** what it is about */
  event?: string;
  /** anything */
  body: unknown;
}

/** What a program can use of an error */
export interface ErrorData {
  /** the word to compare; stable */
  kind: string;
  /** the member at fault, such as params.sdp */
  path?: string;
  /** what a SIP peer answered */
  sip?: SipStatus;
  /** when it is worth trying again */
  retry_after_ms?: number;
}

/** Why a request failed */
export interface ErrorInfo {
  /** number of the kind */
  code: number;
  /** for people; not stable */
  message: string;
  /** for programs */
  data: ErrorData;
}

/** Requests of a client: method, parameters, result. */
export interface Requests {
  /** Log in. The first request on a connection; nothing else is served before it. After `auth` or `token-expired` the gateway closes with 4401. */
  "session.open": { params: SessionOpen; result: SessionOpened };
  /** Go on with a session whose connection was lost, or is about to be: the first request on the new one. The old one, if it is still there, is closed with 4409. After `session-gone` you may try `session.open`, or `session.resume` once more; then the gateway closes with 4401. */
  "session.resume": { params: SessionResume; result: SessionResumed };
  /** Log out: every call of the session ends, then the gateway closes with 1000. */
  "session.close": { params: Empty; result: Empty };
  /** The calls of your other sessions, that `call.pull` can take over. A guest has none: the name proves nothing. */
  "session.calls": { params: Empty; result: CallsElsewhere };
  /** Show that you are alive, and see that the gateway is. Any message counts as a sign of life. */
  "ping": { params: Ping; result: Pong };
  /** Call somebody. `call.progress`, `call.answer` and `call.end` tell the rest. */
  "call.start": { params: CallStart; result: CallStarted };
  /** Take a call that `call.incoming` announced, or answer the offer that a `call.update` brought. */
  "call.answer": { params: CallTake; result: Empty };
  /** Trickle ICE (RFC 8838): one more candidate of the browser. */
  "call.candidate": { params: CallCandidate; result: Empty };
  /** Offer anew within the call: an ICE restart after a change of network, or other tracks. The other side need not notice a restart. Video that is new to the call is answered `inactive` until the other side has said what it takes: a `call.update` with an offer follows. While an offer of the gateway waits for its answer, this gives `state`. With `restart` the offer is of a new RTCPeerConnection: a reloaded page goes on with its call, and the other side need not notice that either. */
  "call.update": { params: CallOfferAnew; result: CallUpdated };
  /** Put the other side on hold. */
  "call.hold": { params: CallOnly; result: Empty };
  /** Go on after `call.hold`. */
  "call.resume": { params: CallOnly; result: Empty };
  /** Press keys. They travel as the other end wants them: as telephone-events (RFC 4733), by INFO or as tones. */
  "call.dtmf": { params: CallDtmf; result: Empty };
  /** Leave a call and put somebody else in your place: whom you name (blind), or the other side of another call of yours (attended). `call.transfer` tells how it goes; your connection and the other side's stay as they are until it is done. */
  "call.transfer": { params: CallTransfer; result: Empty };
  /** Tell the other side what you muted, or that you share a screen. The muting itself happens in the browser. `forbidden`: the other side is sent no screens. */
  "call.info": { params: CallTell; result: Empty };
  /** Tell what the browser measures of the call's media. Kept beside the gateway's own numbers; at most one a second. */
  "call.report": { params: CallReport; result: Empty };
  /** Hang up, or cancel a call that is still ringing. */
  "call.end": { params: CallHangup; result: Empty };
  /** Take a call over from another session of yours, which gets `call.end` with the reason `pulled`. The other side need not notice. */
  "call.pull": { params: CallPull; result: CallUpdated };
  /** Refuse a call that `call.incoming` announced, on every device of yours. */
  "call.reject": { params: CallReject; result: Empty };
  /** Have this device woken by a push when a call comes for you while none of your sessions has a connection. It is yours, not the session's, until `push.unregister`; a gateway that was restarted has forgotten it: register after each log-in. */
  "push.register": { params: PushRegistration; result: Empty };
  /** No more pushes there. */
  "push.unregister": { params: PushEndpoint; result: Empty };
  /** Send a text to all devices of a user whom you may call, or have the scope `im:user:NAME` for. `rate` comes with `retry_after_ms`. */
  "im.send": { params: ImSend; result: ImSent };
  /** Send anything to the programs of a user, or to the one at the other side of a call. */
  "data.send": { params: DataSend; result: DataSent };
}

/** Notifications of the gateway: method and parameters. */
export interface Notifications {
  /** Somebody calls you. Answer with `call.answer`, refuse with `call.reject`; if nobody does, `call.end` follows. */
  "call.incoming": CallIncoming;
  /** A call you started got further. States may repeat. */
  "call.progress": CallProgress;
  /** Trickle ICE (RFC 8838): one more candidate of the gateway, of the description before. Only a gateway that is configured for full ICE sends them. */
  "call.candidate": GatewayCandidate;
  /** The other side took the call you started. */
  "call.answer": CallAnswered;
  /** Somebody held or resumed the call; or, with an offer, the other side added or took away video. */
  "call.update": CallChanged;
  /** How a transfer of yours goes. While `trying` and `ringing` you may hang up: it goes on without you. */
  "call.transfer": CallMoved;
  /** The other side pressed a key, muted something, or is somebody else now: it was transferred. */
  "call.info": CallTold;
  /** The quality of a side's sound became another: the first time it is known, and whenever its rating changes. */
  "call.quality": CallQuality;
  /** A side that should be sending is not heard (for some seconds), or is heard again. */
  "call.media": CallMedia;
  /** The call is over. The last message about it. */
  "call.end": CallEnded;
  /** Somebody sends you a text. One you know by `from` and `id` may come again after `session.resume`. */
  "im.message": ImMessage;
  /** Somebody's program sends yours something. */
  "data.message": DataMessage;
  /** Your registration in the telephone network became another. */
  "session.registration": SessionRegistration;
  /** The gateway is about to close this session. */
  "session.closing": SessionClosing;
}

export type Method = keyof Requests;
export type NotificationName = keyof Notifications;

export interface RequestMessage<M extends Method = Method> {
  jsonrpc: "2.0";
  /** Left out: no reply is wanted. */
  id?: number | string;
  method: M;
  params: Requests[M]["params"];
}

export interface ResultMessage<M extends Method = Method> {
  jsonrpc: "2.0";
  id: number | string;
  result: Requests[M]["result"];
}

export interface ErrorMessage {
  jsonrpc: "2.0";
  /** null: the request was too broken to have one. */
  id: number | string | null;
  error: ErrorInfo;
}

export interface NotificationMessage<E extends NotificationName = NotificationName> {
  jsonrpc: "2.0";
  method: E;
  params: Notifications[E];
}

export type ServerMessage = ResultMessage | ErrorMessage | NotificationMessage;

/** Every kind of error: its code, and a text for people. */
export const errors = {
  "parse": { code: -32700, text: "not valid JSON" },
  "bad-request": { code: -32600, text: "not a valid request" },
  "unknown-method": { code: -32601, text: "no such method" },
  "bad-params": { code: -32602, text: "a parameter is missing or wrong" },
  "internal": { code: -32603, text: "internal error" },
  "too-large": { code: -32010, text: "larger than allowed" },
  "too-deep": { code: -32011, text: "nested deeper than allowed" },
  "unsafe-text": { code: -32012, text: "text holds a control character" },
  "auth": { code: -32001, text: "log-in refused" },
  "token-expired": { code: -32002, text: "token has expired" },
  "forbidden": { code: -32003, text: "not allowed" },
  "state": { code: -32004, text: "not possible in this state" },
  "rate": { code: -32005, text: "too many messages" },
  "overload": { code: -32006, text: "the gateway is at its limit" },
  "exists": { code: -32007, text: "this id is already in use" },
  "session-gone": { code: -32008, text: "there is no such session to resume" },
  "no-call": { code: -32020, text: "no such call" },
  "not-found": { code: -32021, text: "nobody by this name" },
  "unavailable": { code: -32022, text: "not reachable now" },
  "busy": { code: -32023, text: "busy" },
  "declined": { code: -32024, text: "declined" },
  "cancelled": { code: -32025, text: "cancelled before it was answered" },
  "timeout": { code: -32026, text: "no answer in time" },
  "no-codec": { code: -32027, text: "no codec in common" },
  "bad-sdp": { code: -32028, text: "the session description is malformed" },
  "no-route": { code: -32029, text: "no route to this destination" },
  "unsupported": { code: -32030, text: "not supported" },
  "sip-failed": { code: -32031, text: "the far end refused the call" },
  "network": { code: -32032, text: "the far end cannot be reached" },
  "answered-elsewhere": { code: -32033, text: "answered on another device" },
  "not-acceptable": { code: -32034, text: "this offer is not acceptable here" },
  "transferred": { code: -32038, text: "transferred to somebody else" },
  "pulled": { code: -32048, text: "taken over by another device" },
  "precondition": { code: -32046, text: "resources of the network cannot be had" },
  "extension": { code: -32055, text: "preconditions are required here (RFC 3312)" },
  "bad-extension": { code: -32056, text: "an extension is required that is not had here" },
  "hops": { code: -32036, text: "passed through too many gateways, or one twice" },
  "quota": { code: -32037, text: "a bound of what this caller may spend is reached" },
  "tls": { code: -32047, text: "the far end is not who it should be, or speaks no TLS with us" },
  "anonymous": { code: -32039, text: "callers must show who they are" },
  "deregistered": { code: -32057, text: "the network ended the registration" },
  "dns": { code: -32035, text: "the name of the next hop cannot be resolved" },
  "no-identity": { code: -32050, text: "nobody vouches for the caller's number" },
  "identity-info": { code: -32051, text: "the certificate behind the caller's number cannot be had" },
  "identity-credential": { code: -32052, text: "the certificate behind the caller's number is not trusted" },
  "bad-identity": { code: -32053, text: "what vouches for the caller's number is wrong" },
  "identity-stale": { code: -32054, text: "what vouches for the caller's number is too old" },
  "ice": { code: -32040, text: "no connectivity check succeeded" },
  "dtls": { code: -32041, text: "the DTLS handshake failed" },
  "fingerprint": { code: -32042, text: "the certificate does not match its fingerprint" },
  "media-lost": { code: -32043, text: "the other side's media went silent" },
  "no-port": { code: -32044, text: "no RTP port is free" },
  "not-secure": { code: -32045, text: "media would not be protected as required" },
} as const;

export type ErrorKind = keyof typeof errors;

/** WebSocket close codes. */
export const closeCodes = {
  /** after `session.close` */
  NORMAL: 1000,
  /** the gateway shuts down */
  GOING_AWAY: 1001,
  /** a frame broke RFC 6455: not masked, reserved bits, wrong order */
  PROTOCOL: 1002,
  /** a binary message; only text is understood */
  BINARY: 1003,
  /** a message was not UTF-8 */
  NOT_UTF8: 1007,
  /** a message was larger than `limits.message_bytes` */
  TOO_BIG: 1009,
  /** the gateway is at its limit, or you did not read what it sent */
  OVERLOAD: 1013,
  /** the log-in was refused, or there was nothing to resume, twice; an error reply came before */
  AUTH: 4401,
  /** no `session.open` in time, or silence for `ping.timeout_ms`; the session waits for `session.resume` */
  IDLE: 4408,
  /** `session.resume` came on another connection */
  REPLACED: 4409,
  /** messages kept coming after `rate` errors */
  RATE: 4429,
} as const;
