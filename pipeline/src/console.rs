//! The terminal, shared by the live screen, progress bars and the log.
//!
//! Whoever writes while a screen or a bar stands there would tear it apart. So all of them go through
//! one [`Console`]: it takes the drawing away, lets the line pass, and has the drawing come again.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Steps of a progress bar.
const THOUSAND: u64 = 1_000;

/// What stands on the terminal now.
#[derive(Default)]
struct Drawn {
    /// Lines of the live screen.
    lines: usize,
    bar: Option<ProgressBar>,
}

/// The terminal.
pub(crate) struct Console {
    quiet: bool,
    stdout: Term,
    stderr: Term,
    drawn: Mutex<Drawn>,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Arc<Self> {
        Arc::new(Self {
            quiet,
            stdout: Term::buffered_stdout(),
            stderr: Term::stderr(),
            drawn: Mutex::default(),
        })
    }

    /// True if a live screen can be drawn and is wanted.
    pub(crate) fn has_screen(&self) -> bool {
        self.stdout.is_term() && !self.quiet
    }

    /// True if somebody may be reading standard error.
    pub(crate) fn stderr_is_terminal(&self) -> bool {
        self.stderr.is_term()
    }

    /// Rows and columns of the screen.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.stdout.size();
        (rows.into(), columns.into())
    }

    /// Puts `lines` where the lines of the call before stood.
    pub(crate) fn draw(&self, lines: &[String]) -> io::Result<()> {
        let mut drawn = self.drawn();
        self.stdout.clear_last_lines(drawn.lines)?;
        for line in lines {
            self.stdout.write_line(line)?;
        }
        drawn.lines = lines.len();
        self.stdout.flush()
    }

    /// Leaves the lines of the live screen standing as they are.
    pub(crate) fn release(&self) {
        self.drawn().lines = 0;
    }

    /// A progress bar on standard error; hidden where nobody would see it.
    pub(crate) fn progress(self: &Arc<Self>, what: &str) -> Progress {
        let target = if self.quiet || !self.stderr.is_term() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        // The template is a constant; a wrong one would show in the first run.
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% {msg} [{elapsed}]")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(THOUSAND), target).with_style(style);
        bar.set_prefix(what.to_owned());
        self.drawn().bar = Some(bar.clone());
        Progress { console: Arc::clone(self), bar }
    }

    /// A line for the user on standard error, unless they want quiet.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            self.write_stderr(format!("{line}\n").as_bytes());
        }
    }

    /// A line on standard error that is part of the result: what of the input was refused.
    pub(crate) fn complain(&self, line: &str) {
        self.write_stderr(format!("{line}\n").as_bytes());
    }

    fn write_stderr(&self, bytes: &[u8]) {
        let mut drawn = self.drawn();
        if self.stdout.is_term() && drawn.lines > 0 && self.stderr.is_term() {
            // A terminal that cannot be cleared only looks untidy.
            let _ = self.stdout.clear_last_lines(drawn.lines).and_then(|()| self.stdout.flush());
            drawn.lines = 0;
        }
        // If standard error is closed there is nobody to tell.
        let write = || drop(io::stderr().write_all(bytes));
        match &drawn.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A progress bar; it goes away when it is finished or dropped.
pub(crate) struct Progress {
    console: Arc<Console>,
    bar: ProgressBar,
}

impl Progress {
    /// Shows how far the work has come, from 0 to 1, where that is known.
    pub(crate) fn show(&self, done_ratio: Option<f64>, message: String) {
        if let Some(ratio) = done_ratio {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
            self.bar.set_position((ratio.clamp(0.0, 1.0) * 1_000.0) as u64);
        }
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.console.drawn().bar = None;
    }
}

/// Writes log lines through the console.
#[derive(Clone)]
pub(crate) struct LogWriter(pub(crate) Arc<Console>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_stderr(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
