//! What a client asks of a server, and what is a right answer.

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Sends back what it gets.
    Echo,
    /// HTTP/1.1, and the body [`HELLO`] for whatever is asked.
    Hello,
    /// As `Echo`, beside tasks that compute for a millisecond at a time and keep all workers busy.
    Mixed,
}

/// The body of an answer of [`Service::Hello`].
pub(super) const HELLO: &[u8] = b"Hello, world!";

const HELLO_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// An echo has so many words of eight bytes.
const ECHO_WORDS: u64 = 8;

/// No right answer is longer.
pub(super) const LONGEST: usize = 1024;

impl Service {
    const ALL: [Self; 3] = [Self::Echo, Self::Hello, Self::Mixed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Hello => "hello",
            Self::Mixed => "mixed",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Puts the request of this number into `request`. No two echoes are equal.
    pub(super) fn request(self, number: u64, request: &mut Vec<u8>) {
        request.clear();
        match self {
            Self::Echo | Self::Mixed => {
                for word in 0..ECHO_WORDS {
                    let word = (number * ECHO_WORDS + word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    request.extend_from_slice(&word.to_le_bytes());
                }
            }
            Self::Hello => request.extend_from_slice(HELLO_REQUEST),
        }
    }

    /// Whether the answer to this request is whole; an error if it is not the right one.
    pub(super) fn is_whole(self, request: &[u8], received: &[u8]) -> Result<bool, String> {
        match self {
            Self::Echo | Self::Mixed => is_begun(received, request, "the echo"),
            Self::Hello => is_hello(received),
        }
    }
}

/// Whether what was received is the expected whole; an error if it is not even its beginning.
fn is_begun(received: &[u8], expected: &[u8], what: &str) -> Result<bool, String> {
    if expected.starts_with(received) {
        return Ok(received.len() == expected.len());
    }
    let (got, expected) = (received.escape_ascii(), expected.escape_ascii());
    Err(format!("{what} is \"{got}\", expected \"{expected}\""))
}

fn is_hello(received: &[u8]) -> Result<bool, String> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = received.windows(END.len()).position(|four| four == END) else {
        return Ok(false);
    };
    let (head, body) = (&received[..end], &received[end + END.len()..]);
    let wrong = |what| Err(format!("{what} in \"{}\"", received.escape_ascii()));
    let Ok(head) = str::from_utf8(head) else {
        return wrong("no text");
    };
    let mut lines = head.split("\r\n");
    if !lines
        .next()
        .is_some_and(|line| line.starts_with("HTTP/1.1 200 "))
    {
        return wrong("another status");
    }
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(value.trim())
    });
    if length.and_then(|length| length.parse().ok()) != Some(HELLO.len()) {
        return wrong("another length");
    }
    is_begun(body, HELLO, "the body")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: 13\r\n\r\nHello, world!";

    #[test]
    fn an_echo_has_to_be_of_this_request() {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        Service::Echo.request(1, &mut first);
        Service::Echo.request(2, &mut second);
        assert_eq!(first.len(), 64);
        let whole = |received: &[u8]| Service::Echo.is_whole(&first, received);
        assert_eq!(whole(&first), Ok(true));
        assert_eq!(whole(&first[..63]), Ok(false));
        assert!(whole(&second).is_err());
        assert!(whole(&[first.as_slice(), b"x"].concat()).is_err());
        for word in first.chunks(8) {
            assert!(second.chunks(8).all(|other| other != word));
        }
    }

    #[test]
    fn a_response_is_whole_with_its_last_byte() {
        let whole = |received: &str| Service::Hello.is_whole(HELLO_REQUEST, received.as_bytes());
        for cut in 0..RIGHT.len() {
            assert_eq!(whole(&RIGHT[..cut]), Ok(false), "{}", &RIGHT[..cut]);
        }
        assert_eq!(whole(RIGHT), Ok(true));
    }

    #[test]
    fn other_responses_are_errors() {
        for (from, to) in [
            ("200", "500"),
            ("13", "14"),
            ("Content-Length: 13\r\n", ""),
            ("world", "World"),
            ("world!", "world!HTTP/1.1 200"),
        ] {
            let response = RIGHT.replace(from, to);
            let whole = Service::Hello.is_whole(HELLO_REQUEST, response.as_bytes());
            assert!(whole.is_err(), "{response}");
        }
        let binary = Service::Hello.is_whole(HELLO_REQUEST, b"\xff\r\n\r\n");
        assert!(binary.is_err());
    }

    #[test]
    fn services_are_found_by_their_names() {
        for service in Service::ALL {
            assert_eq!(Service::by_name(service.name()), Some(service));
        }
        assert_eq!(Service::by_name("chat"), None);
    }
}
