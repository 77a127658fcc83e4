//! The flags by which a running Cruise Control is reached, and its refusals as the reader gets them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Answers;
use crate::cli::common::{self, EndOfHeading};
use crate::cli::exit::CliError;
use crate::cli::progress::Progress;
use crate::live::cruise_control::{self, CruiseControlError, CruiseControlErrorKind};
use crate::live::http::{Address, Credentials, HttpSettings, Secret};
use crate::live::surroundings::System;

/// How a running Cruise Control is reached.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A running Cruise Control")]
pub(super) struct UrlArgs {
    /// Ask the Cruise Control at this address, path included, as its webserver.api.urlprefix has it
    // Not read by the parser of arguments, which would repeat it in its errors, a password in it included.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// File with the user's name, for basic authentication
    #[arg(long, value_name = "FILE", requires = "url", requires = "password_file")]
    user_file: Option<PathBuf>,
    /// File with the password
    #[arg(long, value_name = "FILE", requires = "user_file")]
    password_file: Option<PathBuf>,
    /// File with a bearer token (JWT)
    #[arg(long, value_name = "FILE", requires = "url", conflicts_with = "user_file")]
    bearer_token_file: Option<PathBuf>,
    /// Authorities (PEM) that are trusted in place of the system's
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// How long any one answer may take to arrive
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = common::parse_duration)]
    timeout: Duration,
    /// How long Cruise Control may compute an answer, while it tells its progress
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = common::parse_duration)]
    wait: Duration,
    #[command(flatten)]
    end: EndOfHeading,
}

impl UrlArgs {
    /// Whether saved answers are to be read.
    pub(super) fn is_absent(&self) -> bool {
        self.url.is_none()
    }

    /// Asks.
    ///
    /// # Errors
    /// A file that cannot be read, or what became of the request.
    pub(super) fn fetch(&self) -> Result<Answers, CliError> {
        let Some(url) = &self.url else {
            return Err(CliError::Usage("give --url or a --dir with saved answers".to_owned()));
        };
        let address = Address::parse(url).map_err(|error| CliError::Usage(format!("--url: {error}")))?;
        let settings = HttpSettings {
            credentials: self.credentials()?,
            ca_pem: self.ca_file.as_deref().map(bytes).transpose()?,
            timeout: self.timeout,
            ..HttpSettings::default()
        };
        let progress = Progress::new();
        let show = |stage: &str, share: f64| progress.show(stage, share);
        let answers = cruise_control::fetch(&address, &settings, self.wait, &System, &show)?;
        Ok(Answers {
            cluster_state: answers.cluster_state,
            partition_load: answers.partition_load,
            load: Some(answers.load),
            told: answers.told,
        })
    }

    fn credentials(&self) -> Result<Credentials, CliError> {
        if let Some(path) = &self.bearer_token_file {
            return Ok(Credentials::Bearer(Secret::new(line(path)?)));
        }
        Ok(match (&self.user_file, &self.password_file) {
            (Some(user), Some(password)) => {
                Credentials::Basic { user: line(user)?, password: Secret::new(line(password)?) }
            }
            _ => Credentials::Anonymous,
        })
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::Usage(format!("{} cannot be read: {error}", path.display())))
}

/// The one line of a file; nothing of it is told.
fn line(path: &Path) -> Result<String, CliError> {
    let text = String::from_utf8(bytes(path)?).ok();
    let line = text.as_deref().map(str::trim).filter(|line| !line.is_empty() && !line.contains('\n'));
    line.map(str::to_owned).ok_or_else(|| CliError::Usage(format!("{} does not hold one line of text", path.display())))
}

impl From<CruiseControlError> for CliError {
    fn from(error: CruiseControlError) -> Self {
        let help = match error.kind {
            CruiseControlErrorKind::Configuration => "check --url and the files that are given with it",
            CruiseControlErrorKind::Unreachable => {
                "check the address, that Cruise Control runs, and --timeout and --wait where it is slow"
            }
            CruiseControlErrorKind::Tls => "give the authority that signed its certificate with --ca-file",
            CruiseControlErrorKind::Denied => {
                "give --user-file and --password-file, or --bearer-token-file, of a user with the role USER"
            }
            CruiseControlErrorKind::NotFound => {
                "check the path in --url: it ends in /kafkacruisecontrol unless webserver.api.urlprefix says otherwise"
            }
            CruiseControlErrorKind::Refused => {
                "Cruise Control needs metrics of some windows before it answers; its /state tells how far it is"
            }
        };
        Self::Failed(format!("{error}\n  help: {help}"))
    }
}
