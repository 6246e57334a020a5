//! The name that someone most likely meant.

/// The candidate fewest edits away from `name`, where that is near enough to be a slip of the finger: at most a third
/// of the letters, letter case and `-`, `_`, ` ` aside.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    let near = |candidate: &'a str| {
        let folded = folded(candidate);
        let edits = strsim::damerau_levenshtein(&wanted, &folded);
        let letters = wanted.chars().count().max(folded.chars().count());
        (3 * edits <= letters).then_some((edits, candidate))
    };
    candidates.into_iter().filter_map(near).min().map(|(_, candidate)| candidate)
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| !"-_ ".contains(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["resnet18", "resnet20", "lenet5", "squeezenet1_1"];
        for (typed, meant) in [
            ("resnet-20", "resnet20"),
            ("LeNet5", "lenet5"),
            ("resent18", "resnet18"),
            ("squeezenet11", "squeezenet1_1"),
        ] {
            assert_eq!(nearest(typed, names), Some(meant));
        }
        assert_eq!(nearest("vgg16", names), None);
        assert_eq!(nearest("", names), None);
    }
}
