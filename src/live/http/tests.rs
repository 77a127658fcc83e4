//! The client against a small server on this machine: what it sends, what it survives, what it tells.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

/// What the server was asked.
#[derive(Clone, Debug, Default)]
pub(in crate::live) struct Asked {
    pub(in crate::live) method: String,
    pub(in crate::live) path: String,
    /// Of the address and of the form.
    pub(in crate::live) parameters: BTreeMap<String, String>,
    /// By lower-case name.
    pub(in crate::live) headers: BTreeMap<String, String>,
}

/// What the server answers.
#[derive(Clone, Debug)]
pub(in crate::live) struct Answered {
    pub(in crate::live) status: u16,
    pub(in crate::live) headers: Vec<(&'static str, String)>,
    pub(in crate::live) body: Vec<u8>,
}

impl Answered {
    pub(in crate::live) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type", "application/json".to_owned())], body: body.into() }
    }

    pub(in crate::live) fn html(status: u16, body: &str) -> Self {
        Self { status, headers: vec![("Content-Type", "text/html; charset=utf-8".to_owned())], body: body.into() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Answerer = dyn Fn(&Asked, usize) -> Option<Answered> + Send + Sync;

/// A server on a free port of this machine, until it is dropped.
pub(in crate::live) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// `answer` is told the request and how many came before it; without an answer the connection is broken off.
    pub(in crate::live) fn start(answer: impl Fn(&Asked, usize) -> Option<Answered> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (log, over, answer): (_, _, Arc<Answerer>) = (asked.clone(), is_over.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &log, &*answer));
            }
        });
        Self { address, asked, is_over }
    }

    pub(in crate::live) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(in crate::live) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &Answerer) {
    let Some(asked) = read_request(&stream) else { return };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    let Some(answered) = answer(&asked, before) else { return };
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", answered.status);
    for (name, value) in &answered.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", answered.body.len()));
    // A client that went away is the test's business.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answered.body)));
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let form = String::from_utf8(body).unwrap();
    let parameters = query.split('&').chain(form.split('&')).filter_map(|pair| pair.split_once('='));
    let parameters = parameters.map(|(name, value)| (decode(name), decode(value))).collect();
    Some(Asked { method, path: path.to_owned(), parameters, headers })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn quick() -> HttpSettings {
    HttpSettings { backoff: Duration::from_millis(1), timeout: Duration::from_secs(5), ..HttpSettings::default() }
}

fn ask(server: &Server, settings: HttpSettings) -> Result<Reply, HttpError> {
    let address = Address::parse(&server.url()).unwrap().join("/api");
    Http::new(settings).unwrap().get(&address, &[("query", "a{b=\"c d\"}[5m] + é&")])
}

#[test]
fn parameters_arrive_as_they_were_given_by_get_and_by_form() {
    let server = Server::start(|_, _| Some(Answered::json(200, "{}")));
    let reply = ask(&server, quick()).unwrap();
    assert_eq!((reply.status, reply.content_type.as_str(), &reply.body[..]), (200, "application/json", &b"{}"[..]));
    let http = Http::new(quick()).unwrap();
    let address = Address::parse(&format!("{}/select/?dedup=1", server.url())).unwrap();
    http.post_form(&address.join("api"), &[("query", "a{b=\"c d\"}[5m] + é&")]).unwrap();
    let asked = server.asked();
    assert_eq!([&asked[0].method[..], &asked[0].path[..]], ["GET", "/api"]);
    assert_eq!([&asked[1].method[..], &asked[1].path[..]], ["POST", "/select/api"]);
    assert_eq!(asked[1].parameters["dedup"], "1");
    assert!(asked.iter().all(|asked| asked.parameters["query"] == "a{b=\"c d\"}[5m] + é&"));
}

#[test]
fn credentials_are_sent_and_told_to_nobody() {
    let server = Server::start(|_, _| Some(Answered::json(200, "{}")));
    let bearer = HttpSettings { credentials: Credentials::Bearer(Secret::new("tok-3n")), ..quick() };
    let headers = vec![("X-Scope-OrgID".to_owned(), Secret::new("tenant-7"))];
    let basic = Credentials::Basic { user: "Aladdin".to_owned(), password: Secret::new("open sesame") };
    let basic = HttpSettings { credentials: basic, headers, ..quick() };
    let shown = format!("{bearer:?} {:?}", Http::new(basic.clone()).unwrap());
    assert!(!shown.contains("tok-3n") && !shown.contains("sesame") && !shown.contains("tenant-7"), "{shown}");
    ask(&server, bearer).unwrap();
    ask(&server, basic).unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].headers["authorization"], "Bearer tok-3n");
    // The example of RFC 7617 §2.
    assert_eq!(asked[1].headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(asked[1].headers["x-scope-orgid"], "tenant-7");
    let broken = HttpSettings { credentials: Credentials::Bearer(Secret::new("tok\n3n")), ..quick() };
    let told = Http::new(broken).unwrap_err().to_string();
    assert!(told.contains("credentials") && !told.contains("3n"), "{told}");
}

#[test]
fn base64_is_that_of_rfc_4648() {
    let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
    assert!(pairs.iter().all(|(plain, coded)| base64(plain.as_bytes()) == *coded));
}

#[test]
fn what_passes_is_asked_again_and_what_does_not_is_told_at_once() {
    let recovering = Server::start(|_, before| match before {
        0 => Some(Answered::json(503, "busy").with("Retry-After", "0")),
        1 => None,
        2 => Some(Answered::json(429, "slow down")),
        _ => Some(Answered::json(200, "{}")),
    });
    assert_eq!(ask(&recovering, quick()).unwrap().status, 200);
    assert_eq!(recovering.asked().len(), 4);
    let down = Server::start(|_, _| Some(Answered::json(502, "bad gateway")));
    assert_eq!(ask(&down, quick()).unwrap().status, 502);
    assert_eq!(down.asked().len(), 4);
    let denied = Server::start(|_, _| Some(Answered::json(403, "no")));
    assert_eq!(ask(&denied, quick()).unwrap().status, 403);
    assert_eq!(denied.asked().len(), 1);
}

#[test]
fn a_redirect_is_told_and_credentials_do_not_follow_it() {
    let elsewhere = Server::start(|_, _| Some(Answered::json(200, "{}")));
    let location = format!("{}/login?state=s3cret", elsewhere.url());
    let server = Server::start(move |_, _| Some(Answered::html(302, "").with("Location", &location)));
    let reply = ask(&server, quick()).unwrap();
    assert_eq!((reply.status, reply.location), (302, Some(format!("{}/login", elsewhere.url()))));
    assert_eq!(elsewhere.asked().len(), 0);
}

#[test]
fn a_body_is_unpacked_and_bounded() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&[b'x'; 100_000]).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < 1000);
    let server = Server::start(move |asked, _| {
        assert!(asked.headers["accept-encoding"].contains("gzip"));
        Some(Answered::json(200, packed.clone()).with("Content-Encoding", "gzip"))
    });
    assert_eq!(ask(&server, quick()).unwrap().body.len(), 100_000);
    let error = ask(&server, HttpSettings { body_bytes_max: 99_999, ..quick() }).unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::TooLarge);
    assert!(ask(&server, HttpSettings { body_bytes_max: 100_000, ..quick() }).is_ok());
}

#[test]
fn silence_is_bounded_and_nobody_there_is_told() {
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_secs(2));
        None
    });
    let impatient = HttpSettings { timeout: Duration::from_millis(100), attempts: 2, ..quick() };
    let error = ask(&server, impatient).unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Unreachable);
    assert_eq!(error.to_string(), format!("{}/api: no answer within 0.1 s", server.url()));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = Address::parse(&format!("http://127.0.0.1:{port}/x?token=s3cret")).unwrap();
    let error = Http::new(quick()).unwrap().get(&address, &[]).unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Unreachable);
    let told = format!("{error} {error:?} {address:?}");
    assert!(told.contains(&format!("127.0.0.1:{port}/x")) && !told.contains("s3cret"), "{told}");
}

#[test]
fn an_address_with_a_password_is_refused_without_repeating_it() {
    for text in [
        "http://u:p4ss@h:9090/x",
        "http://u:p4/ss@h/x",
        "u:p4ss@h",
        "ftp://u:p4ss@h",
        "https://p4ss@h",
        "http://u:p4?s@h/",
    ] {
        let told = Address::parse(text).unwrap_err();
        assert!(!told.contains("p4") && told.contains('h'), "{told}");
    }
    for text in ["", "h:9090", "http://", "http:///x", "http://h h", "http://h\n", "https://[::1"] {
        assert!(Address::parse(text).is_err(), "{text}");
    }
    assert_eq!(
        Address::parse("https://h/prometheus//").unwrap().join("/api/v1").to_string(),
        "https://h/prometheus/api/v1"
    );
}

#[test]
fn an_error_quotes_a_page_by_its_title() {
    let page = "<html>\n<head><title>401 Authorization\nRequired</title></head><body>x</body></html>";
    let reply = |body: &str| Reply {
        status: 401,
        content_type: String::new(),
        location: None,
        headers: BTreeMap::new(),
        body: body.into(),
    };
    assert_eq!(reply(page).excerpt(), "401 Authorization Required");
    assert_eq!(reply(&"é ".repeat(300)).excerpt().chars().count(), EXCERPT_CHARS + 1);
}

#[test]
fn a_ca_file_without_a_certificate_is_refused() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
        let error = Http::new(HttpSettings { ca_pem: Some(pem.into()), ..quick() }).unwrap_err();
        assert_eq!(error.kind, HttpErrorKind::Configuration, "{pem}");
    }
}
