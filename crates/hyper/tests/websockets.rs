//! WebSockets over weftwork's streams, by async-tungstenite: client and server, and Python's
//! `websockets` as the other end.

mod common;

use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketStream, accept_async, client_async};
use common::{HERE, close, each, has_python_with, output, python_server};
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use weftwork::net::{Server, TcpStream, start_server};
use weftwork::sync::{Event, Queue, oneshot};
use weftwork::{catch, gather, spawn, yield_now};

/// How the connections of a server have ended: the close frame that came, or the error.
type Ends = Arc<Queue<Result<Option<CloseFrame>, Error>>>;

/// More than the buffers of two sockets hold, and no two parts of it the same.
fn megabyte() -> Vec<u8> {
    (0..250_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// Gives back texts and binaries until the other end closes.
async fn echo(stream: TcpStream) -> Result<Option<CloseFrame>, Error> {
    let mut socket = accept_async(stream).await?;
    let mut close_frame = None;
    while let Some(message) = socket.next().await {
        match message? {
            message @ (Message::Text(_) | Message::Binary(_)) => socket.send(message).await?,
            Message::Close(frame) => close_frame = frame,
            _ => {}
        }
    }
    Ok(close_frame)
}

async fn echo_server() -> (Server, Ends) {
    let ends = Ends::new(Queue::new(0));
    let server = start_server(HERE, {
        let ends = Arc::clone(&ends);
        move |stream: TcpStream, _: SocketAddr| {
            let ends = Arc::clone(&ends);
            async move { ends.put(echo(stream).await).await.unwrap() }
        }
    });
    (server.await.unwrap(), ends)
}

async fn connect(addr: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (socket, _response) = client_async(format!("ws://{addr}/"), stream).await.unwrap();
    socket
}

fn goodbye() -> CloseFrame {
    CloseFrame {
        code: CloseCode::Away,
        reason: "that was all".into(),
    }
}

/// Closes with a frame; the same one has to come back, and then the end.
async fn shake_hands_and_go(mut socket: WebSocketStream<TcpStream>) {
    socket.close(Some(goodbye())).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert_eq!(answer, Message::Close(Some(goodbye())));
    assert!(socket.next().await.is_none());
}

#[test]
fn texts_binaries_and_pings_come_back_and_the_end_is_told() {
    each(|| async {
        let (server, ends) = echo_server().await;
        let mut socket = connect(server.local_addr()).await;
        for message in [
            Message::text("as öften as you like"),
            Message::binary(megabyte()),
            Message::text(""),
        ] {
            socket.send(message.clone()).await.unwrap();
            assert!(socket.next().await.unwrap().unwrap() == message);
        }
        socket.send(Message::Ping("there?".into())).await.unwrap();
        let pong = socket.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong("there?".into()));
        shake_hands_and_go(socket).await;
        assert_eq!(ends.get().await.unwrap().unwrap(), Some(goodbye()));
        close(server).await;
    });
}

#[test]
fn megabytes_go_both_ways_at_once() {
    each(|| async {
        let (server, ends) = echo_server().await;
        let (mut sender, mut receiver) = connect(server.local_addr()).await.split();
        let sending = spawn(async move {
            for n in 0..4_u8 {
                let mut bytes = megabyte();
                bytes.push(n);
                sender.send(Message::binary(bytes)).await.unwrap();
            }
            sender
        });
        for n in 0..4_u8 {
            let bytes = receiver.next().await.unwrap().unwrap().into_data();
            assert!(bytes.ends_with(&[n]) && bytes[..bytes.len() - 1] == megabyte());
        }
        let socket = WebSocketStream::reunite(sending.await, receiver);
        shake_hands_and_go(socket.map_err(drop).unwrap()).await;
        assert_eq!(ends.get().await.unwrap().unwrap(), Some(goodbye()));
        close(server).await;
    });
}

#[test]
fn a_hundred_clients_talk_at_once() {
    each(|| async {
        let (server, ends) = echo_server().await;
        let addr = server.local_addr();
        gather((0..100).map(|client| async move {
            let mut socket = connect(addr).await;
            for round in 0..10 {
                let message = Message::text(format!("{client}: {round}"));
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), message);
            }
            shake_hands_and_go(socket).await;
        }))
        .await;
        for _ in 0..100 {
            assert_eq!(ends.get().await.unwrap().unwrap(), Some(goodbye()));
        }
        close(server).await;
    });
}

#[test]
fn a_client_that_is_cancelled_in_the_middle_ends_its_own_connection_only() {
    each(|| async {
        let (server, ends) = echo_server().await;
        let addr = server.local_addr();
        let mut other = connect(addr).await;
        let (begun, has_begun) = oneshot::channel();
        let client = spawn(async move {
            let mut socket = connect(addr).await;
            socket.send(Message::text("first")).await.unwrap();
            socket.next().await.unwrap().unwrap();
            begun.send(()).unwrap();
            // Nobody reads the echoes, so this comes to rest in the middle of a message.
            loop {
                socket.feed(Message::binary(megabyte())).await.unwrap();
            }
        });
        has_begun.await.unwrap();
        for _ in 0..20 {
            yield_now().await;
        }
        client.cancel();
        assert!(client.outcome().await.unwrap_err().is_cancelled());
        // Its end came without a close frame: at once, or with what was on its way to it.
        ends.get().await.unwrap().unwrap_err();

        other.send(Message::text("still here")).await.unwrap();
        let back = other.next().await.unwrap().unwrap();
        assert_eq!(back, Message::text("still here"));
        shake_hands_and_go(other).await;
        assert_eq!(ends.get().await.unwrap().unwrap(), Some(goodbye()));
        close(server).await;
    });
}

/// Each cancel drops the future that receives; what it had read of a message stays.
#[test]
fn a_receiver_that_is_cancelled_again_and_again_loses_nothing() {
    each(|| async {
        let (server, ends) = echo_server().await;
        let (mut sender, mut receiver) = connect(server.local_addr()).await.split();
        let caught = Arc::new(Event::new());
        let has_caught = Arc::clone(&caught);
        let (begun, has_begun) = oneshot::channel();
        let receiving = spawn(async move {
            begun.send(()).unwrap();
            let mut received = 0;
            while received < 4 {
                match catch(receiver.next()).await {
                    Ok(message) => {
                        assert!(message.unwrap().unwrap().into_data() == megabyte());
                        received += 1;
                    }
                    Err(error) => {
                        assert!(error.is_cancelled());
                        has_caught.set();
                    }
                }
            }
            receiver
        });
        has_begun.await.unwrap();
        while !caught.is_set() {
            receiving.cancel();
            yield_now().await;
        }
        for _ in 0..4 {
            sender.send(Message::binary(megabyte())).await.unwrap();
        }
        while !receiving.done() {
            receiving.cancel();
            yield_now().await;
        }
        let socket = WebSocketStream::reunite(sender, receiving.await);
        shake_hands_and_go(socket.map_err(drop).unwrap()).await;
        assert_eq!(ends.get().await.unwrap().unwrap(), Some(goodbye()));
        close(server).await;
    });
}

const PYTHON_CLIENT: &str = "
import asyncio, sys
from websockets.asyncio.client import connect
async def main():
    async with connect(f'ws://127.0.0.1:{sys.argv[1]}', max_size=None) as socket:
        for n in range(50):
            await socket.send(f'line {n}')
            assert await socket.recv() == f'line {n}'
        data = b''.join(n.to_bytes(4, 'little') for n in range(250_000))
        await socket.send(data)
        assert await socket.recv() == data
        await (await socket.ping())
        await socket.close(1001, 'that was all')
    print(socket.close_code, socket.close_reason)
asyncio.run(main())
";

const PYTHON_SERVER: &str = "
import asyncio
from websockets.asyncio.server import serve
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    async with serve(echo, '127.0.0.1', 0, max_size=None) as server:
        print('port', server.sockets[0].getsockname()[1])
        await server.serve_forever()
asyncio.run(main())
";

#[test]
fn python_is_the_client() {
    if !has_python_with("websockets") {
        return;
    }
    each(|| async {
        let (server, ends) = echo_server().await;
        let mut python = Command::new("python3");
        python.args(["-c", PYTHON_CLIENT]);
        python.arg(server.local_addr().port().to_string());
        assert_eq!(output(python).await.stdout, b"1001 that was all\n");
        assert_eq!(ends.get().await.unwrap().unwrap(), Some(goodbye()));
        close(server).await;
    });
}

#[test]
fn python_is_the_server() {
    if !has_python_with("websockets") {
        return;
    }
    each(|| async {
        let (_process, addr) = python_server(&["-c", PYTHON_SERVER], "port ").await;
        gather((0..10).map(|client| async move {
            let mut socket = connect(addr).await;
            for n in 0..20 {
                let message = Message::text(format!("{client}: {n}"));
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), message);
            }
            let big = Message::binary(megabyte());
            socket.send(big.clone()).await.unwrap();
            assert!(socket.next().await.unwrap().unwrap() == big);
            socket.send(Message::Ping("there?".into())).await.unwrap();
            let pong = socket.next().await.unwrap().unwrap();
            assert_eq!(pong, Message::Pong("there?".into()));
            shake_hands_and_go(socket).await;
        }))
        .await;
    });
}
