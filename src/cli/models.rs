//! `evenkeel models`: the machine catalogue, with what vouches for each figure.

use std::path::PathBuf;

use super::common::{self, Format};
use super::exit::{CliError, Verdict};
use crate::report::models;

/// Arguments of `evenkeel models`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  evenkeel models list
  evenkeel models show i3en.3xlarge
  evenkeel models list --machines site/ --format json | jq -r '.models[].id'")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is shown.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// All machine models, a line each
    List {
        #[command(flatten)]
        output: Output,
    },
    /// One machine model: each figure with its day, source and confidence
    Show {
        /// The model's id
        model: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, clap::Args)]
struct Output {
    /// Directory of machine models beside the built-in ones
    #[arg(long, value_name = "DIR")]
    machines: Option<PathBuf>,
    /// Output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// Bad input, or what the system refused.
pub fn run(args: &Args) -> Result<Verdict, CliError> {
    let text = |json: Vec<u8>| String::from_utf8_lossy(&json).into_owned();
    let shown = match &args.what {
        What::List { output } => {
            let catalogue = common::catalogue(output.machines.as_deref())?;
            match output.format {
                Format::Text => models::list_text(catalogue.machines()),
                Format::Json => text(models::list_json(catalogue.machines())),
            }
        }
        What::Show { model, output } => {
            let catalogue = common::catalogue(output.machines.as_deref())?;
            let machine = catalogue.get(model).ok_or_else(|| {
                let near = catalogue.nearest(model, 3).join(", ");
                CliError::Usage(format!("{model:?} is no machine model; the nearest are {near}"))
            })?;
            match output.format {
                Format::Text => models::one_text(machine),
                Format::Json => text(models::one_json(machine)),
            }
        }
    };
    common::print(&shown)?;
    Ok(Verdict::Done)
}
