//! A network that can fail: passes bytes between a client and a server until it is told not to.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A listener on a loopback port of its own.
pub(crate) struct Proxy {
    pub(crate) address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// New connections are closed at once.
    is_cut: AtomicBool,
    /// Wait before each piece to the server.
    delay_ms: AtomicU64,
    /// A connection on which the client says this is closed once the server has answered, before the client is told.
    lost_answer: Mutex<Option<String>>,
    /// A connection on which the client says this is closed before the server hears it.
    lost_request: Mutex<Option<String>>,
    /// How often either happened.
    losses: AtomicU64,
}

impl Proxy {
    pub(crate) fn new(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let (shared, server) = (Arc::clone(&state), server.to_owned());
        start(move || {
            for client in listener.incoming().flatten() {
                if shared.is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let (a, b) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let is_lost = Arc::new(AtomicBool::new(false));
                let (of_client, of_server) = (Arc::clone(&shared), Arc::clone(&shared));
                let is_lost_too = Arc::clone(&is_lost);
                start(move || pump(a, server, |bytes| of_client.request(bytes, &is_lost)));
                start(move || pump(b, client, |_| of_server.answer(&is_lost_too)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.state.is_cut.store(is_cut, Ordering::SeqCst);
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.state.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Loses one answer to a request with this text.
    pub(crate) fn lose_answer(&self, text: &str) {
        *self.state.lost_answer.lock().unwrap() = Some(text.to_owned());
    }

    /// Loses every request with this text.
    pub(crate) fn lose_requests(&self, text: &str) {
        *self.state.lost_request.lock().unwrap() = Some(text.to_owned());
    }

    pub(crate) fn losses(&self) -> u64 {
        self.state.losses.load(Ordering::SeqCst)
    }
}

impl State {
    /// False if the connection is to be closed.
    fn request(&self, bytes: &[u8], is_lost: &AtomicBool) -> bool {
        thread::sleep(Duration::from_millis(self.delay_ms.load(Ordering::SeqCst)));
        let has = |text: &Option<String>| {
            text.as_ref().is_some_and(|text| String::from_utf8_lossy(bytes).contains(text.as_str()))
        };
        if has(&self.lost_request.lock().unwrap()) {
            self.losses.fetch_add(1, Ordering::SeqCst);
            return false;
        }
        let mut lost = self.lost_answer.lock().unwrap();
        if has(&lost) {
            *lost = None;
            is_lost.store(true, Ordering::SeqCst);
        }
        !self.is_cut.load(Ordering::SeqCst)
    }

    fn answer(&self, is_lost: &AtomicBool) -> bool {
        if is_lost.load(Ordering::SeqCst) {
            self.losses.fetch_add(1, Ordering::SeqCst);
            return false;
        }
        !self.is_cut.load(Ordering::SeqCst)
    }
}

fn start(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name("proxy".to_owned()).spawn(work).unwrap();
}

fn pump(mut from: TcpStream, mut to: TcpStream, pass: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        if !pass(&buffer[..len]) || to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
