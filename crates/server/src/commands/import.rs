use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use domain::ports::Directory;
use domain::{DestinationRules, HomeCountries, OrganizationId};
use indicatif::{ProgressBar, ProgressStyle};

use super::{print, run, write};
use crate::config::Settings;
use crate::import::{CheckedFile, CsvLayout, FileRecords, LineReader, MappedColumn, read_csv, read_ndjson};
use crate::system::RandomIdentifiers;
use crate::telemetry;
use crate::wiring::{Stores, calling_rules};

/// What `outdial import` does with a file.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ImportOptions {
    /// Check the file and report every line that cannot be loaded, and import nothing.
    #[arg(long)]
    dry_run: bool,
    /// Import the other lines if lines cannot be loaded. Without it, such a file is not imported.
    #[arg(long)]
    skip_invalid: bool,
    /// The file is a CSV file of contacts: one on each row, and the first row names the columns. Rows
    /// with the same phone number are merged.
    #[arg(long)]
    csv: bool,
    /// The column of a field, for example `phoneNumber=Mobile`. Repeat it for each field: id,
    /// organizationId, firstName, lastName, phoneNumber, countryCode, timeZone, region, state, country.
    /// A column whose header is the name of one of the first six needs none.
    #[arg(long, value_name = "FIELD=HEADER", requires = "csv")]
    column: Vec<MappedColumn>,
    /// The id of the organization of the contacts, if no column has it.
    #[arg(long, value_name = "ID", requires = "csv", value_parser = OrganizationId::parse)]
    organization: Option<OrganizationId>,
    /// The country of every phone number without + whose row names no country: a calling code like 91
    /// or a code like IN.
    #[arg(long, value_name = "COUNTRY", requires = "csv", value_parser = HomeCountries::parse)]
    default_country: Option<HomeCountries>,
}

pub(crate) fn import(settings: Settings, path: &Path, options: ImportOptions) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let imported = import_file(file, stores.directory(), &settings.destinations, options).await;
        stores.close().await;
        print(&imported.with_context(|| path.display().to_string())?)
    })
}

/// Returns what was done. Every line that cannot be loaded is reported on standard error.
async fn import_file(
    file: File,
    directory: Arc<dyn Directory>,
    destinations: &DestinationRules,
    options: ImportOptions,
) -> anyhow::Result<String> {
    let ImportOptions { dry_run, skip_invalid, .. } = options;
    let file = read(BufReader::new(file), destinations, options)?;
    let bar = progress_bar(file.count(), "{pos}/{len} checked");
    let checked =
        CheckedFile::check(file, Arc::clone(&directory), |records| bar.set_position(records as u64));
    let checked = checked.await;
    bar.finish_and_clear();
    let mut checked = checked?;
    let found = checked.faults().count();
    for note in checked.notes() {
        report(&format!("{note}\n"))?;
    }
    if !skip_invalid || dry_run {
        report(&checked.faults().to_string())?;
    }
    anyhow::ensure!(skip_invalid || found == 0, "lines that cannot be loaded: {found}; nothing was imported");
    let merged = match checked.merged() {
        0 => String::new(),
        rows => format!("; merged rows: {rows}"),
    };
    if dry_run {
        return Ok(format!("{} records can be imported{merged}; nothing was imported\n", checked.count()));
    }
    let bar = progress_bar(checked.count(), "{pos}/{len} stored");
    let stored =
        checked.store(directory.as_ref(), skip_invalid, |records| bar.set_position(records as u64)).await;
    bar.finish_and_clear();
    report(&checked.faults().to_string())?;
    stored?;
    Ok(match checked.faults().count() {
        0 => format!("imported {} records{merged}\n", checked.count()),
        skipped => format!("imported {} records{merged}; skipped lines: {skipped}\n", checked.count()),
    })
}

fn read(
    file: BufReader<File>,
    destinations: &DestinationRules,
    options: ImportOptions,
) -> anyhow::Result<FileRecords> {
    let ImportOptions { csv, column: mapped, organization, default_country, .. } = options;
    let rules = calling_rules();
    let reader = LineReader { identifiers: &RandomIdentifiers, destinations, rules: rules.as_ref() };
    Ok(if csv {
        read_csv(file, &CsvLayout { mapped, organization, default_country }, reader)?
    } else {
        read_ndjson(file, reader)?
    })
}

fn report(text: &str) -> anyhow::Result<()> {
    write(std::io::stderr().lock(), text)
}

fn progress_bar(length: usize, position: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {position} {{eta}}");
    let style = ProgressStyle::with_template(&template).expect("a valid template");
    ProgressBar::new(length as u64).with_style(style)
}
