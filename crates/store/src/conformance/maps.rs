//! Maps: values by key, ranges, owners, expiry.

use super::desk::{COUNTS, Desk, NOTES, account, host, room};
use super::{Bench, Outcome};
use crate::key::prefix_of;
use crate::owner::Owner;
use crate::{Collection, Map, Version};

/// A value is there from its put to its delete, for its owner and collection only.
pub fn values_are_put_and_deleted(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (juliet, romeo) = (account("juliet"), account("romeo"));
    let key = "a".to_owned();
    desk.apply(|batch| {
        batch.put(NOTES, &juliet, &key, &"one".to_owned());
        batch.put(COUNTS, &juliet, &key, &1);
        batch.put(NOTES, &room("juliet"), &key, &"a room's".to_owned());
    })?;
    assert_eq!(desk.ask(NOTES.get(&juliet, &key))?.as_deref(), Some("one"));
    assert_eq!(desk.ask(COUNTS.get(&juliet, &key))?, Some(1));
    assert_eq!(desk.ask(NOTES.get(&romeo, &key))?, None);
    assert_eq!(
        desk.ask(NOTES.get(&juliet, &"A".to_owned()))?,
        None,
        "keys are compared byte by byte"
    );
    assert_eq!(desk.ask(NOTES.count(&juliet))?, 1);

    desk.apply(|batch| batch.put(NOTES, &juliet, &key, &"two".to_owned()))?;
    assert_eq!(desk.ask(NOTES.get(&juliet, &key))?.as_deref(), Some("two"));

    desk.apply(|batch| {
        batch.delete(NOTES, &juliet, &key);
        batch.delete(NOTES, &romeo, &key);
    })?;
    assert_eq!(desk.ask(NOTES.get(&juliet, &key))?, None);
    assert_eq!(desk.ask(COUNTS.get(&juliet, &key))?, Some(1));
    assert_eq!(
        desk.ask(NOTES.get(&room("juliet"), &key))?.as_deref(),
        Some("a room's")
    );
    assert_eq!(desk.ask(NOTES.count(&juliet))?, 0);
    Ok(())
}

/// Ranges take the prefix literally and come in key order; so do clears.
pub fn values_range_in_key_order(bench: &mut impl Bench) -> Outcome {
    const BY_ROOM: Collection<Map<(String, u64), String>> =
        Collection::new("test.by_room", Version(1));
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    desk.apply(|batch| {
        for key in ["b", "a%", "a_", "ab", "a", "é", "B", "", "aé"] {
            batch.put(NOTES, &juliet, &key.to_owned(), &key.to_uppercase());
        }
        for (name, number) in [("x", 10), ("x", 9), ("xy", 1), ("w", 5)] {
            batch.put(BY_ROOM, &juliet, &(name.to_owned(), number), &String::new());
        }
    })?;
    let keys =
        |values: Vec<(String, String)>| values.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(
        keys(desk.ask(NOTES.all(&juliet))?),
        ["", "B", "a", "a%", "a_", "ab", "aé", "b", "é"]
    );
    assert_eq!(
        keys(desk.ask(NOTES.range(&juliet, "a"))?),
        ["a", "a%", "a_", "ab", "aé"]
    );
    assert_eq!(keys(desk.ask(NOTES.range(&juliet, "a%"))?), ["a%"]);
    assert_eq!(keys(desk.ask(NOTES.range(&juliet, "a_"))?), ["a_"]);
    assert_eq!(keys(desk.ask(NOTES.range(&juliet, "zz"))?), [""; 0]);
    let of_x = desk.ask(BY_ROOM.range(&juliet, &prefix_of(&"x".to_owned())))?;
    assert_eq!(
        of_x.into_iter().map(|(key, _)| key.1).collect::<Vec<_>>(),
        [9, 10]
    );

    desk.apply(|batch| batch.clear_prefix(NOTES, &juliet, "a"))?;
    assert_eq!(keys(desk.ask(NOTES.all(&juliet))?), ["", "B", "b", "é"]);
    desk.apply(|batch| batch.clear(NOTES, &juliet))?;
    assert_eq!(desk.ask(NOTES.count(&juliet))?, 0);
    assert_eq!(desk.ask(BY_ROOM.count(&juliet))?, 4);
    Ok(())
}

/// Owners come in owner order, with the values they hold.
pub fn owners_are_found_by_key(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let here = [
        account("juliet"),
        account("romeo"),
        host(),
        room("balcony"),
        Owner::Server,
    ];
    desk.apply(|batch| {
        for (number, owner) in here.iter().enumerate().rev() {
            batch.put(COUNTS, owner, &"key".to_owned(), &(number as u64));
        }
        batch.put(COUNTS, &account("nurse"), &"other".to_owned(), &9);
        batch.put(NOTES, &account("tybalt"), &"key".to_owned(), &String::new());
    })?;
    let expected: Vec<_> = here.iter().cloned().zip(0..).collect();
    assert_eq!(desk.ask(COUNTS.holders(&"key".to_owned()))?, expected);
    let all = [
        account("juliet"),
        account("nurse"),
        account("romeo"),
        host(),
        room("balcony"),
        Owner::Server,
    ];
    assert_eq!(desk.ask(COUNTS.owners())?, all);
    Ok(())
}

/// A value with an expiry stays until an `expire` at or after it; a later put without one takes it away.
pub fn values_expire(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    desk.apply(|batch| {
        batch.put_until(COUNTS, &juliet, &"at 5".to_owned(), &5, 5);
        batch.put_until(COUNTS, &juliet, &"at 6".to_owned(), &6, 6);
        batch.put_until(COUNTS, &juliet, &"kept".to_owned(), &7, 5);
        batch.put(COUNTS, &juliet, &"kept".to_owned(), &8);
        batch.put_until(NOTES, &host(), &"other".to_owned(), &String::new(), 1);
    })?;
    assert_eq!(desk.ask(COUNTS.count(&juliet))?, 3);
    desk.apply(|batch| batch.expire(4))?;
    assert_eq!(
        desk.ask((COUNTS.count(&juliet), NOTES.count(&host())))?,
        (3, 0)
    );
    desk.apply(|batch| batch.expire(5))?;
    let left = desk.ask(COUNTS.all(&juliet))?;
    assert_eq!(left, [("at 6".to_owned(), 6), ("kept".to_owned(), 8)]);
    Ok(())
}
