//! A handler runs in a task that moves between threads.

use std::rc::Rc;
use weftwork::net::{TcpStream, start_server};

fn main() {
    let handler = async |_stream: TcpStream, _peer| {
        let count = Rc::new(1);
        weftwork::yield_now().await;
        drop(count);
    };
    drop(start_server("127.0.0.1:0", handler));
}
