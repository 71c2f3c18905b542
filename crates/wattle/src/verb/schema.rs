//! `wattle schema`: the JSON Schema of a file that people write, and the OpenAPI document of the control protocol.

use super::print_json;
use crate::cli::{Schema, SchemaOf};
use crate::problem::Problem;

pub(crate) fn run(arguments: &Schema) -> Result<(), Problem> {
    print_json(&match arguments.of {
        SchemaOf::App => wattle_spec::manifest::schema(),
        SchemaOf::Host => wattle_spec::host_file::schema(),
        SchemaOf::Control => crate::control::document(),
    })
}
