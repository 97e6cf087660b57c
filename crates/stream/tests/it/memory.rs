//! What an idle stream holds.

use std::sync::Arc;

use stream::{C2s, Event};
use xml::{Framing, Scratch};

use crate::player::{BOUND, Player, Setting};

#[test]
fn an_idle_bound_stream_is_small() {
    for framing in [Framing::Stream, Framing::Document] {
        let mut player = Player::new(Setting::default(), framing, 7);
        player.play(BOUND);
        let bytes = size_of::<C2s>() + player.stream.held_bytes();
        assert!(bytes < 300, "{bytes} bytes on {framing:?}");
    }
}

#[test]
fn a_stream_that_holds_an_unfinished_stanza_lets_go_of_it() {
    let mut player = Player::new(Setting::default(), Framing::Stream, usize::MAX);
    player.play(BOUND);
    let idle_bytes = player.stream.held_bytes();
    player.play("> <message><body>half");
    assert!(player.stream.held_bytes() > idle_bytes);
    player.play("> </body></message>\n! stanza <message><body>half</body></message>");
    assert_eq!(player.stream.held_bytes(), idle_bytes);
}

#[test]
fn streams_may_move_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<C2s>();
    check::<Arc<stream::C2sSettings>>();
    let _: fn(&mut C2s, &mut &[u8], &mut Scratch, std::time::Instant) =
        |stream, input, scratch, now| {
            let _: Option<Event<'_>> = stream.receive(input, scratch, now);
        };
}
