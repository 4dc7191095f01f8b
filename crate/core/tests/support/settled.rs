//! Output of ip(8) that can be compared.

/// Returns `text` without the parts that the kernel changes by itself, a moment after a link changes: the state of the
/// carrier, and that an address is not checked yet.
pub(crate) fn settled(text: &str) -> String {
    let is_of_carrier = |word: &&str| !matches!(*word, "linkdown" | "tentative" | "NO-CARRIER");
    let line = |line: &str| {
        let line = line.replace("NO-CARRIER,", "").replace(",LOWER_UP", "");
        let mut words: Vec<&str> = line.split_whitespace().filter(is_of_carrier).collect();
        if let Some(state) = words.iter().position(|word| *word == "state") {
            words.drain(state..(state + 2).min(words.len()));
        }
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
