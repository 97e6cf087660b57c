//! A [`Page`] as SQL: the filters that are set, and nothing else, so that each form is prepared once.

mod times;

use rusqlite::types::Value;
use store::{Owner, Page};

pub(crate) use self::times::bounded;

use crate::limits::POSITION_BITS;

/// Where the index is to be looked at, for a page with a text.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) matching: String,
    pub(crate) rowids: (i64, i64),
}

/// A statement and its values, in order.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    /// Selects position and time of the first entry from a position on.
    pub(crate) fn first_from(log: &'static str, owner: &Owner, position: i64) -> Self {
        let page = Page::default();
        let mut this = Self {
            sql: format!("SELECT e.id, e.at FROM {} ", entries(&page)),
            values: vec![],
        };
        this.filter(log, owner, &page, None);
        this.sql.push_str(" AND e.id >= ");
        this.value(Value::Integer(position));
        this.sql.push_str(" ORDER BY e.id LIMIT 1");
        this
    }

    /// Counts what the filters leave, and what it holds.
    pub(crate) fn size(
        log: &'static str,
        owner: &Owner,
        page: &Page,
        words: Option<Words>,
    ) -> Self {
        let sql = format!(
            "SELECT count(*), ifnull(sum(octet_length(e.xml) + ifnull(octet_length(b.xml), 0)), 0) FROM {} \
             LEFT JOIN body b ON b.id = e.body ",
            entries(page)
        );
        let mut this = Self {
            sql,
            values: vec![],
        };
        this.filter(log, owner, page, words);
        this
    }

    /// Counts what the filters leave.
    pub(crate) fn count(
        log: &'static str,
        owner: &Owner,
        page: &Page,
        words: Option<Words>,
    ) -> Self {
        let mut this = Self {
            sql: format!("SELECT count(*) FROM {} ", entries(page)),
            values: vec![],
        };
        this.filter(log, owner, page, words);
        this
    }

    /// Selects one entry more than the page holds.
    pub(crate) fn page(
        log: &'static str,
        owner: &Owner,
        page: &Page,
        words: Option<Words>,
    ) -> Self {
        let (text, join) = if page.without_bodies {
            ("NULL", "")
        } else {
            ("b.xml", "LEFT JOIN body b ON b.id = e.body ")
        };
        let sql = format!(
            "SELECT e.id, e.at, e.peer, e.sender, e.message_id, e.class, e.due, e.tombstone, e.body, e.version, e.data, \
             e.xml, {text} FROM {} {join}",
            entries(page)
        );
        let mut this = Self {
            sql,
            values: vec![],
        };
        this.filter(log, owner, page, words);
        this.sql.push_str(match (&page.text, page.backwards) {
            (None, false) => " ORDER BY e.id LIMIT ",
            (None, true) => " ORDER BY e.id DESC LIMIT ",
            (Some(_), false) => " ORDER BY w.rowid LIMIT ",
            (Some(_), true) => " ORDER BY w.rowid DESC LIMIT ",
        });
        this.value(Value::Integer(
            i64::try_from(page.limit() + 1).unwrap_or(i64::MAX),
        ));
        this
    }

    fn filter(&mut self, log: &'static str, owner: &Owner, page: &Page, words: Option<Words>) {
        self.sql.push_str("WHERE ");
        if let Some(words) = words {
            self.sql.push_str("words MATCH ");
            self.value(Value::Text(words.matching));
            self.sql.push_str(" AND w.rowid >= ");
            self.value(Value::Integer(words.rowids.0));
            self.sql.push_str(" AND w.rowid <= ");
            self.value(Value::Integer(words.rowids.1));
            self.sql.push_str(" AND e.id = w.rowid & ");
            self.value(Value::Integer((1 << POSITION_BITS) - 1));
            self.sql.push_str(" AND ");
        }
        self.sql
            .push_str("e.collection = (SELECT id FROM collection WHERE name = ");
        self.value(Value::Text(log.to_owned()));
        self.sql
            .push_str(") AND e.owner = (SELECT id FROM owner WHERE name = ");
        self.value(Value::Text(owner.to_string()));
        self.sql.push(')');
        let number = |id: u64| Value::Integer(i64::try_from(id).unwrap_or(i64::MAX));
        let text = |text: &String| Value::Text(text.clone());
        let filters = [
            ("e.id = ", page.id.map(|id| number(id.0))),
            ("e.id > ", page.after.map(|id| number(id.0))),
            ("e.id < ", page.before.map(|id| number(id.0))),
            ("e.at >= ", page.start.map(Value::Integer)),
            ("e.at <= ", page.end.map(Value::Integer)),
            ("e.peer = ", page.peer.as_ref().map(text)),
            ("e.sender = ", page.sender.as_ref().map(text)),
            ("e.message_id = ", page.message_id.as_ref().map(text)),
            (
                "e.class = ",
                page.class.map(|class| Value::Integer(class.into())),
            ),
        ];
        for (condition, value) in filters {
            if let Some(value) = value {
                self.sql.push_str(" AND ");
                self.sql.push_str(condition);
                self.value(value);
            }
        }
        if page.due {
            self.sql.push_str(" AND e.due = 1");
        }
        if is_by_peer(page) {
            // What the index leaves out, said so that it may be used.
            self.sql.push_str(" AND e.peer <> ''");
        }
    }

    fn value(&mut self, value: Value) {
        self.sql.push('?');
        self.values.push(value);
    }
}

/// Whether the index of peers leads to the entries: it has no entries without one.
fn is_by_peer(page: &Page) -> bool {
    page.text.is_none()
        && page.id.is_none()
        && page.peer.as_ref().is_some_and(|peer| !peer.is_empty())
}

/// What leads to the entries: without statistics SQLite would have to guess.
fn entries(page: &Page) -> &'static str {
    if page.text.is_some() {
        "words w CROSS JOIN log_entry e INDEXED BY log_entry_id"
    } else if page.due {
        "log_entry e INDEXED BY log_entry_due"
    } else if is_by_peer(page) {
        "log_entry e INDEXED BY log_entry_peer"
    } else {
        "log_entry e INDEXED BY log_entry_id"
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OptionalExtension, StatementStatus, params_from_iter};
    use store::EntryId;

    use super::*;
    use crate::schema;

    /// Messages in the log, with so many peers in turn.
    const MESSAGES: u64 = 100_000;
    const PEERS: u64 = 40;

    #[test]
    fn a_page_costs_the_same_wherever_it_lies() {
        let log = log();
        let after = |id| Page {
            after: Some(EntryId(id)),
            ..page()
        };
        same_cost(
            &log,
            &[
                ("first", page()),
                ("last", backwards(page())),
                ("in the middle", after(MESSAGES / 2)),
                ("in the middle, backwards", before(MESSAGES / 2)),
                ("at the end", after(MESSAGES - 51)),
            ],
        );
    }

    #[test]
    fn a_page_of_one_peer_costs_the_same_wherever_it_lies() {
        let log = log();
        let with = |page: Page| Page {
            peer: Some("peer7@example".to_owned()),
            ..page
        };
        let after = Page {
            after: Some(EntryId(MESSAGES / 2)),
            ..page()
        };
        same_cost(
            &log,
            &[
                ("first", with(page())),
                ("last", with(backwards(page()))),
                ("in the middle", with(after)),
                ("in the middle, backwards", with(before(MESSAGES / 2))),
            ],
        );
    }

    #[test]
    fn a_page_of_a_time_range_costs_the_same_wherever_it_lies() {
        let log = log();
        same_cost(&log, &time_ranges(page()));
    }

    #[test]
    fn a_page_of_one_peer_in_a_time_range_costs_the_same_wherever_it_lies() {
        let log = log();
        let with = Page {
            peer: Some("peer7@example".to_owned()),
            ..page()
        };
        same_cost(&log, &time_ranges(with));
    }

    /// The log's messages, in thirds, at both ends of each.
    fn time_ranges(page: Page) -> Vec<(&'static str, Page)> {
        let range = |first: u64, last: u64, backwards| Page {
            start: Some(at(MESSAGES * first / 3)),
            end: Some(at(MESSAGES * last / 3)),
            backwards,
            ..page.clone()
        };
        let open = |start: Option<u64>, end: Option<u64>, backwards| Page {
            start: start.map(at),
            end: end.map(at),
            backwards,
            ..page.clone()
        };
        vec![
            ("first third", range(0, 1, false)),
            ("first third, backwards", range(0, 1, true)),
            ("second third", range(1, 2, false)),
            ("second third, backwards", range(1, 2, true)),
            ("last third", range(2, 3, false)),
            ("last third, backwards", range(2, 3, true)),
            ("from the end on", open(Some(MESSAGES - 5_000), None, false)),
            ("up to the beginning", open(None, Some(5_000), true)),
        ]
    }

    /// When a message came: one every ten minutes.
    fn at(id: u64) -> i64 {
        id.cast_signed() * 600_000_000
    }

    /// A page as an archive asks for it, with a line drawn behind what is there.
    fn page() -> Page {
        Page {
            before: Some(EntryId(MESSAGES + 1)),
            class: Some(2),
            entries_max: 50,
            ..Page::default()
        }
    }

    fn backwards(page: Page) -> Page {
        Page {
            backwards: true,
            ..page
        }
    }

    fn before(id: u64) -> Page {
        Page {
            before: Some(EntryId(id)),
            ..backwards(page())
        }
    }

    fn owner() -> Owner {
        Owner::parse("account:romeo@example").expect("an account")
    }

    fn log() -> Connection {
        let mut connection = Connection::open_in_memory().expect("SQLite opens in memory");
        schema::migrate(&mut connection).expect("the schema");
        let fill = format!(
            "INSERT INTO collection VALUES (1, 'mailbox.log', 'log', 1); \
             INSERT INTO owner VALUES (1, '{}'), (2, 'account:juliet@example'); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MESSAGES}) \
             INSERT INTO log_entry (collection, owner, id, at, peer, sender, message_id, class, due, tombstone, body, \
                                    version, data, xml) \
             SELECT 1, 1, i, i * 600000000, 'peer' || (i % {PEERS}) || '@example', '', '', 2, 0, 0, NULL, 1, '{{}}', '<message/>' \
             FROM n",
            owner()
        );
        connection.execute_batch(&fill).expect("plain SQL");
        connection
    }

    /// The pages are full, and the dearest takes at most twice the steps of the cheapest.
    #[track_caller]
    fn same_cost(log: &Connection, pages: &[(&str, Page)]) {
        let costs: Vec<(&str, i32)> = pages
            .iter()
            .map(|(name, page)| (*name, steps(log, page)))
            .collect();
        let least = costs.iter().map(|(_, steps)| *steps).min().expect("pages");
        for (name, steps) in &costs {
            assert!(*steps <= 2 * least, "{name}: {costs:?}");
        }
    }

    /// Steps of SQLite's machine: what a page costs, however fast the computer is.
    fn steps(log: &Connection, page: &Page) -> i32 {
        let mut looking = 0;
        let page = &bounded(page, |position| {
            let statement = Statement::first_from("mailbox.log", &owner(), position);
            let mut select = log.prepare(&statement.sql)?;
            let first = select.query_row(params_from_iter(statement.values), |row| {
                Ok((row.get(0)?, row.get(1)?))
            });
            looking += select.get_status(StatementStatus::VmStep);
            first.optional()
        })
        .expect("an index of positions");
        let statement = Statement::page("mailbox.log", &owner(), page, None);
        let mut select = log.prepare(&statement.sql).expect("the page's SQL");
        let mut rows = select
            .query(params_from_iter(statement.values))
            .expect("the page's values");
        let mut found = 0;
        while rows.next().expect("a row").is_some() {
            found += 1;
        }
        drop(rows);
        assert!(found >= 50, "{page:?}");
        looking + select.get_status(StatementStatus::VmStep)
    }
}
