//! A local HTTP server in a process of its own, as the tutorial's is on another machine.

use crate::run;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use weftwork::net::{self, TcpStream};
use weftwork_hyper::HyperIo;

/// Is set in the process that is to be the server.
const IS_SERVER: &str = "WEFTWORK_EXAMPLES_SERVER";

/// More connections than any program here makes.
const CONNECTIONS: u16 = 1024;

/// The server. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts this very program once more, and there this very call serves and never returns.
    ///
    /// In a process of its own it has its own file descriptors: a program that lets itself run
    /// short of them does not take any from its server.
    ///
    /// # Errors
    /// What the system says, and if the server ended before it had an address.
    pub fn start() -> io::Result<Self> {
        if std::env::var_os(IS_SERVER).is_some() {
            let Err(error) = serve();
            eprintln!("the server ended: {error}");
            std::process::exit(1);
        }
        let mut process = Command::new(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .env(IS_SERVER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut address)?;
        let address = address.trim_end().to_owned();
        let server = Self { process, address };
        if server.address.is_empty() {
            return Err(io::Error::other("the server gave no address"));
        }
        Ok(server)
    }

    /// The URL of the tutorial's search for this word, on the local server.
    #[must_use]
    pub fn url(&self, word: u32) -> String {
        let query = "ie=utf-8&f=8&rsv_bp=1&ch=&tn=baiduerr&bar=";
        format!("http://{}/s?{query}&wd={word}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lets this process have at most so many file descriptors: `resource.setrlimit`.
///
/// # Errors
/// If this process is not allowed that many.
pub fn limit_descriptors(limit: u64) -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(limit);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).map_err(|error| {
        let kind = io::Error::from(error).kind();
        let most = maximum.unwrap_or(u64::MAX);
        let text = format!("{limit} file descriptors are needed, at most {most} allowed: {error}");
        io::Error::new(kind, text)
    })
}

/// Serves until the program that wants it has ended.
fn serve() -> io::Result<Infallible> {
    limit_descriptors(CONNECTIONS.into())?;
    // The other end of its input is in the program, and closes when that ends in whatever way.
    std::thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0)
    });
    run(async {
        let builder = net::Server::builder().backlog(CONNECTIONS.into());
        let server = builder.start("127.0.0.1:0", answer).await?;
        println!("{}", server.local_addr());
        io::stdout().flush()?;
        server.serve_forever().await;
        Err(io::Error::other("nobody was to close it"))
    })
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, _peer: SocketAddr) -> hyper::Result<()> {
    let page = service_fn(async |request: Request<Incoming>| {
        let query = request.uri().query().unwrap_or_default();
        let text = format!("You searched for {query}\n");
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(text)))
    });
    let connection = hyper::server::conn::http1::Builder::new();
    connection.serve_connection(HyperIo(stream), page).await
}
