-- The first schema. It exists so that every later one is a migration of a file that somebody
-- keeps: this file is never edited. It costs nothing but its own pages.
--
-- Times are UTC nanoseconds, ids are the 16 bytes of a UUIDv7. A column of JSON that is TEXT
-- is the JSON itself, one that is a BLOB is the same in zstd. `docs/exchange.md` has the
-- meaning, unit and source of every field of an exchange.

-- What is true of the whole file. `key` is 32 random bytes: hashes in this file are keyed
-- with it, so that nobody can look a guessed text or credential up by its hash.
CREATE TABLE capture (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    created_at INTEGER NOT NULL,
    key        BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;

-- A pair of connections. `downstream` is the app's side, `upstream` the origin's; bytes are
-- those that came from that side. `reason` says in words why a flow was not read.
CREATE TABLE flow (
    id               BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    opened_at        INTEGER NOT NULL,
    closed_at        INTEGER,
    user_agent       TEXT,
    process          TEXT,
    pid              INTEGER,
    origin           TEXT NOT NULL,
    mode             TEXT NOT NULL,
    verdict          TEXT NOT NULL,
    reason           TEXT,
    sni              TEXT,
    alpn             TEXT,
    downstream_tls   TEXT,
    upstream_tls     TEXT,
    downstream_bytes INTEGER NOT NULL DEFAULT 0,
    upstream_bytes   INTEGER NOT NULL DEFAULT 0,
    downstream_end   TEXT,
    upstream_end     TEXT,
    gap_bytes        INTEGER NOT NULL DEFAULT 0,
    notes            TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE INDEX flow_opened_at ON flow (opened_at);

-- One request and its reply: the narrow columns that lists read; wide ones stand apart.
-- `seq` is the order of writing and is never given twice, even after a deletion, because
-- whoever follows the capture asks for what came after the last `seq` he saw.
CREATE TABLE exchange (
    seq                 INTEGER PRIMARY KEY AUTOINCREMENT,
    id                  BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    flow                BLOB NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    place               INTEGER NOT NULL,
    thread              TEXT,
    state               TEXT NOT NULL,
    started_at          INTEGER NOT NULL,
    first_byte_ms       REAL,
    first_token_ms      REAL,
    duration_ms         REAL,
    user_agent          TEXT,
    process             TEXT,
    pid                 INTEGER,
    provider            TEXT,
    dialect             TEXT,
    operation           TEXT,
    origin              TEXT NOT NULL,
    host                TEXT NOT NULL,
    method              TEXT NOT NULL,
    path                TEXT NOT NULL,
    http_version        TEXT NOT NULL,
    status              INTEGER,
    streamed            INTEGER NOT NULL,
    request_model       TEXT,
    reply_model         TEXT,
    first_words         TEXT,
    input               INTEGER,
    input_cached        INTEGER,
    input_cache_written INTEGER,
    output              INTEGER,
    reasoning           INTEGER,
    cost_usd            REAL,
    cost_source         TEXT,
    error_type          TEXT
) STRICT;

CREATE INDEX exchange_started_at ON exchange (started_at);
CREATE INDEX exchange_flow ON exchange (flow, place);
-- People name an exchange by the last digits of its id: those are random, while ids of the
-- same minute begin alike.
CREATE INDEX exchange_short_id ON exchange (substr(id, 13));

-- A search looks into the raw bytes of the few exchanges that no dialect reads.
CREATE INDEX exchange_unread ON exchange (seq) WHERE dialect IS NULL;

-- The rest of the contract object: headers, parameters, the provider's own usage, notes.
CREATE TABLE exchange_detail (
    exchange INTEGER PRIMARY KEY REFERENCES exchange (seq) ON DELETE CASCADE,
    json     ANY NOT NULL
) STRICT;

-- One distinct piece of a prompt or an answer, stored once however often it is sent again.
-- `hash` is the keyed BLAKE3 of kind and JSON. `kind` is `system`, `tools` (the whole set: an
-- app changes it rarely), `message`, `choice`, or `request_text` and `reply_text` for an
-- exchange that no dialect reads.
CREATE TABLE message (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    kind TEXT NOT NULL,
    role TEXT,
    json ANY NOT NULL
) STRICT;

-- Which exchange has which messages, in the order system, tools, messages, choices.
-- A message's kind says where it stands, so a row here is three small numbers: an agent of
-- 1,000 turns has a million of them.
CREATE TABLE exchange_message (
    exchange INTEGER NOT NULL REFERENCES exchange (seq) ON DELETE CASCADE,
    ordinal  INTEGER NOT NULL,
    message  INTEGER NOT NULL REFERENCES message (id),
    PRIMARY KEY (exchange, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX exchange_message_message ON exchange_message (message);

-- The bytes of one side as they went over the wire, secrets replaced. `hash` is the keyed
-- BLAKE3 of the uncompressed bytes; `cut` counts bytes that a limit left out; `marks` says
-- when which byte came. The wide column is last, so that the others are read without it.
CREATE TABLE raw (
    exchange INTEGER NOT NULL REFERENCES exchange (seq) ON DELETE CASCADE,
    side     TEXT NOT NULL CHECK (side IN ('downstream', 'upstream')),
    length   INTEGER NOT NULL,
    cut      INTEGER NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    coding   TEXT NOT NULL CHECK (coding IN ('identity', 'zstd')),
    marks    BLOB NOT NULL,
    bytes    BLOB NOT NULL,
    PRIMARY KEY (exchange, side)
) STRICT;

-- Flows that are kept raw while they are open (HTTP/2, WebSocket, unknown protocols).
CREATE TABLE raw_chunk (
    flow   BLOB NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    side   TEXT NOT NULL CHECK (side IN ('downstream', 'upstream')),
    seq    INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    length INTEGER NOT NULL,
    coding TEXT NOT NULL CHECK (coding IN ('identity', 'zstd')),
    bytes  BLOB NOT NULL,
    PRIMARY KEY (flow, side, seq)
) STRICT;

-- A loss of any kind: bytes that went over the wire and are not here.
CREATE TABLE gap (
    flow   BLOB NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    side   TEXT NOT NULL CHECK (side IN ('downstream', 'upstream')),
    at     INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (flow, side, at, reason)
) STRICT;
