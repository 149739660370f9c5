//! The table of routes: everything that can be read, with its parameters. The router and the OpenAPI document are
//! made of it.

use crate::answer::Answer;
use crate::app::App;
use crate::history::Moment;
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;

/// What answers a request, at one frontier of the store.
pub(crate) type Find = fn(&Ask, &dyn Moment, &App) -> Result<Answer, Problem>;

/// Something that can be read.
pub(crate) struct Route {
    /// Below `/api/v1`, with parameters in braces.
    pub(crate) path: &'static str,
    /// Its group in the documents.
    pub(crate) tag: &'static str,
    pub(crate) doc: &'static str,
    /// Of the path first.
    pub(crate) parameters: &'static [Parameter],
    pub(crate) gives: Gives,
    pub(crate) find: Find,
}

/// The data of an answer, for the documents.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gives {
    /// Rows of a record, with further members.
    Rows(&'static str),
    /// One row of a record, with further members.
    Row(&'static str),
    /// An array of objects.
    Array,
    /// An object.
    Object,
}

pub(crate) const MINT: Parameter = Parameter::new("mint", Form::Address, "The token.");
pub(crate) const FIELDS: Parameter =
    Parameter::new("fields", Form::Names, "Only these columns, with commas between.");
pub(crate) const CURSOR: Parameter =
    Parameter::new("cursor", Form::Text(1_024), "`meta.next` of the page before.");
pub(crate) const LIMIT: Parameter = Parameter::new("limit", Form::Count(1, 500), "Rows of a page.").or("50");
pub(crate) const LIMIT_100: Parameter = LIMIT.or("100");
pub(crate) const FROM: Parameter =
    Parameter::new("from", Form::Count(0, 1 << 52), "Not before this, milliseconds since 1970.");
pub(crate) const TO: Parameter =
    Parameter::new("to", Form::Count(0, 1 << 52), "Before this, milliseconds since 1970.");

impl Route {
    /// The parameters of the path.
    pub(crate) fn is_in_path(&self, name: &str) -> bool {
        self.path
            .split('/')
            .any(|part| part.strip_prefix('{').is_some_and(|p| p.strip_suffix('}') == Some(name)))
    }
}
