//! Nested lists as Python's `pprint` shows them.

use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use weftwork::TaskError;

/// Python's exception of this name, as the payload of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueError;

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueError")
    }
}

impl Error for ValueError {}

/// `raise`: a panic that says nothing by itself, because whoever awaits the task sees it.
pub fn raise(error: impl Error + Send + 'static) -> ! {
    resume_unwind(Box::new(error))
}

/// What a group of tasks gave: texts, errors, lists of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// What a failed task has in the place of its value.
    Error(String),
    /// A group.
    List(Vec<Value>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<TaskError> for Value {
    fn from(error: TaskError) -> Self {
        Self::Error(match error {
            TaskError::Cancelled(_) => "CancelledError()".to_owned(),
            TaskError::Panicked(payload) if payload.is::<ValueError>() => "ValueError()".to_owned(),
            TaskError::Panicked(payload) => weftwork::panic_message(&*payload).to_owned(),
        })
    }
}

impl<T: Into<Value>> From<Result<T, TaskError>> for Value {
    fn from(result: Result<T, TaskError>) -> Self {
        result.map_or_else(Self::from, T::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(T::into).collect())
    }
}

impl<A: Into<Value>, B: Into<Value>> From<(A, B)> for Value {
    fn from((a, b): (A, B)) -> Self {
        Self::List(vec![a.into(), b.into()])
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Error(error) => f.write_str(error),
            Self::List(values) => {
                f.write_str("[")?;
                for (n, value) in values.iter().enumerate() {
                    let comma = if n > 0 { ", " } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Prints a value in lines of at most 80 characters, where it can be broken.
pub fn pprint(value: impl Into<Value>) {
    println!("{}", broken(&value.into(), 0, 0));
}

/// The text of a value that begins in column `indent` and has `after` characters behind it.
fn broken(value: &Value, indent: usize, after: usize) -> String {
    let line = value.to_string();
    let Value::List(values) = value else {
        return line;
    };
    if indent + line.chars().count() + after <= 80 {
        return line;
    }
    let last = values.len().saturating_sub(1);
    let items = values.iter().enumerate();
    let items: Vec<_> = items
        .map(|(n, value)| broken(value, indent + 1, if n == last { after + 1 } else { 1 }))
        .collect();
    format!(
        "[{}]",
        items.join(&format!(",\n{}", " ".repeat(indent + 1)))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(length: usize) -> Vec<String> {
        (0..length).map(|n| format!("group {n}")).collect()
    }

    #[test]
    fn what_fits_stays_in_one_line() {
        // 80 characters: six times 9, five times 2, two brackets, and one longer text.
        let mut fits = list(6);
        fits.push("123456789012".to_owned() + "\u{e9}");
        fits.pop();
        let value = Value::from(fits);
        assert_eq!(broken(&value, 0, 0).lines().count(), 1);
        assert_eq!(
            broken(&value, 0, 81 - value.to_string().len())
                .lines()
                .count(),
            6
        );
    }

    #[test]
    fn nested_lists_are_indented() {
        let value = Value::from((list(9), list(1)));
        let text = broken(&value, 0, 0);
        assert!(text.starts_with("[['group 0',\n  'group 1',\n"), "{text}");
        assert!(text.ends_with("  'group 8'],\n ['group 0']]"), "{text}");
    }

    #[test]
    fn errors_stand_in_the_place_of_values() {
        let failed: Result<String, _> = Err(TaskError::Panicked(Box::new(ValueError)));
        let values = vec![Ok("a".to_owned()), failed];
        assert_eq!(Value::from(values).to_string(), "['a', ValueError()]");
    }
}
