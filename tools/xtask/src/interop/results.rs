//! What a run of Smack's suite says about its tests.

/// The results of one run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Tests that passed, as the suite calls them: `Class.method (Normal)`.
    pub(crate) passed: Vec<String>,
    /// Tests that failed, with the first line of the reason.
    pub(crate) failed: Vec<Failure>,
    /// What found out by itself that it can't run, a class or a test, with its reason.
    pub(crate) impossible: Vec<Failure>,
    /// Whether the suite came to its end.
    pub(crate) is_complete: bool,
}

/// A test or class, and why it did not pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    /// As the suite calls it.
    pub(crate) name: String,
    /// The first line of the reason.
    pub(crate) why: String,
}

impl Failure {
    fn new(name: &str, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            why: why.to_owned(),
        }
    }
}

impl Results {
    /// Reads the log of a run, a line per message: `LEVEL: text`.
    pub(crate) fn parse(log: &str) -> Self {
        let mut results = Self::default();
        for line in log.lines() {
            if let Some(text) = line.strip_prefix("INFO: ") {
                results.note(text);
            } else if let Some((name, why)) = line
                .strip_prefix("SEVERE: ")
                .and_then(|text| text.split_once(" failed: "))
            {
                results.failed.push(Failure::new(name, why));
            }
        }
        results
    }

    fn note(&mut self, text: &str) {
        if let Some(name) = text.strip_suffix(" Success") {
            self.passed.push(name.to_owned());
        } else if let Some((name, why)) = text
            .strip_prefix("Could not run ")
            .and_then(|text| text.split_once(" because: "))
        {
            self.impossible.push(Failure::new(name, why));
        } else if text.starts_with("SmackIntegrationTestFramework[") && text.contains("finished: ")
        {
            self.is_complete = true;
        }
    }
}

/// A test's class and method, without the kind of connection; of a class, its name without the package.
pub(crate) fn short(name: &str) -> &str {
    match name.split_once(" (") {
        Some((test, _)) => test,
        None => name.rsplit('.').next().unwrap_or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let results = Results::parse(
            "INFO: PingIntegrationTest.pingServer (Normal) Start\n\
             INFO: PingIntegrationTest.pingServer (Normal) Success\n\
             SEVERE: MoodTest.test (Normal) Failed\n\
             \tat java.base/java.lang.reflect\n\
             INFO: Could not run org.x.MamTest because: no archive\n\
             INFO: SmackIntegrationTestFramework[a6hyx] finished: 1/2 [1 failed]\n\
             SEVERE: MoodTest.test (Normal) failed: an error\n",
        );
        assert_eq!(results.passed, ["PingIntegrationTest.pingServer (Normal)"]);
        assert_eq!(
            results.failed,
            [Failure::new("MoodTest.test (Normal)", "an error")]
        );
        assert_eq!(
            results.impossible,
            [Failure::new("org.x.MamTest", "no archive")]
        );
        assert!(results.is_complete);
    }

    #[test]
    fn a_run_that_breaks_off_is_not_complete() {
        let log = "INFO: A.b (Normal) Success\nSEVERE: Unexpected abort because runTests() threw throwable\n";
        assert!(!Results::parse(log).is_complete);
    }

    #[test]
    fn names_are_shortened() {
        assert_eq!(short("A.b (LowLevel, tcp)"), "A.b");
        assert_eq!(short("org.x.A"), "A");
    }
}
