//! A frame of the journal: what the batches of one transaction do, as bytes with a number and a checksum.
//!
//! ```text
//! length of the records  u32  little-endian, as all numbers here
//! checksum               u32  CRC-32 of everything behind it
//! number                 u64  one more than that of the frame before
//! store                  u64  which store the frame is of
//! records                     postcard, one after the other
//! ```

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use store::{
    Batch, BodyId, Declared, Entry, EntryId, Op, Owner, Shape, StoreError, Stored, Trim, Version,
};

/// The bytes before the records.
const HEAD_BYTES: usize = 24;

/// Where what the checksum covers begins.
const SUMMED: usize = 8;

/// One operation. Which are here is what a journal can hold: see [`is_kept`].
#[derive(Serialize, Deserialize)]
enum Record<'a> {
    Put {
        map: Name<'a>,
        owner: String,
        key: &'a str,
        value: Value<'a>,
        expires: Option<i64>,
    },
    Delete {
        map: Name<'a>,
        owner: String,
        key: &'a str,
    },
    Append {
        log: Name<'a>,
        owner: String,
        id: u64,
        at: i64,
        peer: &'a str,
        sender: &'a str,
        message_id: &'a str,
        class: u8,
        due: bool,
        body: Option<u64>,
        xml: &'a str,
        data: Value<'a>,
    },
    Trim {
        log: Name<'a>,
        owner: String,
        first: u64,
        last: u64,
    },
    Done {
        log: Name<'a>,
        owner: String,
        first: u64,
        last: u64,
    },
    PutBody {
        id: u64,
        xml: &'a str,
    },
}

/// A collection's name, and its version when this was written.
#[derive(Serialize, Deserialize)]
struct Name<'a>(&'a str, u16);

/// JSON, and the version it was written with.
#[derive(Serialize, Deserialize)]
struct Value<'a>(u16, &'a str);

/// Whether an operation can stand in the journal: one whose effect needs no look at what the tables hold.
pub(crate) fn is_kept(op: &Op) -> bool {
    match op {
        Op::Put { .. }
        | Op::Delete { .. }
        | Op::Append { .. }
        | Op::Done { .. }
        | Op::PutBody { .. } => true,
        Op::Trim { which, .. } => range(*which).is_some(),
        _ => false,
    }
}

/// The positions from the first to the last that are removed, where that says which entries are.
pub(crate) fn range(which: Trim) -> Option<(EntryId, EntryId)> {
    match which {
        Trim::One(id) => Some((id, id)),
        Trim::Range(first, last) => Some((first, last)),
        Trim::Through(last) => Some((EntryId(0), last)),
        Trim::Before(_) | Trim::All => None,
    }
}

/// Writes a frame behind what `out` holds. All operations must be [kept](is_kept).
pub(crate) fn write(
    out: &mut Vec<u8>,
    number: u64,
    store: u64,
    batches: &[Arc<Batch>],
) -> Result<(), StoreError> {
    let begin = out.len();
    out.extend_from_slice(&[0; SUMMED]);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&store.to_le_bytes());
    for op in batches.iter().flat_map(|batch| batch.ops()) {
        let written = match record(op) {
            Some(record) => postcard::to_extend(&record, std::mem::take(out)).ok(),
            None => None,
        };
        *out = written.ok_or_else(|| StoreError::Damaged {
            detail: format!("the journal has no record for {op:?}"),
        })?;
    }
    let frame = out.get_mut(begin..).unwrap_or_default();
    let records = u32::try_from(frame.len().saturating_sub(HEAD_BYTES));
    let sum = crc32fast::hash(frame.get(SUMMED..).unwrap_or_default());
    let (Ok(records), Some(head)) = (records, frame.first_chunk_mut::<SUMMED>()) else {
        return Err(StoreError::Overload);
    };
    *head = (u64::from(sum) << 32 | u64::from(records)).to_le_bytes();
    Ok(())
}

/// A frame that was read.
pub(crate) struct Frame {
    pub(crate) number: u64,
    pub(crate) store: u64,
    pub(crate) ops: Vec<Op>,
}

/// Takes the first frame off `bytes`; `None` when they do not begin with a whole one.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<Frame> {
    let head = u64::from_le_bytes(*bytes.first_chunk()?);
    let (records, sum) = (
        usize::try_from(head & u64::from(u32::MAX)).ok()?,
        head >> 32,
    );
    let summed = bytes.get(SUMMED..HEAD_BYTES.checked_add(records)?)?;
    if u64::from(crc32fast::hash(summed)) != sum {
        return None;
    }
    let (number, rest) = summed.split_first_chunk()?;
    let (store, mut rest) = rest.split_first_chunk()?;
    let mut ops = Vec::new();
    while !rest.is_empty() {
        let (record, behind) = postcard::take_from_bytes::<Record<'_>>(rest).ok()?;
        ops.push(op(record)?);
        rest = behind;
    }
    *bytes = bytes.get(HEAD_BYTES + records..)?;
    Some(Frame {
        number: u64::from_le_bytes(*number),
        store: u64::from_le_bytes(*store),
        ops,
    })
}

fn record(op: &Op) -> Option<Record<'_>> {
    let record = match op {
        Op::Put {
            collection,
            owner,
            key,
            value,
            expires,
        } => Record::Put {
            map: name(collection),
            owner: owner.to_string(),
            key,
            value: Value(value.version, &value.json),
            expires: *expires,
        },
        Op::Delete {
            collection,
            owner,
            key,
        } => Record::Delete {
            map: name(collection),
            owner: owner.to_string(),
            key,
        },
        Op::Append {
            collection,
            owner,
            entry,
        } => Record::Append {
            log: name(collection),
            owner: owner.to_string(),
            id: entry.id.0,
            at: entry.at,
            peer: &entry.peer,
            sender: &entry.sender,
            message_id: &entry.message_id,
            class: entry.class,
            due: entry.due,
            body: entry.body.map(|body| body.0),
            xml: &entry.xml,
            data: Value(entry.data.version, &entry.data.json),
        },
        Op::Trim {
            collection,
            owner,
            which,
        } => {
            let (first, last) = range(*which)?;
            Record::Trim {
                log: name(collection),
                owner: owner.to_string(),
                first: first.0,
                last: last.0,
            }
        }
        Op::Done {
            collection,
            owner,
            first,
            last,
        } => Record::Done {
            log: name(collection),
            owner: owner.to_string(),
            first: first.0,
            last: last.0,
        },
        Op::PutBody { id, xml } => Record::PutBody { id: id.0, xml },
        _ => return None,
    };
    Some(record)
}

fn op(record: Record<'_>) -> Option<Op> {
    let op = match record {
        Record::Put {
            map,
            owner,
            key,
            value,
            expires,
        } => Op::Put {
            collection: declared(&map, Shape::Map),
            owner: Owner::parse(&owner)?,
            key: key.into(),
            value: stored(&value),
            expires,
        },
        Record::Delete { map, owner, key } => Op::Delete {
            collection: declared(&map, Shape::Map),
            owner: Owner::parse(&owner)?,
            key: key.into(),
        },
        Record::Append {
            log,
            owner,
            id,
            at,
            peer,
            sender,
            message_id,
            class,
            due,
            body,
            xml,
            data,
        } => Op::Append {
            collection: declared(&log, Shape::Log),
            owner: Owner::parse(&owner)?,
            entry: Box::new(Entry {
                id: EntryId(id),
                at,
                peer: peer.into(),
                sender: sender.into(),
                message_id: message_id.into(),
                class,
                due,
                body: body.map(BodyId),
                xml: xml.into(),
                data: stored(&data),
            }),
        },
        Record::Trim {
            log,
            owner,
            first,
            last,
        } => Op::Trim {
            collection: declared(&log, Shape::Log),
            owner: Owner::parse(&owner)?,
            which: Trim::Range(EntryId(first), EntryId(last)),
        },
        Record::Done {
            log,
            owner,
            first,
            last,
        } => Op::Done {
            collection: declared(&log, Shape::Log),
            owner: Owner::parse(&owner)?,
            first: EntryId(first),
            last: EntryId(last),
        },
        Record::PutBody { id, xml } => Op::PutBody {
            id: BodyId(id),
            xml: xml.into(),
        },
    };
    Some(op)
}

fn name(collection: &Declared) -> Name<'_> {
    Name(collection.name, collection.version.0)
}

fn stored(value: &Value<'_>) -> Stored {
    Stored {
        version: value.0,
        json: value.1.into(),
    }
}

fn declared(name: &Name<'_>, shape: Shape) -> Declared {
    Declared::named(known_name(name.0), shape, Version(name.1))
}

/// The name of a collection for as long as the process lives. There are as many as features have declared.
fn known_name(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match names.get(name) {
        Some(known) => known,
        None => {
            let known: &'static str = Box::leak(name.into());
            names.insert(known);
            known
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_as_it_was_written() {
        let bytes = frames();
        let mut rest = &*bytes;
        let first = read(&mut rest).expect("a frame");
        let second = read(&mut rest).expect("another");
        assert_eq!((first.number, first.store, second.number), (7, 5, 8));
        assert_eq!(format!("{:?}", first.ops), format!("{:?}", batch().ops()));
        assert!(rest.is_empty() && read(&mut rest).is_none());
    }

    #[test]
    fn what_is_cut_or_changed_is_no_frame() {
        let bytes = frames();
        let whole = bytes.len() / 2;
        for cut in 0..whole {
            assert!(
                read(&mut bytes.get(..cut).expect("shorter")).is_none(),
                "{cut}"
            );
        }
        for at in 0..whole {
            let mut changed = bytes.clone();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1;
            }
            assert!(read(&mut &*changed).is_none(), "byte {at}");
        }
    }

    fn frames() -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, 7, 5, &[batch()]).expect("it is written");
        write(&mut bytes, 8, 5, &[batch()]).expect("it is written");
        bytes
    }

    fn batch() -> Arc<Batch> {
        const VALUES: store::Collection<store::Map<String, u32>> =
            store::Collection::new("test.values", Version(3));
        const LOG: store::Collection<store::Log<()>> =
            store::Collection::new("test.log", Version(2));
        let mut batch = Batch::new();
        let owner = Owner::parse("account:juliet@example.org").expect("an owner");
        batch.put_until(VALUES, &owner, &"é\0".to_owned(), &1, -5);
        batch.delete(VALUES, &Owner::Server, &String::new());
        batch.put_body(BodyId(9), "<body/>");
        let entry = Entry {
            body: Some(BodyId(9)),
            due: true,
            class: 2,
            peer: "romeo@example.net".into(),
            ..Entry::new(EntryId(store::limits::ID_MAX), 12, ())
        };
        batch.append(LOG, &owner, entry);
        batch.trim(LOG, &owner, Trim::Range(EntryId(1), EntryId(2)));
        batch.done(LOG, &owner, EntryId(0)..=EntryId(u64::MAX));
        Arc::new(batch)
    }
}
