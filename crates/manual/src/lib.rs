//! Manual pages and completions of our programs, made of the command line as it is parsed, so that no page says
//! what the program does not do.
//!
//! It knows no program: what a page has beyond options is handed in, or taken from the texts of `--help`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use tsmgate_text::escape;

pub use clap_complete::Shell;

/// What the page of a whole program has that its command line does not say.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Variables that no option reads, each with what it does.
    pub environment: &'a [(&'a str, &'a str)],
    /// Files and sockets that it goes by, each with what it is.
    pub files: &'a [(&'a str, &'a str)],
    /// Other pages, such as `tsmgate(1)`.
    pub see_also: &'a [&'a str],
}

/// The commands by which a program shows its completions and its manual pages.
#[derive(Debug, clap::Subcommand)]
pub enum Shown {
    /// Print the completions of this program for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages into a folder, one for each command
    Manual {
        /// The folder; it is made where there is none
        folder: PathBuf,
    },
}

/// What cannot be written.
#[derive(Debug)]
pub struct Unwritten {
    /// Which file or folder; `None` is the answer itself.
    pub path: Option<PathBuf>,
    /// What the system says.
    pub cause: io::Error,
}

impl fmt::Display for Unwritten {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => {
                let path = escape(path.as_os_str().as_encoded_bytes());
                write!(formatter, "cannot write {path}: {}", self.cause)
            }
            None => write!(formatter, "cannot write the answer: {}", self.cause),
        }
    }
}

impl Shown {
    /// Does it, for the program with this command line; an answer goes to `out`. A reader who closed early has
    /// read enough.
    ///
    /// # Errors
    /// A page or the answer cannot be written.
    pub fn perform(
        self,
        command: Command,
        around: &Surroundings<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Unwritten> {
        match self {
            Self::Manual { folder } => write(command, &folder, around),
            Self::Completions { shell } => match out.write_all(&completions(command, shell)) {
                Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Unwritten { path: None, cause })
                }
                _ => Ok(()),
            },
        }
    }
}

/// The completions of a program for a shell.
pub fn completions(mut command: Command, shell: Shell) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    text
}

/// Writes the pages of a program into a folder, `NAME.1` and `NAME-COMMAND.1`.
///
/// # Errors
/// The folder cannot be made, or a page not be written.
pub fn write(
    mut command: Command,
    folder: &Path,
    around: &Surroundings<'_>,
) -> Result<(), Unwritten> {
    let at = |path: &Path| {
        let path = Some(path.to_owned());
        move |cause| Unwritten { path, cause }
    };
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    // each page has all its options, the common ones too, and is called by its whole name
    command.build();
    for (name, page) in pages(&command, around).map_err(at(folder))? {
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, page).map_err(at(&path))?;
    }
    Ok(())
}

/// The text of each page, by its name.
fn pages(root: &Command, around: &Surroundings<'_>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let name = root.get_name().to_owned();
    let source = format!("{name} {}", root.get_version().unwrap_or_default());
    let mut ahead = below(root, &name);
    let mut pages = vec![(name.clone(), page(root, &name, &source, Some(around))?)];
    while let Some((command, name)) = ahead.pop() {
        ahead.extend(below(command, &name));
        let page = page(command, &name, &source, None)?;
        pages.push((name, page));
    }
    Ok(pages)
}

/// The commands below one that `--help` shows, each with the name of its page.
fn below<'a>(command: &'a Command, name: &str) -> Vec<(&'a Command, String)> {
    let shown = |below: &&Command| !below.is_hide_set() && below.get_name() != "help";
    let named = |below: &'a Command| (below, format!("{name}-{}", below.get_name()));
    command.get_subcommands().filter(shown).map(named).collect()
}

/// One page. The whole program's has what stands around it as well.
fn page(
    command: &Command,
    name: &str,
    source: &str,
    around: Option<&Surroundings<'_>>,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    // the synopsis calls it as it is typed, the title as the page is found
    let man = Man::new(command.clone()).title(name).section("1").source(source);
    man.render_title(&mut out)?;
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::default();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {}", about.trim_end_matches('.')))]);
    roff.to_writer(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut out)?;
    }
    let mut roff = Roff::default();
    commands(&mut roff, command, name);
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    told(&mut roff, &help);
    if let Some(around) = around {
        environment(&mut roff, command, around);
        listed(&mut roff, "FILES", around.files);
    }
    see_also(&mut roff, name, around);
    roff.to_writer(&mut out)?;
    Ok(out)
}

/// The commands below this one, each with its page.
fn commands(roff: &mut Roff, command: &Command, name: &str) {
    let below: Vec<_> = below(command, name);
    if below.is_empty() {
        return;
    }
    roff.control("SH", ["COMMANDS"]);
    for (command, name) in below {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        roff.control("TP", []);
        roff.text([bold(format!("{name}(1)"))]);
        roff.text([roman(about)]);
    }
}

/// The paragraphs that follow the options in `--help`, each under the heading that it begins with.
fn told(roff: &mut Roff, help: &str) {
    let mut by_heading: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for paragraph in help.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let (heading, lines) = match first {
            "Exit codes:" => ("EXIT STATUS", rest),
            "Examples:" | "Example:" => ("EXAMPLES", rest),
            _ => ("NOTES", paragraph),
        };
        by_heading.entry(heading).or_default().push(lines);
    }
    for heading in ["NOTES", "EXIT STATUS", "EXAMPLES"] {
        let Some(paragraphs) = by_heading.get(heading) else { continue };
        roff.control("SH", [heading]);
        for (index, paragraph) in paragraphs.iter().enumerate() {
            if index > 0 {
                roff.control("PP", []);
            }
            // their lines are laid out already
            roff.control("nf", []);
            for line in paragraph.lines() {
                roff.text([roman(line)]);
            }
            roff.control("fi", []);
        }
    }
}

/// Every variable that an option of the program or of a command of it reads, and the others.
fn environment(roff: &mut Roff, command: &Command, around: &Surroundings<'_>) {
    let mut variables = BTreeMap::new();
    let mut ahead = vec![command];
    while let Some(command) = ahead.pop() {
        ahead.extend(command.get_subcommands());
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let (Some(variable), Some(long)) = (argument.get_env(), argument.get_long()) else {
                continue;
            };
            variables
                .insert(variable.to_string_lossy().into_owned(), format!("The option --{long}."));
        }
    }
    for (name, what) in around.environment {
        variables.insert((*name).to_owned(), (*what).to_owned());
    }
    let variables: Vec<_> =
        variables.iter().map(|(name, what)| (name.as_str(), what.as_str())).collect();
    listed(roff, "ENVIRONMENT", &variables);
}

fn listed(roff: &mut Roff, heading: &str, entries: &[(&str, &str)]) {
    if entries.is_empty() {
        return;
    }
    roff.control("SH", [heading]);
    for (name, what) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*what)]);
    }
}

/// The page above, or those beside the program.
fn see_also(roff: &mut Roff, name: &str, around: Option<&Surroundings<'_>>) {
    let pages: Vec<String> = match around {
        Some(around) => around.see_also.iter().map(ToString::to_string).collect(),
        None => name.rsplit_once('-').map(|(above, _)| format!("{above}(1)")).into_iter().collect(),
    };
    if pages.is_empty() {
        return;
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(pages.join(", "))]);
}
