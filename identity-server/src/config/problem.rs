//! What is wrong with a configuration, all of it at once.

use std::fmt;

use super::table;

/// One thing to put right, with the settings it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    keys: Vec<String>,
    text: String,
}

impl Problem {
    /// A problem of one setting, named `section.name`.
    pub(crate) fn of(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { keys: vec![key.into()], text: text.into() }
    }

    /// A problem that several settings have together.
    pub(crate) fn between(keys: &[&str], text: impl Into<String>) -> Self {
        Self { keys: keys.iter().map(|key| String::from(*key)).collect(), text: text.into() }
    }

    /// A problem of the file or the environment as a whole.
    pub(crate) fn of_source(text: impl Into<String>) -> Self {
        Self { keys: Vec::new(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.keys.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(key)?;
            if let Some(setting) = table::find(key)
                && let Some(variable) = setting.variable()
            {
                write!(f, " ({variable})")?;
            }
        }
        if !self.keys.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.text)
    }
}

/// The problems found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds those of another list.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether none of these settings has a problem yet, so that a check over them says something new.
    pub(crate) fn spare(&self, keys: &[&str]) -> bool {
        !self.0.iter().any(|problem| problem.keys.iter().any(|key| keys.contains(&key.as_str())))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "- {problem}")?;
        }
        Ok(())
    }
}
