//! Passwords come from the environment or a file of their own, so that no printed configuration holds one.

use std::path::Path;

/// The password in a variable of the environment or in a file; none if neither is named.
///
/// # Errors
/// When what is named is not there. No message holds the password.
pub(crate) fn password(variable: &str, file: &Path) -> Result<Option<String>, String> {
    if !variable.is_empty() {
        let found = std::env::var(variable);
        return found.map(Some).map_err(|_| format!("the environment has no {variable} with the password"));
    }
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    std::fs::read_to_string(file)
        .map(|text| Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        .map_err(|e| format!("cannot read the password from {}: {e}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_has_to_be_there() {
        let nowhere = Path::new("");
        assert_eq!(password("", nowhere), Ok(None));
        assert!(password("PATH", nowhere).unwrap().is_some());
        assert!(
            password("MILLRACE_NO_SUCH_PASSWORD", nowhere).unwrap_err().contains("MILLRACE_NO_SUCH_PASSWORD")
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        assert!(password("", &file).unwrap_err().contains("cannot read"));
        std::fs::write(&file, "se cret\n").unwrap();
        assert_eq!(password("", &file), Ok(Some("se cret".to_owned())));
    }
}
