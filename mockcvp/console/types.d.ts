/** The JSON of the control API, and the state of the page. */
declare namespace Api {
  type Headers = Record<string, string | string[]>;
  interface Row {
    number: number;
    id: string;
    time: string;
    duration: number;
    client: string;
    method: string;
    path: string;
    query: string;
    user: string | null;
    status: number | null;
    errorType: string | null;
    reason: string | null;
    effect: string;
    form: "xml" | "json" | null;
    stub: string | null;
    fault: string | null;
    syncUp: boolean;
    delivered: boolean;
  }
  interface Calls {
    calls: Row[];
    meta: { total: number; recorded: number; dropped: number };
  }
  interface Filter {
    text?: string;
    status?: string;
    form?: string;
    user?: string;
    error?: string;
  }
  interface Message {
    headers: Headers;
    body: string;
    bodyAsBase64: string;
  }
  interface LoggedRequest extends Message {
    method: string;
    url: string;
    mockcvp: {
      number: number;
      synchronization: { servers: { refURL: string; sincetime: number; full: boolean }[]; started: string[] } | null;
      differences?: string[];
    };
  }
  interface Event {
    request: LoggedRequest;
    response: Message;
    stubMapping?: Mapping;
  }
  interface Check {
    name: string;
    result: "passed" | "failed" | "not reached" | "decided";
    section: string;
    standing: "doc" | "client" | "infer" | "ours";
  }
  interface Place {
    line: number;
    column: number;
    start: number;
    end: number;
  }
  interface CallError {
    type: string;
    field: string | null;
    reason: string;
    sent: string | null;
    valid: string | null;
    place: Place | null;
  }
  interface Why {
    checks: Check[];
    errors: CallError[];
    ignored: string[];
    advice: string | null;
  }
  interface CallDetail {
    call: Row;
    event: Event;
    why: Why;
  }
  interface NewCall {
    method: string;
    path: string;
    headers: Record<string, string>;
    body?: string;
  }
  interface Sent {
    number: number | null;
    status: number | null;
  }
  interface NewServer {
    id: string;
    hostname: string;
    ipaddr: string;
    type: string;
    duration: number;
    outcome: "Success" | "Failure";
  }
  interface Server extends NewServer {
    refURL: string;
    synchronized: boolean;
    syncStatus: State | null;
    lastFullSyncTime: string | null;
    lastIncrementalSyncTime: string | null;
    ends: string | null;
  }
  type State = "Not Started" | "In Progress" | "Success" | "Failure" | "Started Over";
  interface Run {
    server: string;
    hostname: string;
    number: number;
    start: string;
    ends: string;
    outcome: "Success" | "Failure";
    full: boolean;
    sincetime: number;
    state: State;
  }
  interface Clock {
    now: string;
    frozen: boolean;
  }
  interface Runs extends Clock {
    runs: Run[];
    dropped: number;
  }
  type Mapping = Record<string, unknown>;
  interface Stub {
    id: string;
    name: string | null;
    description: string;
    response: string;
    hits: number;
    left: number | null;
    scenario: string | null;
    state: string | null;
    mapping: Mapping;
  }
  interface Stubs {
    stubs: Stub[];
    settings: Record<string, unknown>;
  }
  interface NearMiss {
    request: LoggedRequest;
    stubMapping?: Mapping;
    matchResult: { distance: number };
  }
  interface Certificate {
    pem: string;
    fingerprint: string;
    names: string[];
    expires: string;
    path: string;
  }
  interface Connect {
    url: string;
    adminUrl: string;
    username: string;
    password: string | null;
    release: string;
    tenant: string | null;
    certificate: Certificate | null;
    version: string;
  }
  interface Tenant {
    username: string;
    password: string;
    admin: string;
  }
  interface Hello {
    version: string;
    console: "full" | "read";
    tenant: string | null;
    label: string | null;
    recorded: number;
    dropped: number;
    last: number;
    clock: Clock;
  }
  interface Live {
    connection: "Connecting" | "Live" | "Reconnecting";
    hello: Hello | null;
    clock: { frozen: boolean; now: number; received: number } | null;
    recorded: number;
    dropped: number;
  }
  interface Frame {
    first: number;
    last: number;
    omitted: number;
    recorded: number;
    dropped: number;
    calls: Row[];
  }
}
