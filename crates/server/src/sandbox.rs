//! placeholder
use crate::config::Config;
use std::path::Path;
#[derive(Debug, Default)]
pub struct Sandbox;
impl Sandbox {
    pub fn none() -> Self {
        Self
    }
    pub fn holds(&self, _config: &Config, _file: &Path) -> Result<(), String> {
        Ok(())
    }
}
impl std::fmt::Display for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("none")
    }
}
