//! A load generator for XMPP servers.

fn main() {}
