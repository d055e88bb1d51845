//! A Redis server: the one that `REDIS_URL` names, or one of our own.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// The status of a program that did not run because what it needs is not installed.
pub const UNAVAILABLE: i32 = 69;

/// The variable that names a server.
const URL: &str = "REDIS_URL";

/// The shell ends the server when its own input ends: whatever happens to the program that started
/// it, no server is left behind. Without `exec` the end of the server's output would not be seen.
const KEEPER: &str = r#"redis-server "$@" & exec >/dev/null; read _; kill -9 $!; wait"#;

/// How often another free port is tried: between finding it and using it, somebody may take it.
const TRIES: u32 = 10;

/// A Redis server. Dropping one that was started here ends it, and removes what it has stored.
#[derive(Debug)]
pub struct RedisServer {
    url: String,
    own: Option<Own>,
}

/// A server that was started here.
#[derive(Debug)]
struct Own {
    folder: PathBuf,
    port: u16,
    keeper: Option<Child>,
}

impl RedisServer {
    /// The server that the variable `REDIS_URL` names, or else one on a free port.
    ///
    /// # Errors
    /// `NotFound` if there is neither, with what to install; otherwise what the system or the
    /// server says.
    pub fn start() -> io::Result<Self> {
        match env::var(URL) {
            Ok(url) => Ok(Self { url, own: None }),
            Err(_) => Self::start_own(),
        }
    }

    /// As [`start`](Self::start), for a program: it ends with [`UNAVAILABLE`] and says what to
    /// install if there is no server, and with 1 if the server does not start.
    #[must_use]
    pub fn start_or_exit() -> Self {
        Self::start().unwrap_or_else(|error| {
            eprintln!("{error}");
            let missing = error.kind() == ErrorKind::NotFound;
            process::exit(if missing { UNAVAILABLE } else { 1 })
        })
    }

    /// A server on a free port of this machine, which writes down what it is told before it
    /// acknowledges it.
    ///
    /// # Errors
    /// `NotFound` if `redis-server` is not installed; otherwise what the system or the server says.
    pub fn start_own() -> io::Result<Self> {
        is_installed()?;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("weftwork-redis-{}-{number}", process::id());
        let mut own = Own {
            folder: env::temp_dir().join(folder),
            port: 0,
            keeper: None,
        };
        fs::create_dir_all(&own.folder)?;
        let mut started = Ok(());
        for _ in 0..TRIES {
            own.port = free_port()?;
            started = own.start();
            if started.is_ok() {
                break;
            }
        }
        started?;
        let url = format!("redis://127.0.0.1:{}", own.port);
        Ok(Self {
            url,
            own: Some(own),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// `Unsupported` for a server that was not started here.
    pub fn kill(&mut self) -> io::Result<()> {
        self.own()?.kill();
        Ok(())
    }

    /// Starts it again where it was, with what it has acknowledged.
    ///
    /// # Errors
    /// `Unsupported` for a server that was not started here; what the server says.
    pub fn restart(&mut self) -> io::Result<()> {
        let own = self.own()?;
        own.kill();
        own.start()
    }

    fn own(&mut self) -> io::Result<&mut Own> {
        let text = format!("the server of {URL} is not this program's to kill or to start");
        self.own
            .as_mut()
            .ok_or_else(|| io::Error::new(ErrorKind::Unsupported, text))
    }
}

impl Own {
    /// Returns when it accepts connections.
    fn start(&mut self) -> io::Result<()> {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh", "--bind", "127.0.0.1"])
            .args(["--port", &self.port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .arg("--dir")
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = keeper.stdout.take().expect("it is piped");
        self.keeper = Some(keeper);
        let mut lines = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line.contains("Ready to accept connections") {
                return Ok(());
            }
            lines.push(line);
        }
        self.kill();
        let said = lines.join("\n");
        Err(io::Error::other(format!("redis-server ended: {said}")))
    }

    fn kill(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            // It ends at the end of its input, and has nothing to say.
            let _ = keeper.wait();
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.kill();
        // It is a folder for what is temporary: what stays there does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn is_installed() -> io::Result<()> {
    let version = Command::new("redis-server").arg("--version").output();
    match version {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(io::Error::new(
            ErrorKind::NotFound,
            format!(
                "redis-server is not installed: install it (apt-get install redis-server), \
                 or set {URL} to a server's, as in redis://127.0.0.1:6379"
            ),
        )),
        Err(error) => Err(error),
    }
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
