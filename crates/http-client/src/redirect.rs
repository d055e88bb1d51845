//! The rules of redirects, which are aiohttp's.

use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::exchange::Hop;
use crate::url::{Origin, resolve};
use hyper::header::{self, HeaderName};
use hyper::{HeaderMap, Method, StatusCode};

/// What only the host may know to which it was to go.
const PRIVATE: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
];

/// What describes a body.
const OF_BODY: [HeaderName; 5] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
];

/// Where an answer sends the client, if it does.
pub(crate) fn location(status: StatusCode, headers: &HeaderMap) -> Option<&[u8]> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = headers.get(header::LOCATION)?;
    is_redirect.then_some(location.as_bytes())
}

impl Hop {
    /// What is to be asked after this answer.
    pub(crate) fn redirect(&mut self, status: StatusCode, location: &[u8]) -> Result<(), Error> {
        let refuse = |why: &str| {
            let message = format!("the redirect {} cannot be followed{why}", status.as_u16());
            Error::new(ErrorKind::Redirect, message)
        };
        let url = resolve(&self.url, location).map_err(|error| refuse("").because(error))?;
        let is_post = self.method == Method::POST;
        let becomes_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => is_post,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Some(Body::default());
            self.remove(&OF_BODY);
        }
        if self.body.is_none() {
            let why = ": it wants the body again, and a stream can be sent only once; send bytes, or \
                       ask at the URL to which it leads";
            return Err(refuse(why));
        }
        if Origin::of(&self.url) != Origin::of(&url) {
            self.remove(&PRIVATE);
            self.remove(&[header::HOST]);
        }
        self.url = url;
        Ok(())
    }

    fn remove(&mut self, names: &[HeaderName]) {
        for name in names {
            self.headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::parse;
    use hyper::header::HeaderValue;

    fn hop(method: Method) -> Hop {
        let value = HeaderValue::from_static("v");
        let names = PRIVATE.into_iter().chain(OF_BODY);
        Hop {
            method,
            url: parse("http://a/b/c").unwrap(),
            headers: names.map(|name| (name, value.clone())).collect(),
            body: Some(Body::from("x")),
        }
    }

    #[test]
    fn the_method_changes_as_browsers_change_it() {
        for (status, method, expected) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (303, Method::POST, Method::GET),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
            (301, Method::PUT, Method::PUT),
            (302, Method::HEAD, Method::HEAD),
            (303, Method::HEAD, Method::HEAD),
            (303, Method::PUT, Method::GET),
        ] {
            let mut hop = hop(method.clone());
            let status = StatusCode::from_u16(status).unwrap();
            hop.redirect(status, b"d").unwrap();
            assert_eq!(hop.method, expected, "{status} {method}");
            assert_eq!(hop.url, "http://a/b/d");
            let keeps_body = expected == method;
            assert_eq!(hop.headers.contains_key(header::CONTENT_TYPE), keeps_body);
            assert!(hop.headers.contains_key(header::AUTHORIZATION));
        }
    }

    #[test]
    fn another_origin_gets_no_secrets() {
        for (location, is_same) in [
            ("http://A:80/", true),
            ("https://a/", false),
            ("http://a:81/", false),
            ("//b/", false),
        ] {
            let mut hop = hop(Method::GET);
            hop.redirect(StatusCode::FOUND, location.as_bytes())
                .unwrap();
            for name in PRIVATE {
                assert_eq!(hop.headers.contains_key(name), is_same, "{location}");
            }
        }
    }

    #[test]
    fn what_cannot_be_followed_says_why() {
        let mut streamed = hop(Method::POST);
        streamed.body = None;
        let error = streamed
            .redirect(StatusCode::TEMPORARY_REDIRECT, b"/")
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect);
        assert!(error.to_string().contains("only once"), "{error}");
        streamed.redirect(StatusCode::SEE_OTHER, b"/").unwrap();

        let error = hop(Method::GET).redirect(StatusCode::FOUND, b"mailto:a@b");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("redirect 302"), "{error}");
        assert!(error.contains("neither http:// nor https://"), "{error}");
    }
}
