//! Reasons and notices as sentences.

mod en;
mod kk;
mod ru;

use super::{Language, ReasonCode};
use crate::history::Counts;
use crate::parcel::NoticeCode;

/// One sentence for an officer: what the ground is, what is known, which way it speaks.
///
/// `known` is the history behind the ground's strongest feature, where it has one. Counts are
/// decayed, so they are said as "about" and rounded.
pub fn text(code: ReasonCode, contribution_log_odds: f64, known: Option<Counts>, language: Language) -> String {
    let way = match contribution_log_odds {
        raises if raises > 0.0 => Way::Raises,
        lowers if lowers < 0.0 => Way::Lowers,
        _ => Way::Leaves,
    };
    let known = match known {
        _ if code.is_choice() => Known::Chosen,
        Some(counts) if counts.inspected >= 0.5 => {
            let inspected = counts.inspected.round();
            Known::Inspected { inspected, infringements: counts.infringements.round().min(inspected) }
        }
        Some(counts) if counts.seen >= 0.5 => Known::Seen { seen: counts.seen.round() },
        Some(_) => Known::Nothing,
        None if code.is_history() => Known::NotStated,
        None => Known::OfTheParcel,
    };
    match language {
        Language::English => en::sentence(code, known, way),
        Language::Russian => ru::sentence(code, known, way),
        Language::Kazakh => kk::sentence(code, known, way),
    }
}

/// One sentence for an officer on what was odd in a parcel.
pub fn notice_text(code: NoticeCode, language: Language) -> &'static str {
    match language {
        Language::English => en::notice(code),
        Language::Russian => ru::notice(code),
        Language::Kazakh => kk::notice(code),
    }
}

/// Which way a ground speaks.
#[derive(Clone, Copy)]
enum Way {
    Raises,
    Lowers,
    Leaves,
}

/// What is known of a ground's subject from before.
#[derive(Clone, Copy)]
enum Known {
    /// Whole numbers.
    Inspected { inspected: f64, infringements: f64 },
    /// A whole number, none of them inspected.
    Seen { seen: f64 },
    /// It never came.
    Nothing,
    /// The parcel does not say who or what it is.
    NotStated,
    /// The ground is how the parcel was chosen, which says nothing of its risk.
    Chosen,
    /// The ground is no history: the parcel itself says it.
    OfTheParcel,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn counts(seen: f64, inspected: f64, infringements: f64) -> Option<Counts> {
        Some(Counts { seen, inspected, infringements })
    }

    #[test]
    fn sentences_say_what_is_known_and_which_way_it_speaks() {
        let say = |code, contribution, known| text(code, contribution, known, Language::English);
        let code = ReasonCode::IdenticalConsignmentHistory;
        assert_eq!(
            say(code, 2.0, counts(4.0, 2.9, 2.8)),
            "Consignments like this one: about 3 of 3 inspected were infringements, which raises the risk."
        );
        assert_eq!(
            say(code, -0.1, counts(4.0, 0.1, 0.0)),
            "Consignments like this one: seen about 4 times, none inspected, which lowers the risk."
        );
        assert_eq!(
            say(code, 0.1, counts(0.0, 0.0, 0.0)),
            "Consignments like this one: nothing is known yet, which raises the risk."
        );
        assert_eq!(say(ReasonCode::DeclaredValue, 0.5, None), "The declared value raises the risk.");
        assert_eq!(say(ReasonCode::Description, 0.5, None), "The wording of the description raises the risk.");
        assert_eq!(say(ReasonCode::ItemId, -0.5, None), "The identifier of the item lowers the risk.");
        assert_eq!(
            say(ReasonCode::CarrierHistory, 0.0, None),
            "This carrier: not stated, which does not change the risk."
        );
    }

    #[test]
    fn a_parcel_drawn_at_random_is_under_no_suspicion_in_any_language() {
        let said = Language::ALL.iter().map(|language| text(ReasonCode::RandomControl, 0.0, None, *language));
        let expected = [
            "Selected at random (control sample), no suspicion.",
            "Выбрано случайно (контрольная выборка), подозрений нет.",
            "Кездейсоқ таңдалды (бақылау іріктемесі), күдік жоқ.",
        ];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_same_is_said_in_russian_and_kazakh() {
        let known = counts(4.0, 2.9, 0.9);
        let code = ReasonCode::SenderHistory;
        assert_eq!(
            text(code, 2.0, known, Language::Russian),
            "Этот отправитель: досмотрено около 3, с нарушениями 1. Это повышает риск."
        );
        assert_eq!(
            text(code, 2.0, known, Language::Kazakh),
            "Осы жөнелтуші: шамамен 3 жөнелтілім тексерілді, 1 бұзушылықпен. Бұл тәуекелді арттырады."
        );
        assert_eq!(
            text(ReasonCode::DeclaredValue, -2.0, None, Language::Russian),
            "Заявленная стоимость: снижает риск."
        );
    }

    #[test]
    fn every_notice_has_a_sentence_of_its_own_in_each_language() {
        let mut said = BTreeSet::new();
        for code in NoticeCode::ALL {
            for language in Language::ALL {
                let sentence = notice_text(*code, *language);
                assert!(sentence.ends_with('.'), "{sentence}");
                let has_cyrillic = sentence.chars().any(|letter| ('а'..='я').contains(&letter));
                assert_eq!(has_cyrillic, *language != Language::English, "{sentence}");
                assert!(said.insert(sentence), "said twice: {sentence}");
            }
        }
        let told = Language::ALL.iter().map(|language| notice_text(NoticeCode::ZeroMass, *language));
        let expected = [
            "A mass of zero was stated; it was read as not stated.",
            "Указана нулевая масса; она считается неуказанной.",
            "Масса нөл деп көрсетілген; ол көрсетілмеген деп есептелді.",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_two_grounds_and_no_two_languages_read_alike() {
        let states = [counts(9.0, 5.0, 1.0), counts(9.0, 0.0, 0.0), counts(1.0, 0.0, 0.0), counts(0.0, 0.0, 0.0), None];
        let mut said = BTreeSet::new();
        for code in ReasonCode::ALL {
            for language in Language::ALL {
                for known in states.into_iter().rev() {
                    for contribution in [1.0, -1.0, 0.0] {
                        let sentence = text(*code, contribution, known, *language);
                        assert!(sentence.ends_with('.'), "{sentence}");
                        // How a parcel was chosen has nothing to do with what is known of it.
                        let is_same_choice = code.is_choice() && (known.is_some() || contribution != 1.0);
                        assert!(said.insert(sentence.clone()) != is_same_choice, "said twice: {sentence}");
                    }
                }
            }
        }
    }
}
