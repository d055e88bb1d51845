//! Servers and clients of weftwork against those of others: curl, Python's http.server, asyncio.
//!
//! A test whose peer is not installed says so and is skipped; `.ci/run` installs them.

mod common;

use common::{HERE, answer, close, curl_command, each, has, http_server, output, python_server};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;
use weftwork::net::{TcpStream, open_connection, start_server};
use weftwork::{gather, spawn, spawn_blocking};
use weftwork_hyper::{HyperIo, HyperTimer};

#[test]
fn curl_gets_and_posts() {
    if !has("curl") {
        return;
    }
    each(|| async {
        let server = http_server().await;
        let url = |path: &str| format!("http://{}{path}", server.local_addr());
        let mut curl = curl_command();
        // One connection for both.
        curl.args([url("/one"), url("/two")]);
        let told = output(curl).await.stdout;
        assert_eq!(told, b"/one with 0 bytes\n/two with 0 bytes\n");

        let sent: Vec<u8> = (0..1_000_000).map(|n| b'a' + (n % 23) as u8).collect();
        let back = spawn_blocking({
            let (url, sent) = (url("/echo"), sent.clone());
            move || {
                let mut curl = curl_command();
                curl.args(["--header", "Transfer-Encoding: chunked"]);
                curl.args(["--data-binary", "@-", &url]);
                let mut child = curl
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                let mut input = child.stdin.take().unwrap();
                let writing = std::thread::spawn(move || input.write_all(&sent).unwrap());
                let output = child.wait_with_output().unwrap();
                writing.join().unwrap();
                output.stdout
            }
        });
        assert!(back.await == sent);
        close(server).await;
    });
}

#[test]
fn twenty_curls_at_once() {
    if !has("curl") {
        return;
    }
    each(|| async {
        let server = http_server().await;
        let addr = server.local_addr();
        let told = gather((0..20).map(|n| async move {
            let mut curl = curl_command();
            curl.arg(format!("http://{addr}/{n}"));
            output(curl).await.stdout
        }));
        for (n, told) in told.await.into_iter().enumerate() {
            assert_eq!(told, format!("/{n} with 0 bytes\n").into_bytes());
        }
        close(server).await;
    });
}

/// A peer that says nothing is not waited for for ever.
#[test]
fn the_time_limits_of_hyper_run() {
    each(|| async {
        let handler = async |stream: TcpStream, _: SocketAddr| {
            let limit = Duration::from_millis(50);
            let mut http = http1::Builder::new();
            let http = http.timer(HyperTimer).header_read_timeout(limit);
            let connection = http.serve_connection(HyperIo(stream), service_fn(answer));
            // The error is the time limit.
            assert!(connection.await.unwrap_err().is_timeout());
        };
        let server = start_server(HERE, handler).await.unwrap();
        let (mut reader, writer) = open_connection(server.local_addr()).await.unwrap();
        writer.write(b"GET / HT").unwrap();
        reader.read_to_eof().await.unwrap();
        close(server).await;
    });
}

#[test]
fn a_hyper_client_gets_files_from_python() {
    if !has("python3") {
        return;
    }
    each(|| async {
        let args = ["-m", "http.server", "--bind", "127.0.0.1", "0"];
        let (_process, addr) = python_server(&args, " port ").await;
        let manifest = std::fs::read("Cargo.toml").unwrap();
        let gets = gather((0..10).map(|_| async move {
            let stream = TcpStream::connect(addr).await.unwrap();
            let (mut sender, connection) = handshake(HyperIo(stream)).await.unwrap();
            let connection = spawn(connection);
            let request = Request::get("/Cargo.toml").header(HOST, addr.to_string());
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            drop(sender);
            connection.await.unwrap();
            body
        }));
        for body in gets.await {
            assert!(body == manifest);
        }
    });
}

/// Sends lines, ends writing, and prints what comes back.
const ASYNCIO_CLIENT: &str = "
import asyncio, sys
async def main():
    reader, writer = await asyncio.open_connection('127.0.0.1', int(sys.argv[1]))
    for n in range(500):
        writer.write(b'line %d\\n' % n)
        await writer.drain()
    writer.write_eof()
    async for line in reader:
        sys.stdout.write(line.decode())
    writer.close()
    await writer.wait_closed()
asyncio.run(main())
";

/// Answers each line until the end.
const ASYNCIO_SERVER: &str = "
import asyncio
async def handle(reader, writer):
    while line := await reader.readline():
        writer.write(b'> ' + line)
        await writer.drain()
    writer.close()
    await writer.wait_closed()
async def main():
    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    print('port', server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()
asyncio.run(main())
";

#[test]
fn asyncio_talks_to_a_server_of_weftwork() {
    if !has("python3") {
        return;
    }
    each(|| async {
        let handler = async |stream: TcpStream, _: SocketAddr| {
            let (mut reader, writer) = stream.into_streams()?;
            loop {
                let line = reader.readline().await?;
                if line.is_empty() {
                    return Ok::<_, io::Error>(());
                }
                writer.writelines([&b"> "[..], &line])?;
                writer.drain().await?;
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        let mut python = Command::new("python3");
        python.args(["-c", ASYNCIO_CLIENT]);
        python.arg(server.local_addr().port().to_string());
        let told = String::from_utf8(output(python).await.stdout).unwrap();
        let expected: String = (0..500).map(|n| format!("> line {n}\n")).collect();
        assert_eq!(told, expected);
        close(server).await;
    });
}

#[test]
fn weftwork_talks_to_a_server_of_asyncio() {
    if !has("python3") {
        return;
    }
    each(|| async {
        let (_process, addr) = python_server(&["-c", ASYNCIO_SERVER], "port ").await;
        gather((0..10).map(|client| async move {
            let (mut reader, writer) = open_connection(addr).await.unwrap();
            for n in 0..50 {
                writer.write(format!("{client}: {n}\n").as_bytes()).unwrap();
            }
            writer.write_eof().unwrap();
            for n in 0..50 {
                let line = reader.readline().await.unwrap();
                assert_eq!(line, format!("> {client}: {n}\n").into_bytes());
            }
            assert_eq!(reader.readline().await.unwrap(), b"");
        }))
        .await;
    });
}

/// An answer of which the client takes a little at a time.
#[test]
fn curl_reads_slowly() {
    if !has("curl") {
        return;
    }
    each(|| async {
        let handler = async |stream: TcpStream, _: SocketAddr| {
            let (mut reader, writer) = stream.into_streams()?;
            reader.readuntil(b"\r\n\r\n").await?;
            let body = "x".repeat(300_000);
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            writer.writelines([head, body])?;
            writer.close();
            writer.wait_closed().await
        };
        let server = start_server(HERE, handler).await.unwrap();
        let mut curl = curl_command();
        curl.args(["--limit-rate", "600k"]);
        curl.arg(format!("http://{}/", server.local_addr()));
        assert_eq!(output(curl).await.stdout.len(), 300_000);
        close(server).await;
    });
}
