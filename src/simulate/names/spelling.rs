//! The same name as another clerk would write it.

use super::super::dice::Dice;

/// Spellings that stand for each other when names go from one script to another.
const PAIRS: &[(&str, &str)] = &[
    ("zh", "j"),
    ("kh", "h"),
    ("iy", "y"),
    ("ye", "e"),
    ("sh", "s"),
    ("ay", "ai"),
    ("ev", "yev"),
    ("ks", "x"),
    ("ue", "u"),
    ("oe", "o"),
    ("ss", "s"),
    ("ts", "c"),
    ("ya", "ia"),
    ("yu", "iu"),
    ("ou", "u"),
    ("ei", "ey"),
];

/// Another way to write `text`: other letters for a sound, an order turned round, an initial, an
/// abbreviation, all capitals, or a slip of the finger.
pub(in crate::simulate) fn respell(text: &str, dice: &mut Dice) -> String {
    match dice.below(8) {
        0 => text.to_uppercase(),
        1 => swapped(text),
        2 => initial(text),
        3 => slip(text, dice),
        _ => transliterated(text, dice),
    }
}

fn transliterated(text: &str, dice: &mut Dice) -> String {
    let first = dice.below(PAIRS.len() as u64) as usize;
    for step in 0..PAIRS.len() {
        let (a, b) = PAIRS[(first + step) % PAIRS.len()];
        if text.contains(a) {
            return text.replacen(a, b, 1);
        }
        if b.len() > 1 && text.contains(b) {
            return text.replacen(b, a, 1);
        }
    }
    slip(text, dice)
}

fn swapped(text: &str) -> String {
    match text.split_once(' ') {
        Some((first, rest)) => format!("{rest} {first}"),
        None => text.to_lowercase(),
    }
}

fn initial(text: &str) -> String {
    match text.split_once(' ') {
        Some((first, rest)) => {
            first.chars().next().map_or_else(|| rest.to_owned(), |letter| format!("{letter}. {rest}"))
        }
        None => text.to_uppercase(),
    }
}

/// One letter twice, or one left out.
fn slip(text: &str, dice: &mut Dice) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = dice.below(letters.len() as u64) as usize;
    let twice = dice.chance(0.5);
    let mut slipped = String::with_capacity(text.len() + 4);
    for (idx, letter) in letters.iter().enumerate() {
        if idx != at || twice || letters.len() < 4 {
            slipped.push(*letter);
        }
        if idx == at && twice {
            slipped.push(*letter);
        }
    }
    slipped
}

#[cfg(test)]
mod tests {
    use super::super::super::dice::{Purpose, Seed};
    use super::*;

    #[test]
    fn a_name_stays_recognizable() {
        let mut dice = Seed::new(3).stream(Purpose::Identity, 2);
        let spelled: Vec<String> = (0..8).map(|_| respell("Zhanar Akhmetov", &mut dice)).collect();
        assert!(spelled.iter().any(|name| name != "Zhanar Akhmetov"));
        for name in spelled {
            let mut words: Vec<String> = name.to_lowercase().split(' ').map(str::to_owned).collect();
            words.sort();
            assert!(strsim::jaro_winkler(&words.join(" "), "akhmetov zhanar") > 0.8, "{name}");
        }
        assert_eq!(initial("Zhanar Akhmetov"), "Z. Akhmetov");
        assert_eq!(swapped("Zhanar Akhmetov"), "Akhmetov Zhanar");
    }
}
