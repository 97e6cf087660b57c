//! A [`Page`] as SQL: the filters that are set, and nothing else, so that each form is prepared once.

use rusqlite::types::Value;
use store::{Owner, Page};

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
