//! The client against a server that answers as Cruise Control does, with what the fixtures hold.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::path::Path;

use super::*;
use crate::live::http::Credentials;
use crate::live::http::tests::{Answered, Asked, Server};

/// A clock that only notes how long it was slept.
#[derive(Default)]
struct Slept(RefCell<Vec<Duration>>);

impl Surroundings for Slept {
    fn unix_seconds(&self) -> f64 {
        0.0
    }

    fn sleep(&self, duration: Duration) {
        self.0.borrow_mut().push(duration);
    }
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cruise-control").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// What a Cruise Control of today answers.
fn fixture_of(asked: &Asked) -> Answered {
    let name = asked.path.strip_prefix("/kafkacruisecontrol/").unwrap();
    Answered::json(200, fixture(&format!("{name}.json")))
}

fn fetch_from(server: &Server, settings: HttpSettings, slept: &Slept) -> Result<Answers, CruiseControlError> {
    let address = Address::parse(&format!("{}/kafkacruisecontrol", server.url())).unwrap();
    let settings = HttpSettings { backoff: Duration::from_millis(1), ..settings };
    fetch(&address, &settings, Duration::from_secs(60), slept, &|_, _| {})
}

#[test]
fn three_answers_are_fetched_with_the_parameters_that_they_need() {
    let server = Server::start(|asked, _| Some(fixture_of(asked)));
    let answers = fetch_from(&server, HttpSettings::default(), &Slept::default()).unwrap();
    assert_eq!(answers.cluster_state.text, fixture("kafka_cluster_state.json"));
    assert_eq!(answers.partition_load.text, fixture("partition_load.json"));
    assert_eq!(answers.load.text, fixture("load.json"));
    assert!(answers.load.path.ends_with("kafkacruisecontrol/load"), "{:?}", answers.load.path);
    assert_eq!(answers.told, [""; 0]);
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.method == "GET" && asked.parameters["json"] == "true"), "{asked:?}");
    assert_eq!(asked[0].parameters.get("verbose").map(String::as_str), Some("true"));
    assert_eq!(asked[2].parameters.get("populate_disk_info").map(String::as_str), Some("true"));
}

#[test]
fn an_answer_that_is_not_ready_is_asked_for_by_its_task() {
    let server = Server::start(|asked, before| {
        if asked.path.ends_with("/load") && before < 5 {
            let mut progress = Answered::json(202, "{\"progress\":[{\"operation\":\"Load\"}],\"version\":1}");
            progress.headers.push(("User-Task-ID", "5ce7c299-53b3-48b6-b72e-6623e25bd9a8".to_owned()));
            return Some(progress);
        }
        Some(fixture_of(asked))
    });
    let slept = Slept::default();
    let answers = fetch_from(&server, HttpSettings::default(), &slept).unwrap();
    assert_eq!(answers.load.text, fixture("load.json"));
    let millis: Vec<u128> = slept.0.borrow().iter().map(Duration::as_millis).collect();
    assert_eq!(millis, [500, 1_000, 2_000]);
    let tasks: Vec<Option<String>> =
        server.asked().iter().map(|asked| asked.headers.get("user-task-id").cloned()).collect();
    let id = Some("5ce7c299-53b3-48b6-b72e-6623e25bd9a8".to_owned());
    // The first of a kind has none: Cruise Control refuses an id that it has not given out.
    assert_eq!(tasks, [None, None, None, id.clone(), id.clone(), id]);
}

#[test]
fn patience_ends_and_a_task_without_a_name_is_not_begun_again() {
    let endless = |with_id: bool| {
        Server::start(move |_, _| {
            let mut progress = Answered::json(202, "{\"progress\":[]}");
            if with_id {
                progress.headers.push(("User-Task-ID", "a".to_owned()));
            }
            Some(progress)
        })
    };
    let slept = Slept::default();
    let error = fetch_from(&endless(true), HttpSettings::default(), &slept).unwrap_err();
    assert_eq!(error.kind, CruiseControlErrorKind::Unreachable);
    assert!(error.message.contains("/kafka_cluster_state: still at work after"), "{error}");
    let waited: Duration = slept.0.borrow().iter().sum();
    assert!(waited >= Duration::from_secs(60) && waited < Duration::from_secs(72), "{waited:?}");
    let unnamed = endless(false);
    let error = fetch_from(&unnamed, HttpSettings::default(), &Slept::default()).unwrap_err();
    assert!(error.message.contains("names no User-Task-ID"), "{error}");
    assert_eq!(unnamed.asked().len(), 1);
}

#[test]
fn a_version_that_does_not_know_a_parameter_is_asked_without_it() {
    for status in [400, 501] {
        let server = Server::start(move |asked, _| {
            if asked.parameters.contains_key("populate_disk_info") {
                let message =
                    "{\"errorMessage\":\"Unrecognized endpoint parameters in LOAD get request\",\"version\":1}";
                return Some(Answered::json(status, message));
            }
            Some(fixture_of(asked))
        });
        let answers = fetch_from(&server, HttpSettings::default(), &Slept::default()).unwrap();
        assert_eq!(answers.load.text, fixture("load.json"));
        assert_eq!(answers.told.len(), 1);
        assert!(answers.told[0].contains("without populate_disk_info"), "{:?}", answers.told);
    }
}

#[test]
fn errors_say_who_answered_what_and_no_secret() {
    let error_of = |status: u16, body: &'static str| {
        let server = Server::start(move |_, _| Some(Answered::json(status, body)));
        let basic = Credentials::Basic { user: "viewer".to_owned(), password: Secret::new("hunter2") };
        let settings = HttpSettings { credentials: basic, ..HttpSettings::default() };
        let error = fetch_from(&server, settings, &Slept::default()).unwrap_err();
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("json=true"), "{error}");
        assert_eq!(server.asked()[0].headers["authorization"], "Basic dmlld2VyOmh1bnRlcjI=");
        (error.kind, error.message)
    };
    let (kind, message) = error_of(401, "");
    assert_eq!(kind, CruiseControlErrorKind::Denied);
    assert!(message.contains("status 401"), "{message}");
    let (kind, message) = error_of(404, "<html><title>Error 404</title><p>long</p></html>");
    assert_eq!(
        (kind, message.ends_with("status 404: Error 404")),
        (CruiseControlErrorKind::NotFound, true),
        "{message}"
    );
    let (kind, message) = error_of(500, "{\"errorMessage\":\"there are only 0 valid\\nwindows\",\"version\":1}");
    assert_eq!(kind, CruiseControlErrorKind::Refused);
    assert!(message.ends_with("status 500: there are only 0 valid windows"), "{message}");
    let (_, message) = error_of(501, "{\"error\": \"Unrecognized endpoint parameters\"}");
    assert!(message.ends_with("Unrecognized endpoint parameters"), "{message}");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let address = Address::parse("http://127.0.0.1:1/kafkacruisecontrol").unwrap();
    let settings = HttpSettings { backoff: Duration::from_millis(1), ..HttpSettings::default() };
    let error = fetch(&address, &settings, Duration::ZERO, &Slept::default(), &|_, _| {}).unwrap_err();
    assert_eq!(error.kind, CruiseControlErrorKind::Unreachable);
    assert!(error.message.starts_with("http://127.0.0.1:1/kafkacruisecontrol/kafka_cluster_state: "), "{error}");
}
