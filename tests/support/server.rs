//! The part that both servers share: connections, the request log, required credentials, faults.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::wire::{Reply, Request, Wire, read_request};

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Logged {
    pub method: String,
    /// `Some("http://host")` where the client took us for a proxy.
    pub proxied: Option<String>,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    /// Bytes of the request's body.
    pub body: usize,
    pub at: Instant,
}

impl Logged {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A server's certificate, made for this run: for `127.0.0.1` and `localhost`.
pub struct Certificate {
    /// PEM, to be trusted by a client.
    pub pem: String,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

#[derive(Default)]
struct Shared {
    log: Mutex<Vec<Logged>>,
    faults: Mutex<Vec<(String, usize, Fault)>>,
    required: Mutex<Vec<(String, String)>>,
    stop: AtomicBool,
    now: AtomicUsize,
    most: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

/// A running server; it ends when dropped.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    certificate: Option<Certificate>,
}

impl Server {
    pub fn start(tls: bool, handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let (certificate, tls) = if tls {
            let (certificate, config) = certificate();
            (Some(certificate), Some(config))
        } else {
            (None, None)
        };
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let _ = stream.set_nodelay(true);
                if let Ok(copy) = stream.try_clone() {
                    own.open.lock().unwrap().push(copy);
                }
                let (shared, handler, tls) = (Arc::clone(&own), Arc::clone(&handler), tls.clone());
                std::thread::spawn(move || {
                    let wire = match tls {
                        None => Wire::Plain(stream),
                        Some(config) => match rustls::ServerConnection::new(config) {
                            Ok(connection) => Wire::Tls(Box::new(rustls::StreamOwned::new(connection, stream))),
                            Err(_) => return,
                        },
                    };
                    serve(&shared, &*handler, wire);
                });
            }
        });
        Self { address, scheme, shared, certificate }
    }

    /// The url of a path (beginning with `/`).
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }
    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }
    /// The certificate of a server with TLS.
    pub fn certificate(&self) -> &Certificate {
        self.certificate.as_ref().expect("a server started with TLS")
    }
    /// The next `times` requests whose `path?query` contains `part` meet this fault; faults of one part are used up in the order of their coming.
    pub fn fault(&self, part: &str, times: usize, fault: impl Into<Fault>) {
        self.shared.faults.lock().unwrap().push((part.to_owned(), times, fault.into()));
    }
    /// From now on no fault.
    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }
    /// Paths beginning so answer 401 unless `Authorization` is exactly this.
    pub fn require(&self, prefix: &str, authorization: &str) {
        self.shared.required.lock().unwrap().push((prefix.to_owned(), authorization.to_owned()));
    }
    /// Every request so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.log.lock().unwrap().clone()
    }
    /// How many requests so far had a `path?query` that contains `part`.
    pub fn count(&self, part: &str) -> usize {
        self.shared.log.lock().unwrap().iter().filter(|logged| format!("{}?{}", logged.path, logged.query).contains(part)).count()
    }
    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.log.lock().unwrap().clear();
    }
    /// The most requests that waited for the beginning of their answer at one time.
    pub fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn certificate() -> (Certificate, Arc<rustls::ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server with TLS");
    (Certificate { pem: made.cert.pem() }, Arc::new(config))
}

fn serve(shared: &Shared, handler: &Handler, wire: Wire) {
    let mut stream = BufReader::new(wire);
    while let Ok(Some(request)) = read_request(&mut stream) {
        shared.log.lock().unwrap().push(Logged {
            method: request.method.clone(),
            proxied: request.proxied.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: request.body.len(),
            at: Instant::now(),
        });
        let now = shared.now.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most.fetch_max(now, Ordering::SeqCst);
        let refused = shared
            .required
            .lock()
            .unwrap()
            .iter()
            .any(|(prefix, authorization)| request.path.starts_with(prefix.as_str()) && request.header("authorization") != Some(authorization.as_str()));
        let fault = take_fault(shared, &format!("{}?{}", request.path, request.query));
        let reply = match &fault {
            Some(Fault::Answer(answer)) => answer.reply(),
            _ if refused => Reply::new(401, "who are you?\n").header("WWW-Authenticate", "Basic realm=\"test\""),
            _ => handler(&request),
        };
        let keep = send(shared, stream.get_mut(), reply, fault, request.method == "HEAD");
        if !matches!(keep, Ok(true)) {
            stream.get_ref().hang_up();
            return;
        }
    }
}

fn take_fault(shared: &Shared, target: &str) -> Option<Fault> {
    let mut faults = shared.faults.lock().unwrap();
    let at = faults.iter().position(|(part, times, _)| *times > 0 && target.contains(part.as_str()))?;
    faults[at].1 -= 1;
    Some(faults[at].2.clone())
}

/// Writes a reply with its fault; true when the connection may go on.
fn send(shared: &Shared, wire: &mut Wire, mut reply: Reply, fault: Option<Fault>, bodyless: bool) -> std::io::Result<bool> {
    if let Some(Fault::Delay(pause)) = fault {
        std::thread::sleep(pause);
    }
    if let Some(Fault::Gate(open)) = &fault {
        while !open.load(Ordering::SeqCst) && !shared.stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    if let Some(Fault::Range(first, last, whole)) = fault {
        reply.status = 206;
        reply = reply.header("Content-Range", &format!("bytes {first}-{last}/{whole}"));
    }
    // Counted down before the client can know of the answer, and so before it can send its next request.
    shared.now.fetch_sub(1, Ordering::SeqCst);
    let mut head = format!("HTTP/1.1 {} Answer\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let bodyless = bodyless || reply.status == 304 || reply.status == 204;
    let chunked = reply.length.is_none();
    match reply.length {
        None => head.push_str("Transfer-Encoding: chunked\r\n"),
        Some(_) if reply.status == 304 => {}
        Some(length) => {
            let wrong = if let Some(Fault::Length(by)) = fault { by } else { 0 };
            head.push_str(&format!("Content-Length: {}\r\n", length as i64 + wrong));
        }
    }
    head.push_str("\r\n");
    wire.write_all(head.as_bytes())?;
    let limit = match fault {
        Some(Fault::Cut(at) | Fault::Reset(at) | Fault::Stall(at)) => at,
        _ => u64::MAX,
    };
    let mut sent = 0;
    let mut buffer = vec![0; 64 * 1024];
    while !bodyless && sent < limit {
        let most = if matches!(fault, Some(Fault::Drip(_))) { 1 } else { (limit - sent).min(buffer.len() as u64) as usize };
        let count = reply.body.read(&mut buffer[..most])?;
        if count == 0 {
            break;
        }
        if chunked {
            wire.write_all(format!("{count:x}\r\n").as_bytes())?;
        }
        wire.write_all(&buffer[..count])?;
        if chunked {
            wire.write_all(b"\r\n")?;
        }
        wire.flush()?;
        sent += count as u64;
        if let Some(Fault::Drip(pause)) = fault {
            std::thread::sleep(pause);
            if shared.stop.load(Ordering::SeqCst) {
                return Ok(false);
            }
        }
    }
    match fault {
        Some(Fault::Cut(_) | Fault::Length(_)) => return Ok(false),
        Some(Fault::Reset(_)) => {
            // What was sent must have been read before the reset, which throws away what is under way.
            std::thread::sleep(Duration::from_millis(30));
            wire.reset();
            return Ok(false);
        }
        Some(Fault::Stall(_)) => {
            while !shared.stop.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            return Ok(false);
        }
        _ => {}
    }
    if chunked && !bodyless {
        wire.write_all(b"0\r\n\r\n")?;
    }
    wire.flush()?;
    Ok(true)
}
