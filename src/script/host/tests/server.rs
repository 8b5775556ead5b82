//! A server on loopback that answers as it is told and keeps what it was asked.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers whole requests (`GET /path?query`, head and body) with whole answers.
type Answers = Arc<Mutex<HashMap<String, String>>>;

pub(super) struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Answers,
    over: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = Self { port, asked: Arc::default(), answers: Arc::default(), over: Arc::default() };
        let (asked, answers, over) = (Arc::clone(&server.asked), Arc::clone(&server.answers), Arc::clone(&server.over));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (asked, answers, over) = (Arc::clone(&asked), Arc::clone(&answers), Arc::clone(&over));
                std::thread::spawn(move || stream.map(|stream| serve(stream, &asked, &answers, &over)));
            }
        });
        server
    }

    /// `127.0.0.1:PORT`.
    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same server by another name: another origin.
    pub(super) fn other_host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// Answers a path (without query) with a status line, headers and a body.
    pub(super) fn put(&self, path: &str, head: &str, body: &str) {
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        self.answers.lock().expect("answers").insert(path.to_owned(), answer);
    }

    /// Answers a path with exactly these bytes and then says nothing more.
    pub(super) fn hang(&self, path: &str, begin: &str) {
        self.answers.lock().expect("answers").insert(path.to_owned(), format!("hang:{begin}"));
    }

    pub(super) fn redirect(&self, path: &str, status: u16, to: &str) {
        self.put(path, &format!("{status} Moved\r\nlocation: {to}"), "");
    }

    /// All requests so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("requests").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(stream: TcpStream, asked: &Mutex<Vec<String>>, answers: &Answers, over: &AtomicBool) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        let end = line == "\r\n";
        head.push_str(&line);
        if end {
            break;
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    let path = head.split_whitespace().nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    asked.lock().expect("requests").push(format!("{head}{}", String::from_utf8_lossy(&body)));
    let answer = answers.lock().expect("answers").get(&path).cloned();
    let answer = answer.unwrap_or_else(|| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned());
    let mut stream = stream;
    match answer.strip_prefix("hang:") {
        Some(begin) => {
            let _ = stream.write_all(begin.as_bytes());
            for _ in 0..200 {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        None => drop(stream.write_all(answer.as_bytes())),
    }
}
