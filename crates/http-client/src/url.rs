//! URLs: what programs and servers write, and what can be asked (RFC 3986).

use crate::error::{Error, ErrorKind};
use hyper::Uri;
use hyper::http::uri::Scheme;
use std::fmt::Write;

/// Where requests go that may share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// That of a URL that [`parse`] has let pass.
    pub(crate) fn of(url: &Uri) -> Self {
        let is_https = url.scheme() == Some(&Scheme::HTTPS);
        let default = if is_https { 443 } else { 80 };
        Self {
            is_https,
            host: url.host().unwrap_or_default().to_ascii_lowercase(),
            port: url.port_u16().unwrap_or(default),
        }
    }
}

/// The URL that a text means.
pub(crate) fn parse(text: &str) -> Result<Uri, Error> {
    let refuse = |why: &str| Error::new(ErrorKind::Request, format!("{text:?} {why}"));
    let escaped = escape(text.as_bytes());
    let scheme = escaped.split_once("://").map_or("", |(scheme, _)| scheme);
    if !["http", "https"].contains(&&*scheme.to_ascii_lowercase()) {
        return Err(refuse("begins with neither http:// nor https://"));
    }
    let url = Uri::try_from(escaped).map_err(|error| refuse("is no URL").because(error))?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(refuse(
            "has a password in it: set the header `authorization`",
        ));
    }
    if url.host().unwrap_or_default().is_empty() {
        return Err(refuse("names no host"));
    }
    if url.port_u16().is_none() && !authority.ends_with(url.host().unwrap_or_default()) {
        return Err(refuse("has no port after the colon: it is 0 to 65535"));
    }
    Ok(url)
}

/// The URL that a reference in an answer from `base` means: RFC 3986, section 5.2.
pub(crate) fn resolve(base: &Uri, reference: &[u8]) -> Result<Uri, Error> {
    let reference = escape(reference);
    if has_scheme(&reference) {
        return parse(&reference);
    }
    let scheme = base.scheme_str().unwrap_or_default();
    if reference.starts_with("//") {
        return parse(&format!("{scheme}:{reference}"));
    }
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference.as_str(), None),
    };
    let (path, query) = match path {
        "" => (base.path().to_owned(), query.or(base.query())),
        path if path.starts_with('/') => (without_dots(path), query),
        path => {
            let folder = base
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            (without_dots(&format!("{folder}/{path}")), query)
        }
    };
    let authority = base.authority().map_or("", |authority| authority.as_str());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    parse(&format!("{scheme}://{authority}{path}{query}"))
}

/// Whether it begins with a scheme and a colon.
fn has_scheme(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        let rest = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(rest)
    };
    text.split_once(':')
        .is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Resolves `.` and `..` in a path that begins with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
        // A folder keeps its slash.
        if is_last && matches!(segment, "." | "..") {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// Leaves out the fragment, which is not sent, and writes what a URL cannot have as `%XX`.
fn escape(text: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    let text = text.trim_ascii().split(|&byte| byte == b'#');
    for &byte in text.into_iter().next().unwrap_or_default() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes everything");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3986, section 5.4, without the scheme of its own that it uses, and
    /// without fragments.
    #[test]
    fn references_are_resolved() {
        let base = Uri::from_static("http://a/b/c/d;p?q");
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h:8/x?y#z", "https://h:8/x?y"),
            ("g?u=http://h", "http://a/b/c/g?u=http://h"),
        ] {
            let resolved = resolve(&base, reference.as_bytes()).unwrap();
            assert_eq!(resolved, expected, "{reference}");
        }
        let top = Uri::from_static("http://a:8");
        assert_eq!(resolve(&top, b"g").unwrap(), "http://a:8/g");
    }

    #[test]
    fn what_a_url_cannot_have_is_escaped() {
        let url = parse(" http://a/ä b?c=\"é\"&d=%20#e ").unwrap();
        assert_eq!(url, "http://a/%C3%A4%20b?c=%22%C3%A9%22&d=%20");
    }

    #[test]
    fn what_cannot_be_asked_is_refused_with_the_reason() {
        for (text, words) in [
            ("a/b", "neither http:// nor https://"),
            ("ftp://a/", "neither http:// nor https://"),
            ("http://u:p@a/", "set the header `authorization`"),
            ("http://:8/", "\"http://:8/\""),
            ("http://a:65536/", "0 to 65535"),
            ("http://[::1]:/", "0 to 65535"),
            ("http://ä/", "is no URL"),
            ("", "neither http:// nor https://"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request);
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |url: &'static str| Origin::of(&Uri::from_static(url));
        assert_eq!(origin("http://A/b"), origin("http://a:80/c?d"));
        assert_ne!(origin("http://a/"), origin("https://a/"));
        assert_ne!(origin("http://a/"), origin("http://a:81/"));
        assert_ne!(origin("http://a/"), origin("http://b/"));
    }
}
