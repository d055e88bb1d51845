//! Redirects, as aiohttp follows them.

mod common;

use common::{Peer, each, text};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, LOCATION};
use hyper::{Request, Response};
use weftwork_http::{Body, Client, ErrorKind};

/// `/STATUS/REST` redirects to `REST`; anything else says what it was asked.
async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    if let Some((status, to)) = path[1..].split_once('/')
        && let Ok(status) = status.parse::<u16>()
    {
        let mut response = text(vec![b'x'; 1000]);
        *response.status_mut() = status.try_into().unwrap();
        response.headers_mut().insert(LOCATION, to.parse().unwrap());
        return response;
    }
    let method = request.method().clone();
    let secret = request.headers().get(AUTHORIZATION).is_some();
    let length = request
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .len();
    text(format!(
        "{method} {path} with {length} bytes, secret: {secret}"
    ))
}

#[test]
fn an_answer_of_the_last_url_comes() {
    each(|| async {
        let peer = Peer::start(answer).await;
        let client = Client::builder().limit(1).build();
        for (path, method, expected) in [
            ("/302//a?b#c", "POST", "GET /a?b with 0 bytes"),
            ("/303//a", "PUT", "GET /a with 0 bytes"),
            ("/307//a", "POST", "POST /a with 4 bytes"),
            ("/308//a", "PUT", "PUT /a with 4 bytes"),
            // Relative.
            ("/301/../z", "DELETE", "DELETE /z with 4 bytes"),
        ] {
            let method = method.parse().unwrap();
            let request = client.request(method, peer.url(path)).body("body");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert!(response.url().to_string().starts_with(&peer.url("/")));
            assert_eq!(
                response.text().await.unwrap(),
                format!("{expected}, secret: false")
            );
        }
        // The short bodies on the way were read, so that one connection has served all.
        let connections = peer.connections.all();
        assert!(connections < 5, "{connections}");
        peer.close().await;
    });
}

#[test]
fn ten_are_followed_and_not_eleven() {
    each(|| async {
        let peer = Peer::start(answer).await;
        let client = Client::new();
        let ten = format!("/{}a", "302//".repeat(10));
        let response = client.get(peer.url(&ten)).send().await.unwrap();
        assert_eq!(response.url().path(), "/a");
        let eleven = format!("/{}a", "302//".repeat(11));
        let error = client.get(peer.url(&eleven)).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
        assert!(error.to_string().contains("max_redirects"), "{error}");

        let none = Client::builder().max_redirects(0).build();
        let response = none.get(peer.url("/302//a")).send().await.unwrap();
        assert_eq!(response.status(), 302);
        assert_eq!(response.bytes().await.unwrap().len(), 1000);
        peer.close().await;
    });
}

#[test]
fn another_origin_does_not_get_the_secret() {
    each(|| async {
        let (one, other) = (Peer::start(answer).await, Peer::start(answer).await);
        let client = Client::new();
        for (to, expected) in [(one.url("/a"), true), (other.url("/a"), false)] {
            let url = one.url(&format!("/302/{to}"));
            let request = client.get(url).header(AUTHORIZATION, "secret");
            let told = request.send().await.unwrap().text().await.unwrap();
            assert_eq!(told, format!("GET /a with 0 bytes, secret: {expected}"));
        }
        one.close().await;
        other.close().await;
    });
}

#[test]
fn what_cannot_be_followed_is_an_error() {
    each(|| async {
        let peer = Peer::start(answer).await;
        let client = Client::new();
        let error = client
            .get(peer.url("/302/ftp://a/"))
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect);
        assert!(
            error.to_string().contains("neither http:// nor https://"),
            "{error}"
        );

        let pieces = || Body::stream(futures::stream::iter([Ok::<_, std::io::Error>("piece")]));
        let request = client.post(peer.url("/307//a")).body(pieces());
        let error = request.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect);
        assert!(error.to_string().contains("only once"), "{error}");
        // This one does not want it.
        let response = client.post(peer.url("/303//a")).body(pieces()).send().await;
        let told = response.unwrap().text().await.unwrap();
        assert_eq!(told, "GET /a with 0 bytes, secret: false");
        peer.close().await;
    });
}
