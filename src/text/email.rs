//! Electronic mail addresses.

use std::borrow::Cow;

/// Where anybody gets an address at no cost. The large ones only: what is not here may be free too.
const FREE_DOMAINS: [&str; 34] = [
    "126.com",
    "139.com",
    "163.com",
    "aol.com",
    "bk.ru",
    "foxmail.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "hotmail.fr",
    "icloud.com",
    "inbox.ru",
    "list.ru",
    "live.com",
    "mail.com",
    "mail.kz",
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rambler.ru",
    "sina.com",
    "web.de",
    "ya.ru",
    "yahoo.co.jp",
    "yahoo.com",
    "yandex.kz",
    "yandex.ru",
];

/// An address as it is compared: trimmed, in lower case, without a `+tag`, and of Gmail's without the dots that Gmail
/// does not read. `None` where it is no address.
pub fn normalized_email(email: &str) -> Option<String> {
    let email = email.trim().to_lowercase();
    let (user, domain) = email.rsplit_once('@')?;
    let user = user.split('+').next().unwrap_or_default();
    let is_gmail = ["gmail.com", "googlemail.com"].contains(&domain);
    let user = if is_gmail { Cow::Owned(user.replace('.', "")) } else { Cow::Borrowed(user) };
    let domain = if is_gmail { "gmail.com" } else { domain };
    (!user.is_empty() && !domain.is_empty()).then(|| [user.as_ref(), "@", domain].concat())
}

/// Whether the domain of an address that is [normalized](normalized_email) gives addresses to anybody. `None` where it is none.
pub fn has_free_domain(normalized: &str) -> Option<bool> {
    let (_, domain) = normalized.rsplit_once('@')?;
    Some(FREE_DOMAINS.binary_search(&domain).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_write_an_address_meet() {
        for email in ["John.Doe@gmail.com", " johndoe@GMAIL.com ", "j.o.h.n.doe+shop@googlemail.com"] {
            assert_eq!(normalized_email(email).as_deref(), Some("johndoe@gmail.com"), "{email}");
        }
        assert_ne!(normalized_email("john.doe@mail.ru"), normalized_email("johndoe@mail.ru"));
        for email in ["", "john", "@mail.ru", "john@", "+x@mail.ru"] {
            assert_eq!(normalized_email(email), None, "{email}");
        }
    }

    #[test]
    fn free_domains_are_told_from_others() {
        assert!(FREE_DOMAINS.is_sorted());
        let is_free_email = |email| has_free_domain(&normalized_email(email)?);
        assert_eq!(is_free_email("A@Yandex.kz"), Some(true));
        assert_eq!(is_free_email("office@firm.kz"), Some(false));
        assert_eq!(is_free_email("office"), None);
    }
}
