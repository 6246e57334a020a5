//! Rules of the repository that no compiler checks; `cargo test` runs them, too.

mod crates;
mod files;

use std::path::Path;

use anyhow::{Result, ensure};

/// Prints what breaks a rule; an error if anything does.
pub fn run(root: &Path) -> Result<()> {
    let problems = problems(root)?;
    problems.iter().for_each(|problem| println!("{problem}"));
    ensure!(problems.is_empty(), "tidy: {} to mend", problems.len());
    Ok(())
}

fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = files::problems(root)?;
    problems.extend(crates::problems(root)?);
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the repository");
        let problems = problems(root).expect("the repository can be read");
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
