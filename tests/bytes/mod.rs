#![cfg(test)]
//! Bytes are unchanged: each case is played on raw sockets twice, app to origin directly and
//! with Overhear between them, and each side must get the same bytes and see the same end.

mod absolute;
mod base_url;
mod case;
mod compare;
mod connect;
mod endings;
mod handshakes;
mod http1;
mod large;
mod many;
mod play;
mod refusals;
mod streams;
mod tls;
mod tunnels;
