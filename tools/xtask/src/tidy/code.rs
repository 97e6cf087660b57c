//! The text of a Rust file with the content of its comments and literals blanked out.
//!
//! Not a parser: enough of the lexical rules that a word found in the result is code. Lines keep their numbers.

/// Blanks comments, strings and character literals.
pub(super) fn only_code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' if !is_word(before) => raw_string(rest).unwrap_or(0),
            '\'' => character(rest).unwrap_or(0),
            _ => 0,
        };
        let length = if length == 0 { next.len_utf8() } else { length };
        let (taken, after) = rest.split_at(length);
        if taken.len() == next.len_utf8() {
            code.push(next);
        } else {
            code.extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        before = taken.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    code
}

/// The words and signs of code: identifiers, `::`, and single other characters, each with its line.
pub(super) fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(next) = rest.chars().next() {
            let length = match next {
                ':' if rest.starts_with("::") => 2,
                c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            let (token, after) = rest.split_at(length);
            tokens.push((number + 1, token));
            rest = after.trim_start();
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after.get(hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(1 + hashes + 1 + length)
}

/// A character literal; `None` when the quote begins a lifetime or a label.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        let close = text.get(3..)?.find('\'')?;
        return Some(3 + close + 1);
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        check("a // b\nc", &["a", "c"]);
        check("a /* b /* c */ d */ e", &["a", "e"]);
        check(r#"f("b \" c", g)"#, &["f", "(", ",", "g", ")"]);
        check(r##"f(r#"b " c"#, g)"##, &["f", "(", ",", "g", ")"]);
        check(
            "f('x', '\\'', '\"', g)",
            &["f", "(", ",", ",", ",", "g", ")"],
        );
        check(
            "fn f<'a>(x: &'a str)",
            &[
                "fn", "f", "<", "'", "a", ">", "(", "x", ":", "&", "'", "a", "str", ")",
            ],
        );
        check("crate::ping::Ping", &["crate", "::", "ping", "::", "Ping"]);
    }

    #[test]
    fn lines_keep_their_numbers() {
        let code = only_code("\"a\nb\"\nc");
        assert_eq!(tokens(&code), [(3, "c")]);
    }

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let code = only_code(source);
        let words: Vec<&str> = tokens(&code).into_iter().map(|(_, token)| token).collect();
        assert_eq!(words, expected, "{source}");
    }
}
