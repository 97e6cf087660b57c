//! The words of an operator's command, as a shell would split them.

/// Splits at white space; what stands in double quotes is one word.
#[must_use]
pub fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (part, text) in command.split('"').enumerate() {
        match part % 2 {
            0 => words.extend(text.split_whitespace().map(str::to_owned)),
            _ => words.push(text.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_a_text_together() {
        check("user delete romeo@example", "user|delete|romeo@example");
        check(
            "announce \"Hello, all\" --to online",
            "announce|Hello, all|--to|online",
        );
        check("motd set example \"\"", "motd|set|example|");
    }

    #[track_caller]
    fn check(command: &str, expected: &str) {
        assert_eq!(words(command).join("|"), expected, "{command}");
    }
}
