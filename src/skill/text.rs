//! Small helpers on text: likeness of names.

/// Edit distance (Levenshtein) between two short texts; texts over 64 characters are never alike.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(65).collect(), b.chars().take(65).collect());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = before + usize::from(ca != cb);
            before = row[j + 1];
            row[j + 1] = substitute.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The candidate most like `wanted`, if one is like enough to be meant.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let scored = candidates.map(|candidate| {
        let lower = candidate.to_lowercase();
        let inside = wanted.len() >= 3 && lower.contains(&wanted);
        (if inside { 1 } else { distance(&wanted, &lower) }, candidate)
    });
    let limit = wanted.chars().count().div_ceil(3).max(1);
    scored.filter(|(score, _)| *score <= limit).min_by_key(|(score, _)| *score).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let names = ["text-stats", "csv-report", "red-team"];
        assert_eq!(did_you_mean("redteam", names.into_iter()), Some("red-team"));
        assert_eq!(did_you_mean("csv", names.into_iter()), Some("csv-report"));
        assert_eq!(did_you_mean("zzz", names.into_iter()), None);
    }
}
