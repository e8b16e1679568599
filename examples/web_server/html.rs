//! Responses, and text from outside made harmless inside them.

use std::fmt;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};

pub(crate) type Page = Response<Full<Bytes>>;

/// A whole document or file.
pub(crate) fn file(mime: &str, body: impl Into<Bytes>) -> Page {
    respond(StatusCode::OK, mime, body)
}

/// A page with a heading and one paragraph of plain text.
pub(crate) fn report(title: &str, text: String) -> Page {
    document(StatusCode::OK, title, &text)
}

/// The same, headed by what went wrong: "404 Not Found".
pub(crate) fn failure(status: StatusCode, text: &str) -> Page {
    document(status, &status.to_string(), text)
}

fn document(status: StatusCode, title: &str, text: &str) -> Page {
    let text = Escaped(text);
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"stylesheet\" href=\"/style.css\">\n\
         <main>\n<h1>{title}</h1>\n<p>{text}</p>\n<p><a href=\"/\">Back to the first page</a></p>\n</main>\n</html>\n"
    );
    respond(status, "text/html", body)
}

fn respond(status: StatusCode, mime: &str, body: impl Into<Bytes>) -> Page {
    let response = Response::builder().status(status).header(CONTENT_TYPE, format!("{mime}; charset=utf-8"));
    response.body(Full::new(body.into())).expect("status and header are well-formed")
}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => write!(f, "{other}"),
        })
    }
}

/// RFC 3986, section 2.1: `%41` is `A`. What is then not UTF-8 is replaced, not refused.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = after;
                hex_value(*high) << 4 | hex_value(*low)
            }
            _ => *first,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_value(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}
