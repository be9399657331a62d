"""One file an SDK: each reads a recorded reply with that SDK and fills an `Answer`."""
