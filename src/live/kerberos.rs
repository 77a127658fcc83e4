//! A Kerberos ticket from a keytab, as Java's login module takes one. It is `kinit` that takes it, into the ticket cache
//! of whoever runs this: libsasl2, which librdkafka authenticates with, looks there and nowhere else. librdkafka could run
//! `kinit` itself, but through a shell, and would go on after it failed.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::admin::{AdminError, Answer, ErrorKind};
use super::properties::Kerberos;

/// MIT's and Heimdal's programs know the same flags.
const KINIT: &str = "kinit";

/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(20);

/// Takes a ticket where a keytab is named; else the one that the user has must do.
pub(super) fn log_in(kerberos: &Kerberos, timeout: Duration) -> Answer<()> {
    let (Some(keytab), Some(principal)) = (&kerberos.keytab, &kerberos.principal) else { return Ok(()) };
    run(Command::new(KINIT).args(["-k", "-t", keytab, principal]), principal, timeout)
}

fn run(command: &mut Command, principal: &str, timeout: Duration) -> Answer<()> {
    let what = format!("no Kerberos ticket for {principal}");
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let child = started.map_err(|error| {
        let message = format!("{what}: {KINIT} cannot be run ({error}); Debian's package krb5-user has it");
        AdminError::new(ErrorKind::Configuration, message)
    })?;
    let (is_done, said) = wait(child, timeout).map_err(|error| AdminError::new(ErrorKind::Other, error.to_string()))?;
    match is_done {
        Some(true) => Ok(()),
        Some(false) => {
            let said = said.lines().next().unwrap_or("it gave no reason").trim();
            Err(AdminError::new(ErrorKind::Kerberos, format!("{what}: {said}")))
        }
        None => {
            let message = format!("{what}: no answer of the KDC within {} s", timeout.as_secs_f64());
            Err(AdminError::new(ErrorKind::Kerberos, message))
        }
    }
}

/// Whether it ended well, none where it did not end in time; and what it said.
fn wait(mut child: Child, timeout: Duration) -> std::io::Result<(Option<bool>, String)> {
    let mut waited = Duration::ZERO;
    let ended = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status.success());
        }
        if waited >= timeout {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(TICK);
        waited += TICK;
    };
    let mut said = Vec::new();
    if let (Some(_), Some(mut stderr)) = (ended, child.stderr.take()) {
        stderr.read_to_end(&mut said)?;
    }
    Ok((ended, String::from_utf8_lossy(&said).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Answer<()> {
        run(Command::new("sh").args(["-c", script]), "planner@REALM", timeout)
    }

    #[test]
    fn what_it_said_is_told_and_its_silence_bounded() {
        let long = Duration::from_secs(60);
        assert_eq!(shell("exit 0", long), Ok(()));
        let told = |answer: Answer<()>| answer.map_err(|error| (error.kind, error.message));
        let refused = told(shell("echo 'kinit: Password incorrect' >&2; echo more >&2; exit 1", long));
        let wanted = "no Kerberos ticket for planner@REALM: kinit: Password incorrect".to_owned();
        assert_eq!(refused, Err((ErrorKind::Kerberos, wanted)));
        let silent = told(shell("exec sleep 60", Duration::from_millis(50)));
        let wanted = "no Kerberos ticket for planner@REALM: no answer of the KDC within 0.05 s".to_owned();
        assert_eq!(silent, Err((ErrorKind::Kerberos, wanted)));
    }

    #[test]
    fn without_kinit_the_package_is_named_and_without_a_keytab_nothing_is_run() {
        let none = run(&mut Command::new("/nowhere/kinit"), "planner", Duration::from_secs(60));
        assert_eq!(none.as_ref().map_err(|error| error.kind), Err(ErrorKind::Configuration));
        assert!(none.is_err_and(|error| error.message.contains("krb5-user")));
        assert_eq!(log_in(&Kerberos::default(), Duration::ZERO), Ok(()));
    }
}
