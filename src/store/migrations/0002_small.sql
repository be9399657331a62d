-- The second schema: bodies as a tree of distinct pieces, exchanges in threads, an index of
-- words. `store/upgrade.rs` moves what the first schema kept, exchange by exchange, and drops
-- its tables once they are empty.
--
-- Times are UTC nanoseconds. A *root* is a BLOB as `store/tree` writes it: the bytes
-- themselves, or pieces of them and references to rows of `blob`. Hashes are the first 16
-- bytes of a BLAKE3 keyed with `capture.key`.

ALTER TABLE raw RENAME TO first_raw;
ALTER TABLE message RENAME TO first_message;
ALTER TABLE exchange_message RENAME TO first_exchange_message;
ALTER TABLE exchange_detail RENAME TO first_detail;
DROP INDEX exchange_message_message;

-- Distinct pieces of bodies, each stored once. `coding` says how `data` is to be read
-- (`store/tree/coding.rs`), and whether it refers to other pieces. Roots, from which every piece
-- in use is reached, stand in `raw.body`, `message.body`, `content.detail` and
-- `dictionary.data`.
CREATE TABLE blob (
    id     INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL UNIQUE CHECK (length(hash) = 16),
    coding INTEGER NOT NULL,
    data   BLOB NOT NULL
) STRICT;

-- What zstd knows beforehand of a piece. `data` is a root: of the beginning of a body (what an
-- app sends to a host begins alike each time), or of texts of the same app, which stay where they
-- are in `blob`. `class` says which pieces may use it, the newest of a class counts. Never
-- changed nor deleted once a row of any table was written with it. The program's own dictionary
-- is number 1 and not here.
CREATE TABLE dictionary (
    id    INTEGER PRIMARY KEY,
    class INTEGER NOT NULL,
    hash  BLOB NOT NULL CHECK (length(hash) = 16),
    data  BLOB NOT NULL
) STRICT;

CREATE INDEX dictionary_class ON dictionary (class);

-- The bytes of one side of an exchange as they went over the wire, secrets replaced. `id` is
-- the exchange's `seq` times two, plus one for the upstream side: one key serves both.
-- `length` and `hash` are those of the whole, `cut` counts bytes that a limit left out,
-- `marks` says when which byte came, `body` is a root.
CREATE TABLE raw (
    id     INTEGER PRIMARY KEY,
    length INTEGER NOT NULL,
    cut    INTEGER NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 16),
    marks  BLOB NOT NULL,
    body   BLOB NOT NULL
) STRICT;

-- One distinct piece of a prompt or an answer, stored once however often it is sent again.
-- `kind` is `system`, `tools` (the whole set), `message` (an answer is one as well, so that
-- the next turn, which sends it again, adds nothing), or `request_text` and `reply_text` of an
-- exchange that no dialect reads. `hash` is that of kind and JSON; `body` is a root of the JSON.
-- No `id` is given twice: the index of words may know one whose row is gone.
CREATE TABLE message (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 16),
    kind TEXT NOT NULL,
    role TEXT,
    body BLOB NOT NULL
) STRICT;

-- The wide half of an exchange. `detail` is a root of JSON: headers, parameters, the
-- provider's own usage, notes. `messages` says which rows of `message` it has and where
-- (`store/contents.rs`).
CREATE TABLE content (
    exchange INTEGER PRIMARY KEY REFERENCES exchange (seq) ON DELETE CASCADE,
    detail   BLOB NOT NULL,
    messages BLOB NOT NULL
) STRICT;

-- A conversation. `name` is what the app calls it, or the id of its first exchange; `parent`
-- is the thread whose sub-agent or branch it is.
CREATE TABLE thread (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    parent INTEGER REFERENCES thread (id) ON DELETE SET NULL
) STRICT;

-- Deleting a thread looks for those below it.
CREATE INDEX thread_parent ON thread (parent) WHERE parent IS NOT NULL;

-- In which threads a message was said: a row when it is said there first, none when it is sent
-- again.
CREATE TABLE message_thread (
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    thread  INTEGER NOT NULL REFERENCES thread (id) ON DELETE CASCADE,
    PRIMARY KEY (message, thread)
) STRICT, WITHOUT ROWID;

-- `system` and `tools` are rows of `message`; `thread_id` is a row of `thread`, `thread_rule`
-- says what put the exchange there. `parent` is the exchange that this one continues, and
-- `inherited` counts the messages that it had said or heard already. `asked`, `base` and
-- `answered` are hashes of the conversation up to the request's end, up to the last answer in
-- the request, and up to the answer's end; `answer` is that of the answer alone. `credential` is the
-- fingerprint of the key that the request was sent with.
ALTER TABLE exchange ADD COLUMN thread_id INTEGER REFERENCES thread (id);
ALTER TABLE exchange ADD COLUMN thread_rule TEXT;
ALTER TABLE exchange ADD COLUMN parent BLOB;
ALTER TABLE exchange ADD COLUMN inherited INTEGER;
ALTER TABLE exchange ADD COLUMN asked INTEGER;
ALTER TABLE exchange ADD COLUMN answered INTEGER;
ALTER TABLE exchange ADD COLUMN base INTEGER;
ALTER TABLE exchange ADD COLUMN answer INTEGER;
ALTER TABLE exchange ADD COLUMN system INTEGER;
ALTER TABLE exchange ADD COLUMN tools INTEGER;
ALTER TABLE exchange ADD COLUMN reply_id TEXT;
ALTER TABLE exchange ADD COLUMN credential TEXT;
ALTER TABLE exchange ADD COLUMN input_cache_written_1h INTEGER;
ALTER TABLE exchange ADD COLUMN input_audio INTEGER;
ALTER TABLE exchange ADD COLUMN input_image INTEGER;
ALTER TABLE exchange ADD COLUMN output_audio INTEGER;
ALTER TABLE exchange ADD COLUMN output_image INTEGER;
ALTER TABLE exchange ADD COLUMN usage_source TEXT;

CREATE INDEX exchange_thread ON exchange (thread_id, started_at);
CREATE INDEX exchange_asked ON exchange (asked) WHERE asked IS NOT NULL;
CREATE INDEX exchange_answered ON exchange (answered) WHERE answered IS NOT NULL;
CREATE INDEX exchange_base ON exchange (base) WHERE base IS NOT NULL;
CREATE INDEX exchange_answer ON exchange (answer) WHERE answer IS NOT NULL;
CREATE INDEX exchange_system ON exchange (system, started_at) WHERE system IS NOT NULL;
CREATE INDEX exchange_tools ON exchange (tools, started_at) WHERE tools IS NOT NULL;
CREATE INDEX exchange_reply_id ON exchange (reply_id) WHERE reply_id IS NOT NULL;

-- What people say of an exchange: `pin` (no `text`), `tag`, `note`. Reading again keeps it.
CREATE TABLE annotation (
    exchange INTEGER NOT NULL REFERENCES exchange (seq) ON DELETE CASCADE,
    kind     TEXT NOT NULL CHECK (kind IN ('pin', 'tag', 'note')),
    text     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (exchange, kind, text)
) STRICT, WITHOUT ROWID;

CREATE INDEX annotation_kind ON annotation (kind, text);

-- A loss that is no gap of one flow: what could not be stored, a fault of ours, gaps of flows
-- that were deleted. With `gap` it is all that went by and is not here.
CREATE TABLE loss (
    id   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    what TEXT NOT NULL,
    why  TEXT NOT NULL
) STRICT;

CREATE INDEX loss_at ON loss (at);
CREATE INDEX gap_at ON gap (at);

-- Secrets that an app sent to a model in a prompt: which (its fingerprint), where, how often.
CREATE TABLE leak (
    exchange    INTEGER NOT NULL REFERENCES exchange (seq) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    kind        TEXT NOT NULL,
    place       TEXT NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (exchange, fingerprint, place)
) STRICT, WITHOUT ROWID;

-- The words of distinct messages, by message id. Its text is given as words that are cut and
-- folded already (`store/index/`), and is not kept: a deletion gives the same words again.
CREATE VIRTUAL TABLE word USING fts5 (
    words, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);

-- `store/index/fill.rs` merges, in steps that are short.
INSERT INTO word (word, rank) VALUES ('automerge', 0);

-- Every distinct word of the index, some hundred a row, one a line: a search for a piece of a
-- word looks through these. `alphabet` says of what the words are made: 0 digits, 1 digits and
-- letters to `f`, 2 ASCII, 3 ASCII and other characters, 4 others
-- (`store/index/vocabulary.rs`).
CREATE TABLE vocabulary (
    id       INTEGER PRIMARY KEY,
    alphabet INTEGER NOT NULL,
    words    BLOB NOT NULL
) STRICT;

-- The last message whose words are in the index.
ALTER TABLE capture ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;

-- Goes up whenever rows are deleted that others are found by: whoever remembers ids of rows
-- from one transaction to the next forgets them then (`store/keep/`).
ALTER TABLE capture ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
-- When what nothing refers to was swept last, and how many exchanges were deleted since.
ALTER TABLE capture ADD COLUMN swept_at INTEGER;
ALTER TABLE capture ADD COLUMN unswept INTEGER NOT NULL DEFAULT 0;
