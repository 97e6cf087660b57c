//! Every cell of RFC 6121 appendix A, then pre-approval, unlisted contacts and removal.

use super::State::{
    Both, From, FromPendingOut, None, NonePendingIn, NonePendingOut, NonePendingOutIn, To,
    ToPendingIn,
};
use super::SubscriptionType::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};
use super::*;

const LISTED: Standing = Standing {
    state: None,
    approved: false,
    listed: true,
};
const APPROVED: Standing = Standing {
    approved: true,
    ..LISTED
};
const UNLISTED: Standing = Standing {
    listed: false,
    ..LISTED
};

type Machine = fn(Standing, SubscriptionType) -> Transition;

#[test]
fn a_2_1_outbound_subscribe_is_always_routed() {
    cell(outbound, Subscribe, None, NonePendingOut, "route, push");
    cell(outbound, Subscribe, NonePendingOut, NonePendingOut, "route");
    cell(
        outbound,
        Subscribe,
        NonePendingIn,
        NonePendingOutIn,
        "route, push",
    );
    cell(
        outbound,
        Subscribe,
        NonePendingOutIn,
        NonePendingOutIn,
        "route",
    );
    cell(outbound, Subscribe, To, To, "route");
    cell(outbound, Subscribe, ToPendingIn, ToPendingIn, "route");
    cell(outbound, Subscribe, From, FromPendingOut, "route, push");
    cell(outbound, Subscribe, FromPendingOut, FromPendingOut, "route");
    cell(outbound, Subscribe, Both, Both, "route");
}

#[test]
fn a_2_2_outbound_unsubscribe_is_always_routed() {
    cell(outbound, Unsubscribe, None, None, "route");
    cell(outbound, Unsubscribe, NonePendingOut, None, "route, push");
    cell(outbound, Unsubscribe, NonePendingIn, NonePendingIn, "route");
    cell(
        outbound,
        Unsubscribe,
        NonePendingOutIn,
        NonePendingIn,
        "route, push",
    );
    cell(outbound, Unsubscribe, To, None, "route, push");
    cell(
        outbound,
        Unsubscribe,
        ToPendingIn,
        NonePendingIn,
        "route, push",
    );
    cell(outbound, Unsubscribe, From, From, "route");
    cell(outbound, Unsubscribe, FromPendingOut, From, "route, push");
    cell(outbound, Unsubscribe, Both, From, "route, push");
}

#[test]
fn a_2_3_outbound_subscribed_answers_a_request_and_else_approves_ahead() {
    let shows = "forget request, route, push, send presence";
    cell(outbound, Subscribed, NonePendingIn, From, shows);
    cell(
        outbound,
        Subscribed,
        NonePendingOutIn,
        FromPendingOut,
        shows,
    );
    cell(
        outbound,
        Subscribed,
        ToPendingIn,
        Both,
        "forget request, route, push, send presence, probe",
    );
    cell(outbound, Subscribed, From, From, "");
    cell(outbound, Subscribed, FromPendingOut, FromPendingOut, "");
    cell(outbound, Subscribed, Both, Both, "");
    for state in [None, NonePendingOut, To] {
        let before = Standing { state, ..LISTED };
        check(
            outbound,
            Subscribed,
            before,
            Standing { state, ..APPROVED },
            "push",
        );
    }
}

#[test]
fn a_2_4_outbound_unsubscribed_denies_a_request_or_ends_a_subscription() {
    cell(outbound, Unsubscribed, None, None, "");
    cell(outbound, Unsubscribed, NonePendingOut, NonePendingOut, "");
    cell(
        outbound,
        Unsubscribed,
        NonePendingIn,
        None,
        "forget request, route",
    );
    cell(
        outbound,
        Unsubscribed,
        NonePendingOutIn,
        NonePendingOut,
        "forget request, route",
    );
    cell(outbound, Unsubscribed, To, To, "");
    cell(
        outbound,
        Unsubscribed,
        ToPendingIn,
        To,
        "forget request, route",
    );
    let ends = "send unavailable, route, push";
    cell(outbound, Unsubscribed, From, None, ends);
    cell(outbound, Unsubscribed, FromPendingOut, NonePendingOut, ends);
    cell(outbound, Unsubscribed, Both, To, ends);
}

#[test]
fn a_3_1_inbound_subscribe_is_delivered_once_and_answered_when_subscribed() {
    let asks = "store request, send receipt, deliver to available";
    cell(inbound, Subscribe, None, NonePendingIn, asks);
    cell(inbound, Subscribe, NonePendingOut, NonePendingOutIn, asks);
    cell(
        inbound,
        Subscribe,
        NonePendingIn,
        NonePendingIn,
        "send receipt",
    );
    cell(
        inbound,
        Subscribe,
        NonePendingOutIn,
        NonePendingOutIn,
        "send receipt",
    );
    cell(inbound, Subscribe, To, ToPendingIn, asks);
    cell(inbound, Subscribe, ToPendingIn, ToPendingIn, "send receipt");
    let again = "send subscribed, send presence or unavailable";
    cell(inbound, Subscribe, From, From, again);
    cell(inbound, Subscribe, FromPendingOut, FromPendingOut, again);
    cell(inbound, Subscribe, Both, Both, again);
}

#[test]
fn a_3_2_inbound_unsubscribe_ends_a_subscription_with_unavailable_or_takes_a_request_back() {
    cell(inbound, Unsubscribe, None, None, "");
    cell(inbound, Unsubscribe, NonePendingOut, NonePendingOut, "");
    let taken_back = "forget request, deliver to interested";
    cell(inbound, Unsubscribe, NonePendingIn, None, taken_back);
    cell(
        inbound,
        Unsubscribe,
        NonePendingOutIn,
        NonePendingOut,
        taken_back,
    );
    cell(inbound, Unsubscribe, To, To, "");
    cell(inbound, Unsubscribe, ToPendingIn, To, taken_back);
    let ends = "deliver to interested, push, send unavailable";
    cell(inbound, Unsubscribe, From, None, ends);
    cell(inbound, Unsubscribe, FromPendingOut, NonePendingOut, ends);
    cell(inbound, Unsubscribe, Both, To, ends);
}

#[test]
fn a_3_3_inbound_subscribed_counts_only_when_asked_for() {
    let granted = "deliver to interested, push";
    cell(inbound, Subscribed, None, None, "");
    cell(inbound, Subscribed, NonePendingOut, To, granted);
    cell(inbound, Subscribed, NonePendingIn, NonePendingIn, "");
    cell(inbound, Subscribed, NonePendingOutIn, ToPendingIn, granted);
    cell(inbound, Subscribed, To, To, "");
    cell(inbound, Subscribed, ToPendingIn, ToPendingIn, "");
    cell(inbound, Subscribed, From, From, "");
    cell(inbound, Subscribed, FromPendingOut, Both, granted);
    cell(inbound, Subscribed, Both, Both, "");
}

#[test]
fn a_3_4_inbound_unsubscribed_denies_our_request_or_ends_our_subscription() {
    let denied = "deliver to interested, push";
    cell(inbound, Unsubscribed, None, None, "");
    cell(inbound, Unsubscribed, NonePendingOut, None, denied);
    cell(inbound, Unsubscribed, NonePendingIn, NonePendingIn, "");
    cell(
        inbound,
        Unsubscribed,
        NonePendingOutIn,
        NonePendingIn,
        denied,
    );
    cell(inbound, Unsubscribed, To, None, denied);
    cell(inbound, Unsubscribed, ToPendingIn, NonePendingIn, denied);
    cell(inbound, Unsubscribed, From, From, "");
    cell(inbound, Unsubscribed, FromPendingOut, From, denied);
    cell(inbound, Unsubscribed, Both, From, denied);
}

#[test]
fn a_pre_approved_contact_is_answered_without_asking_the_user() {
    let at = |state| Standing { state, ..APPROVED };
    let answer = "send subscribed, push, send presence or unavailable";
    check(inbound, Subscribe, at(None), at(From), answer);
    check(
        inbound,
        Subscribe,
        at(NonePendingOut),
        at(FromPendingOut),
        answer,
    );
    let mutual = "send subscribed, push, send presence or unavailable, probe";
    check(inbound, Subscribe, at(To), at(Both), mutual);
    let waiting = "forget request, send subscribed, push, send presence or unavailable";
    check(inbound, Subscribe, at(NonePendingIn), at(From), waiting);
}

#[test]
fn approving_ahead_twice_changes_nothing() {
    check(outbound, Subscribed, APPROVED, APPROVED, "");
}

#[test]
fn approving_an_unlisted_contact_ahead_lists_it() {
    check(outbound, Subscribed, UNLISTED, APPROVED, "push");
}

#[test]
fn unsubscribed_takes_a_pre_approval_back_in_every_state() {
    let with = |state, approved| Standing {
        state,
        approved,
        listed: true,
    };
    for state in State::ALL {
        let taken_back = outbound(with(state, true), Unsubscribed);
        let without = outbound(with(state, false), Unsubscribed);
        assert_eq!(taken_back.standing, without.standing, "{state:?}");
        assert!(taken_back.effects.contains(&Effect::Push), "{state:?}");
        let routed = |transition: &Transition| transition.effects.contains(&Effect::Route);
        assert_eq!(routed(&taken_back), routed(&without), "{state:?}");
    }
    check(outbound, Unsubscribed, APPROVED, LISTED, "push");
}

#[test]
fn nothing_else_takes_a_pre_approval_back() {
    let machines: [Machine; 2] = [outbound, inbound];
    for state in State::ALL {
        for stanza in [Subscribe, Subscribed, Unsubscribe, Unsubscribed] {
            for (index, machine) in machines.into_iter().enumerate() {
                let after = machine(Standing { state, ..APPROVED }, stanza).standing;
                let took_back = index == 0 && stanza == Unsubscribed;
                assert_eq!(after.approved, !took_back, "{state:?} {stanza:?} {index}");
            }
        }
    }
}

#[test]
fn a_request_of_an_unlisted_contact_makes_no_roster_item() {
    let asked = Standing {
        state: NonePendingIn,
        ..UNLISTED
    };
    let asks = "store request, send receipt, deliver to available";
    check(inbound, Subscribe, UNLISTED, asked, asks);
    check(
        outbound,
        Unsubscribed,
        asked,
        UNLISTED,
        "forget request, route",
    );
    check(
        inbound,
        Unsubscribe,
        asked,
        UNLISTED,
        "forget request, deliver to interested",
    );
    let listed = Standing {
        state: From,
        ..LISTED
    };
    let approve = "forget request, route, push, send presence";
    check(outbound, Subscribed, asked, listed, approve);
    let both_ask = Standing {
        state: NonePendingOutIn,
        ..LISTED
    };
    check(outbound, Subscribe, asked, both_ask, "route, push");
}

#[test]
fn stray_stanzas_about_strangers_change_nothing() {
    check(outbound, Unsubscribe, UNLISTED, UNLISTED, "route");
    check(outbound, Unsubscribed, UNLISTED, UNLISTED, "");
    check(inbound, Subscribed, UNLISTED, UNLISTED, "");
    check(inbound, Unsubscribe, UNLISTED, UNLISTED, "");
    check(inbound, Unsubscribed, UNLISTED, UNLISTED, "");
}

#[test]
fn removal_ends_whatever_there_is() {
    gone(None, "push removal");
    gone(NonePendingOut, "send unsubscribe, push removal");
    gone(
        NonePendingIn,
        "forget request, send unsubscribed, push removal",
    );
    gone(
        NonePendingOutIn,
        "forget request, send unsubscribed, send unsubscribe, push removal",
    );
    gone(To, "send unsubscribe, push removal");
    gone(
        ToPendingIn,
        "forget request, send unsubscribed, send unsubscribe, push removal",
    );
    gone(From, "send unavailable, send unsubscribed, push removal");
    let all = "send unavailable, send unsubscribed, send unsubscribe, push removal";
    gone(FromPendingOut, all);
    gone(Both, all);
}

#[test]
fn removing_an_unlisted_contact_pushes_nothing() {
    let asked = Standing {
        state: NonePendingIn,
        ..UNLISTED
    };
    let transition = removal(asked);
    assert!(transition.standing.is_blank());
    assert_eq!(
        words(&transition.effects),
        "forget request, send unsubscribed"
    );
}

#[test]
fn two_honest_servers_agree_whatever_the_users_do() {
    // The user's standing and the contact's standing, and all sequences of five stanzas sent by either.
    for mut seed in 0..8_usize.pow(5) {
        let (mut user, mut contact) = (Standing::default(), Standing::default());
        for _ in 0..5 {
            let stanza = [Subscribe, Subscribed, Unsubscribe, Unsubscribed][seed % 4];
            if (seed / 4).is_multiple_of(2) {
                exchange(&mut user, &mut contact, stanza);
            } else {
                exchange(&mut contact, &mut user, stanza);
            }
            seed /= 8;
            assert_eq!(
                user.state.sees_contact(),
                contact.state.is_seen_by_contact()
            );
            assert_eq!(
                contact.state.sees_contact(),
                user.state.is_seen_by_contact()
            );
            assert_eq!(user.state.asks(), contact.state.is_pending_in());
            assert_eq!(contact.state.asks(), user.state.is_pending_in());
        }
    }
}

#[test]
fn a_state_is_its_parts() {
    for state in State::ALL {
        let again = State::new(state.subscription(), state.asks(), state.is_pending_in());
        assert_eq!(again, state);
    }
}

/// `sender` sends `stanza`; what the receiving server answers in its user's name goes back.
fn exchange(sender: &mut Standing, receiver: &mut Standing, stanza: SubscriptionType) {
    let sent = outbound(*sender, stanza);
    *sender = sent.standing;
    if !sent.effects.contains(&Effect::Route) {
        return;
    }
    let arrived = inbound(*receiver, stanza);
    *receiver = arrived.standing;
    for effect in arrived.effects {
        if let Effect::Send(answer) = effect {
            *sender = inbound(*sender, answer).standing;
        }
    }
}

#[track_caller]
fn cell(machine: Machine, stanza: SubscriptionType, before: State, after: State, effects: &str) {
    let at = |state| Standing { state, ..LISTED };
    check(machine, stanza, at(before), at(after), effects);
}

#[track_caller]
fn gone(before: State, effects: &str) {
    let transition = removal(Standing {
        state: before,
        ..LISTED
    });
    assert!(transition.standing.is_blank());
    assert_eq!(words(&transition.effects), effects, "removal in {before:?}");
}

#[track_caller]
fn check(
    machine: Machine,
    stanza: SubscriptionType,
    before: Standing,
    after: Standing,
    effects: &str,
) {
    let transition = machine(before, stanza);
    assert_eq!(transition.standing, after, "{stanza:?} in {before:?}");
    assert_eq!(
        words(&transition.effects),
        effects,
        "{stanza:?} in {before:?}"
    );
    assert!(!transition.effects.spilled());
}

fn words(effects: &Effects) -> String {
    let words: Vec<&str> = effects.iter().map(|effect| word(*effect)).collect();
    words.join(", ")
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::StoreRequest => "store request",
        Effect::ForgetRequest => "forget request",
        Effect::SendUnavailable => "send unavailable",
        Effect::Route => "route",
        Effect::Deliver(Audience::Available) => "deliver to available",
        Effect::Deliver(Audience::Interested) => "deliver to interested",
        Effect::Send(Subscribe) => "send subscribe",
        Effect::Send(Subscribed) => "send subscribed",
        Effect::Send(Unsubscribe) => "send unsubscribe",
        Effect::Send(Unsubscribed) => "send unsubscribed",
        Effect::SendReceipt => "send receipt",
        Effect::Push => "push",
        Effect::PushRemoval => "push removal",
        Effect::SendPresence => "send presence",
        Effect::SendPresenceOrUnavailable => "send presence or unavailable",
        Effect::Probe => "probe",
    }
}
