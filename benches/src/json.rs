//! Just enough JSON to write a report.

use std::fmt::{self, Display, Formatter, Write};

/// A value; `f64`s that JSON cannot say become `null`.
pub(crate) enum Value {
    Null,
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn optional(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }

    pub(crate) fn object<K: Into<String>>(fields: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Object(fields.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) if number.is_finite() => write!(f, "{number}"),
            Self::Null | Self::Number(_) => f.write_str("null"),
            Self::Text(text) => quoted(f, text),
            Self::List(values) => {
                f.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_char(']')
            }
            Self::Object(fields) => {
                f.write_char('{')?;
                for (index, (key, value)) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { "\n" } else { ",\n" })?;
                    quoted(f, key)?;
                    write!(f, ": {value}")?;
                }
                f.write_str("\n}")
            }
        }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_cannot_say_is_null_or_escaped() {
        let value = Value::List(vec![Value::Number(f64::NAN), Value::text("a\"\n"), Value::Number(1.5)]);
        assert_eq!(value.to_string(), r#"[null, "a\"\u000a", 1.5]"#);
    }
}
