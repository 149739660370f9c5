//! Events in log lines, with the program that wrote them and which of its invocations it was.
//!
//! A line does not say who wrote it: that is whoever is on top of the stack of invocations, which the
//! lines `Program … invoke [depth]`, `… success` and `… failed` push and pop. The log of a transaction
//! is cut off at 10,000 bytes with a last line `Log truncated`; what comes after is not there, and the
//! stack would no longer balance, so reading stops.
//!
//! A program cannot forge these lines: its own text always stands behind `Program log: `.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use model::Program;

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Who wrote it.
    pub program: Program,
    /// Which of that program's invocations in this transaction, counted from 0.
    pub invocation: usize,
    /// True for a `ray_log`, false for `Program data`.
    pub ray: bool,
    /// The bytes, discriminator first.
    pub bytes: Vec<u8>,
}

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEvents {
    /// The events, in the order of the lines.
    pub events: Vec<LogEvent>,
    /// True if the log was cut off.
    pub truncated: bool,
    /// Lines that should hold an event's bytes and hold something else.
    pub unreadable: u64,
}

/// The addresses of all programs as the log spells them.
static SPELLED: LazyLock<[String; Program::ALL.len()]> =
    LazyLock::new(|| Program::ALL.map(|program| program.address().to_string()));

/// Reads the events that `programs` wrote; what others wrote is passed over.
#[must_use]
pub fn read(lines: &[String], programs: &[Program]) -> LogEvents {
    let mut reader = Reader {
        programs,
        invocations: [0; Program::ALL.len()],
        stack: Vec::new(),
        out: LogEvents::default(),
    };
    for line in lines {
        if line == "Log truncated" {
            reader.out.truncated = true;
            break;
        }
        if let Some(line) = line.strip_prefix("Program ") {
            reader.line(line);
        }
    }
    reader.out
}

struct Reader<'a> {
    /// The programs of interest.
    programs: &'a [Program],
    /// Invocations so far, by program.
    invocations: [usize; Program::ALL.len()],
    /// Who is running, outermost first, and which invocation it is; none for programs of no interest.
    stack: Vec<Option<(Program, usize)>>,
    out: LogEvents,
}

impl Reader<'_> {
    /// Takes a line without its leading `Program `.
    fn line(&mut self, line: &str) {
        if let Some(data) = line.strip_prefix("data: ") {
            self.data(data);
        } else if let Some(text) = line.strip_prefix("log: ") {
            self.text(text);
        } else if let Some((address, rest)) = line.split_once(' ') {
            if let Some(depth) = rest.strip_prefix("invoke [").and_then(|rest| rest.strip_suffix(']')) {
                self.invoke(address, depth);
            } else if rest == "success" || rest.starts_with("failed") {
                self.stack.pop();
            }
        }
    }

    fn invoke(&mut self, address: &str, depth: &str) {
        // The depth rights a stack that a line of an unknown form left unbalanced.
        if let Some(above) = depth.parse::<usize>().ok().and_then(|depth| depth.checked_sub(1)) {
            self.stack.truncate(above);
        }
        let program = self.programs.iter().find(|program| SPELLED[**program as usize] == address).copied();
        self.stack.push(program.map(|program| {
            let count = &mut self.invocations[program as usize];
            *count += 1;
            (program, *count - 1)
        }));
    }

    fn data(&mut self, data: &str) {
        let Some(Some((program, invocation))) = self.stack.last().copied() else { return };
        // A program that logs several slices gets several words; Anchor logs an event as one.
        for word in data.split(' ') {
            match base64(word) {
                Some(bytes) => self.out.events.push(LogEvent { program, invocation, ray: false, bytes }),
                None => self.out.unreadable += 1,
            }
        }
    }

    fn text(&mut self, text: &str) {
        let Some(Some((program @ Program::RaydiumAmmV4, invocation))) = self.stack.last().copied() else {
            return;
        };
        // Some `ray_log:` lines hold an error in words; those that are no base64 are not events.
        if let Some(bytes) = text.strip_prefix("ray_log: ").and_then(base64) {
            self.out.events.push(LogEvent { program, invocation, ray: true, bytes });
        }
    }
}

/// Decodes base64 with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines()
            .map(|line| {
                line.trim()
                    .replace("PUMP", &Program::Pump.address().to_string())
                    .replace("SWAP", &Program::Pumpswap.address().to_string())
                    .replace("RAY", &Program::RaydiumAmmV4.address().to_string())
            })
            .collect()
    }

    fn found(text: &str) -> Vec<(Program, usize, Vec<u8>)> {
        let read = read(&lines(text), &Program::ALL);
        read.events.into_iter().map(|event| (event.program, event.invocation, event.bytes)).collect()
    }

    #[test]
    fn a_line_belongs_to_the_top_of_the_stack() {
        let text = "Program PUMP invoke [1]
            Program SWAP invoke [2]
            Program data: AQ==
            Program SWAP consumed 5 of 10 compute units
            Program SWAP success
            Program data: Ag==
            Program other invoke [2]
            Program data: CQ==
            Program other failed: custom program error: 0x1
            Program PUMP success
            Program PUMP invoke [1]
            Program data: Aw";
        assert_eq!(
            found(text),
            [(Program::Pumpswap, 0, vec![1]), (Program::Pump, 0, vec![2]), (Program::Pump, 1, vec![3]),]
        );
    }

    #[test]
    fn nothing_after_a_cut_is_read() {
        let text = "Program PUMP invoke [1]
            Program data: AQ==
            Log truncated
            Program data: Ag==";
        let read = read(&lines(text), &Program::ALL);
        assert_eq!((read.events.len(), read.truncated), (1, true));
    }

    #[test]
    fn ray_logs_count_for_their_program_only_and_may_hold_words() {
        let text = "Program RAY invoke [1]
            Program log: ray_log: AQ==
            Program log: ray_log: key mismatch!
            Program log: Program data: AQ==
            Program RAY success
            Program PUMP invoke [1]
            Program log: ray_log: AQ==";
        assert_eq!(found(text), [(Program::RaydiumAmmV4, 0, vec![1])]);
    }

    #[test]
    fn data_that_is_no_base64_is_counted() {
        let read = read(&lines("Program PUMP invoke [1]\nProgram data: ***"), &Program::ALL);
        assert_eq!((read.events.len(), read.unreadable), (0, 1));
    }

    proptest! {
        #[test]
        fn any_lines_are_read_to_the_end(lines in prop::collection::vec(
            "(Program |)(data: |log: ray_log: |675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8 |)(invoke \\[[0-9]{0,3}\\]|success|failed|[A-Za-z0-9+/=]{0,12})", 0..40,
        )) {
            prop_assert!(read(&lines, &Program::ALL).events.len() <= lines.len() * 12);
        }
    }
}
