//! What a word is, and what a search for words asks. Back ends index what [`words`] gives and nothing else, so that they
//! agree about every script.
//!
//! A text is decomposed ([NFKD]), small, and without the marks that people leave out when they search: accents, Hebrew
//! points, Arabic vowels. Letters and digits in a row are a word, with the marks that are part of a script's spelling.
//! Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) would give a sentence as one
//! word; there each character is one, and a search for several is a phrase, which finds them wherever they stand side
//! by side. A symbol such as an emoji is a word too.
//!
//! [NFKD]: https://www.unicode.org/reports/tr15/

use std::fmt;

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

use crate::limits::{NEEDLE_TERMS_MAX, PHRASE_WORDS_MAX, TEXT_BYTES_MAX, WORD_CHARS_MAX};

/// Grows with each change of what [`words`] gives: an index made with another is made anew.
pub(crate) const WORDS_VERSION: u16 = 1;

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Words::default();
    let nfkd = DecomposingNormalizerBorrowed::new_nfkd();
    let small = nfkd
        .normalize_iter(upto(text, TEXT_BYTES_MAX).chars())
        .flat_map(char::to_lowercase);
    for char in small {
        words.take(char);
    }
    words.end();
    words.done
}

/// What a search asks for: all its terms, in any order.
///
/// Words stand for themselves, what stands in double quotes is a phrase, and a word that ends in `*` stands for every
/// word that begins so.
#[derive(Clone, Eq, PartialEq)]
pub struct Needle {
    terms: Vec<Term>,
}

/// Words that stand side by side.
#[derive(Clone, Eq, PartialEq)]
pub struct Term {
    /// The words, at least one.
    pub words: Vec<String>,
    /// Whether the last one may go on.
    pub is_prefix: bool,
}

/// What is searched for is as private as what is found.
impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needle({} terms)", self.terms.len())
    }
}

/// What is searched for is as private as what is found.
impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Term({} words)", self.words.len())
    }
}

impl Needle {
    /// Reads what somebody typed. With no word in it, it finds nothing.
    pub fn parse(text: &str) -> Self {
        let mut terms = Vec::new();
        for (at, part) in text.split('"').enumerate() {
            match at % 2 {
                1 => terms.extend(Term::parse(part)),
                _ => terms.extend(part.split_whitespace().filter_map(Term::parse)),
            }
        }
        terms.truncate(NEEDLE_TERMS_MAX);
        Self { terms }
    }

    /// What must be there.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// How often each term stands in a text of these words; `None` when one does not.
    pub fn count(&self, words: &[String]) -> Option<Vec<usize>> {
        if self.terms.is_empty() {
            return None;
        }
        let counts = self.terms.iter().map(|term| term.count(words));
        counts.map(|count| (count > 0).then_some(count)).collect()
    }
}

impl Term {
    fn parse(text: &str) -> Option<Self> {
        let mut words = words(text);
        words.truncate(PHRASE_WORDS_MAX);
        (!words.is_empty()).then_some(Self {
            words,
            is_prefix: text.ends_with('*'),
        })
    }

    fn count(&self, words: &[String]) -> usize {
        let Some((last, first)) = self.words.split_last() else {
            return 0;
        };
        let stands = |window: &&[String]| {
            window.split_last().is_some_and(|(end, start)| {
                start == first && (end == last || self.is_prefix && end.starts_with(last.as_str()))
            })
        };
        words.windows(self.words.len()).filter(stands).count()
    }
}

/// Words being read.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    word: String,
    chars: usize,
    /// Whether the word is a character that is a word by itself.
    is_single: bool,
}

impl Words {
    fn take(&mut self, char: char) {
        let category = CodePointMapData::<GeneralCategory>::new().get(char);
        if GeneralCategoryGroup::Mark.contains(category) {
            if !is_left_out(char) && !self.word.is_empty() {
                self.push(char);
            }
        } else if is_single(char, category) {
            self.end();
            self.push(char);
            self.is_single = true;
        } else if GeneralCategoryGroup::Letter.contains(category)
            || GeneralCategoryGroup::Number.contains(category)
        {
            if self.is_single {
                self.end();
            }
            // The sigma that ends a Greek word is the same letter.
            self.push(if char == '\u{3c2}' { '\u{3c3}' } else { char });
        } else if category != GeneralCategory::Format {
            self.end();
        }
    }

    fn push(&mut self, char: char) {
        if self.chars < WORD_CHARS_MAX {
            self.word.push(char);
            self.chars += 1;
        }
    }

    fn end(&mut self) {
        if !self.word.is_empty() {
            self.done.push(std::mem::take(&mut self.word));
        }
        self.chars = 0;
        self.is_single = false;
    }
}

/// Marks that people leave out: of Latin, Greek and Cyrillic letters, Hebrew points, Arabic vowels, how a symbol is
/// shown.
fn is_left_out(mark: char) -> bool {
    matches!(mark,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe2f}')
}

/// Whether a character is a word by itself: symbols, and letters of scripts without spaces.
fn is_single(char: char, category: GeneralCategory) -> bool {
    category == GeneralCategory::OtherSymbol
        || matches!(char,
            '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{2fdf}'
            | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a9e0}'..='\u{a9ff}'
            | '\u{aa60}'..='\u{aa7f}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{323af}')
            && GeneralCategoryGroup::Letter.contains(category)
}

/// As many whole characters as fit into so many bytes.
fn upto(text: &str, bytes_max: usize) -> &str {
    let end = text.floor_char_boundary(bytes_max);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_words() {
        for (text, expected) in [
            ("Wherefore art thou, Romeo?", "wherefore art thou romeo"),
            ("don't e-mail me@example.org", "don t e mail me example org"),
            ("Café ÉCOLE naïve Ångström", "cafe ecole naive angstrom"),
            ("Σίσυφος ΣΊΣΥΦΟΣ", "σισυφοσ σισυφοσ"),
            ("Ёлка й", "елка и"),
            ("ﬁne № 5 ½", "fine no 5 1 2"),
            ("שָׁלוֹם مَرْحَبًا", "שלום مرحبا"),
            ("क्या हिन्दी", "क्या हिन्दी"),
            ("你好，世界 abc", "你 好 世 界 abc"),
            ("東京タワーへ", "東 京 タ ワ ー へ"),
            ("abc漢def", "abc 漢 def"),
            ("สวัสดี", "ส วั ส ดี"),
            ("party 🎉🎉 ok", "party 🎉 🎉 ok"),
            ("soft\u{ad}hyphen", "softhyphen"),
            ("", ""),
            ("... !!", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
        let hangul = words("학교에");
        assert_eq!(hangul.len(), 1);
        assert!(hangul.concat().starts_with(&words("학교").concat()));
        let dakuten = words("が");
        assert_eq!(dakuten.len(), 1);
    }

    #[test]
    fn needles_stand_in_texts() {
        for (needle, text, counts) in [
            ("romeo", "O Romeo, Romeo", Some(vec![2])),
            ("romeo art", "wherefore art thou Romeo", Some(vec![1, 1])),
            ("\"art thou\"", "wherefore art thou Romeo", Some(vec![1])),
            ("\"thou art\"", "wherefore art thou Romeo", None),
            ("where*", "Wherefore, where", Some(vec![2])),
            ("where", "wherefore", None),
            ("世界", "你好世界", Some(vec![1])),
            ("界世", "你好世界", None),
            ("don't", "I don't", Some(vec![1])),
            ("\"art tho*\"", "wherefore art thou", Some(vec![1])),
            ("\"open", "open", Some(vec![1])),
            ("...", "...", None),
            ("", "anything", None),
        ] {
            assert_eq!(
                Needle::parse(needle).count(&words(text)),
                counts,
                "{needle} in {text}"
            );
        }
    }

    #[test]
    fn long_things_are_cut() {
        let long = "x".repeat(WORD_CHARS_MAX + 5);
        assert_eq!(words(&long), ["x".repeat(WORD_CHARS_MAX)]);
        let many = "a ".repeat(TEXT_BYTES_MAX);
        assert_eq!(words(&many).len(), TEXT_BYTES_MAX / 2);
        assert_eq!(Needle::parse(&many).terms().len(), NEEDLE_TERMS_MAX);
        let phrase = format!("\"{many}\"");
        let phrase = Needle::parse(&phrase);
        assert_eq!(phrase.terms()[0].words.len(), PHRASE_WORDS_MAX);
        assert_eq!(
            format!("{phrase:?} {:?}", phrase.terms()),
            "Needle(1 terms) [Term(32 words)]"
        );
    }
}
