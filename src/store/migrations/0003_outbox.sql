-- The third schema: exchanges that are delivered to other programs.

-- Where they go. No `id` is given twice: whoever delivers may know one whose row is gone. `name` is the user's, `kind` and `target` are for people: neither keys nor
-- passwords are kept here. `failing` says why the last try failed, and is NULL after one that
-- did not; `failures` counts those in a row; `stopped` says why nothing is tried any more.
-- `sent`, `refused` and `dropped` count exchanges: taken by the receiver; refused by it for
-- good; deleted here before they were sent.
CREATE TABLE sink (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    target       TEXT NOT NULL,
    sent         INTEGER NOT NULL DEFAULT 0,
    refused      INTEGER NOT NULL DEFAULT 0,
    dropped      INTEGER NOT NULL DEFAULT 0,
    last_sent_at INTEGER,
    failing      TEXT,
    failures     INTEGER NOT NULL DEFAULT 0,
    next_try_at  INTEGER,
    stopped      TEXT
) STRICT;

-- What is to be delivered, and what was: a row is written in the transaction of its exchange,
-- and stays, so that nothing is delivered twice. `state` is `waiting`; `sending`, from before the
-- first byte goes out until the receiver has answered: what is found so at a start may have been
-- taken or not; `sent`; or `refused`, for the reason `why`. `at` is when it came to that state.
-- `batch` names what was sent together; `turn` and `trace` say under which trace. `tries` counts
-- how often it was refused and is tried again: what never was comes first.
CREATE TABLE outbox (
    sink     INTEGER NOT NULL REFERENCES sink (id) ON DELETE CASCADE,
    exchange INTEGER NOT NULL REFERENCES exchange (seq) ON DELETE CASCADE,
    state    TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'refused')),
    at       INTEGER NOT NULL,
    batch    BLOB,
    turn     BLOB,
    trace    BLOB,
    why      TEXT,
    tries    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, exchange)
) STRICT, WITHOUT ROWID;

-- What was sent, which is nearly all, is in none of these.
CREATE INDEX outbox_waiting ON outbox (sink, tries, exchange) WHERE state = 'waiting';
CREATE INDEX outbox_sending ON outbox (sink, exchange) WHERE state = 'sending';
CREATE INDEX outbox_refused ON outbox (sink, exchange) WHERE state = 'refused';
-- Deleting an exchange looks for its rows.
CREATE INDEX outbox_exchange ON outbox (exchange);

CREATE TRIGGER outbox_dropped AFTER DELETE ON outbox WHEN old.state IN ('waiting', 'sending')
BEGIN
    UPDATE sink SET dropped = dropped + 1 WHERE id = old.sink;
END;
