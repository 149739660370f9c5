//! Loads the configuration of a command: file, environment, then the command's own flags.

use config::{Layers, Loaded};

use crate::cli::Global;
use crate::failure::WithHint as _;

/// The layers below the flags of a command.
pub(crate) fn layers(global: &Global) -> Layers {
    let mut layers = Layers::default();
    if let Some(path) = &global.config {
        layers = layers.file(path);
    }
    layers.environment(std::env::vars_os())
}

/// The configuration in effect, or everything that is wrong with it.
pub(crate) fn load(layers: Layers) -> anyhow::Result<Loaded> {
    layers.load().hint("`millrace config print` shows every setting with its default")
}
