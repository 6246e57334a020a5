//! The bench computes what PyTorch computes: its formula to the bit, its works to the rounding of sums.

use serde_json::Value;
use striate::bench::formula;
use striate::bench::peer::Peer;

#[test]
fn the_formula_is_numpys() {
    let cases: Value = serde_json::from_str(include_str!("../fixtures/formula.json")).expect("JSON");
    for case in cases.as_array().expect("cases") {
        let number = |name: &str| case[name].as_u64().expect("a number");
        let bits: Vec<u64> =
            formula(number("n") as usize, number("k") as u32).into_iter().map(|v| u64::from(v.to_bits())).collect();
        assert_eq!(Value::from(&bits[bits.len() - 5..]), case["last_bits"], "{case}");
        assert_eq!(bits.iter().fold(0, |all, b| all ^ b), number("xor_of_bits"), "{case}");
    }
}

/// Ours agree to 1e-5 today; other ways to convolve may round more, and 1e-3 is what the comparison allows.
#[test]
fn works_compute_what_pytorch_computes() {
    let mut peer = Peer::default();
    for line in include_str!("../fixtures/works.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = peer.answer(&words[..2].join(" ")).expect("computes").expect("an answer");
        let ours: Vec<&str> = answer.split(' ').collect();
        assert_eq!((ours.len(), &ours[..2]), (words.len(), &words[..2]), "{answer}");
        for (ours, theirs) in ours[2..].iter().zip(&words[2..]) {
            let [a, b] = [ours, theirs].map(|word| word.parse::<f64>().expect("a number"));
            assert!((a - b).abs() <= 1e-3 * b.abs(), "ours {answer}, PyTorch's {line}");
        }
    }
}

#[test]
fn commands_are_answered_in_the_form_that_drivers_read() {
    let mut peer = Peer::default();
    let mut ask = |line: &str| peer.answer(line).expect("answers").unwrap_or_default();
    let ready = ask("prepare W5.c.fwd");
    let seconds = ready.strip_prefix("ready W5.c.fwd ").expect("the form");
    assert!(seconds.parse::<f64>().expect("seconds") > 0.0 && seconds.split('.').nth(1).map(str::len) == Some(6));
    let ran = ask("run W5.c.fwd 2");
    let seconds = ran.strip_prefix("W5.c.fwd ").expect("the form");
    assert!(seconds.parse::<f64>().expect("seconds") > 0.0 && seconds.split('.').nth(1).map(str::len) == Some(7));
    if cfg!(target_os = "linux") {
        assert!(ask("rss").strip_prefix("rss ").expect("the form").parse::<u64>().expect("MiB") > 10);
    }
}
