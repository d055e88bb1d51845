//! An HTTP client on weftwork, for whoever comes from aiohttp or wants no more than that.
//!
//! A [`Client`] keeps connections and limits how many there are; a [`RequestBuilder`] asks, and a
//! [`Response`] is read whole or piece by piece.
#![doc = concat!("\n\n", include_str!("../README.md"))]
#![forbid(unsafe_code)]

mod body;
mod client;
mod error;
mod exchange;
mod limits;
mod pool;
mod redirect;
mod request;
mod response;
mod timeouts;
mod url;

pub use body::Body;
pub use bytes::Bytes;
pub use client::{Client, ClientBuilder};
pub use error::{BoxError, Error, ErrorKind};
pub use hyper::{HeaderMap, Method, StatusCode, Uri, header};
pub use request::RequestBuilder;
pub use response::Response;
pub use timeouts::{TimeLimit, Timeouts};
pub use weftwork_hyper::Connector;
