//! Reasons and notices in Kazakh, in Cyrillic script. Numbers need no plural after them.

use super::{Known, NoticeCode, ReasonCode as Code, Way};

pub(super) fn sentence(code: Code, known: Known, way: Way) -> String {
    let subject = subject(code);
    let way = match way {
        Way::Raises => "тәуекелді арттырады",
        Way::Lowers => "тәуекелді төмендетеді",
        Way::Leaves => "тәуекелді өзгертпейді",
    };
    match known {
        Known::Inspected { inspected, infringements } => {
            format!("{subject}: шамамен {inspected} жөнелтілім тексерілді, {infringements} бұзушылықпен. Бұл {way}.")
        }
        Known::Seen { seen: 1.0 } => format!("{subject}: бір рет кездесті, тексерілмеген. Бұл {way}."),
        Known::Seen { seen } => format!("{subject}: шамамен {seen} рет кездесті, тексерілмеген. Бұл {way}."),
        Known::Nothing => format!("{subject}: әзірге ештеңе белгісіз. Бұл {way}."),
        Known::NotStated => format!("{subject}: көрсетілмеген. Бұл {way}."),
        Known::Chosen => format!("{subject}."),
        Known::OfTheParcel => format!("{subject}: {way}."),
    }
}

fn subject(code: Code) -> &'static str {
    match code {
        Code::IdenticalConsignmentHistory => "Осындай жөнелтілімдер",
        Code::SenderHistory => "Осы жөнелтуші",
        Code::AddresseeHistory => "Осы алушы",
        Code::DeclarantHistory => "Осы декларант",
        Code::CarrierHistory => "Осы тасымалдаушы",
        Code::GoodsHistory => "Осындай тауарлар",
        Code::RouteHistory => "Осы бағыт",
        Code::ProcedureHistory => "Осы рәсім немесе санат",
        Code::BaseRate => "Соңғы кездегі барлық жөнелтілімдер",
        Code::DeclaredValue => "Мәлімделген құн",
        Code::DeclaredMass => "Масса",
        Code::ValueForMass => "Массаға немесе дана санына шаққандағы құн",
        Code::PostageAndInsurance => "Құнға қатысты пошта ақысы немесе сақтандыру",
        Code::DataQuality => "Деректердегі олқылықтар мен ерекшеліктер",
        Code::Composition => "Жолдар, даналар немесе құжаттар саны",
        Code::NationalFigures => "Ұлттық көрсеткіштер",
        Code::Description => "Сипаттаманың жазылуы",
        Code::PartyData => "Жөнелтуші мен алушы туралы мәліметтер",
        Code::ItemId => "Жөнелтілімнің идентификаторы",
        Code::Timing => "Алдын ала деректердің келген уақыты",
        Code::RandomControl => "Кездейсоқ таңдалды (бақылау іріктемесі), күдік жоқ",
        Code::Exploration => "Зерттеу үшін таңдалды: мұндай жөнелтілімдер туралы аз мәлімет бар",
        Code::Rule => "Саясат ережесі қолданылды",
    }
}

pub(super) fn notice(code: NoticeCode) -> &'static str {
    match code {
        NoticeCode::S10CheckDigit => "Бақылау цифры сериялық нөмірге сәйкес келмейді.",
        NoticeCode::UnknownCountry => "ISO 3166-1 бойынша мұндай ел коды тағайындалмаған.",
        NoticeCode::UnknownCurrency => "ISO 4217 бойынша мұндай валюта коды тағайындалмаған.",
        NoticeCode::UnknownHsChapter => "Үйлестірілген жүйеде мұндай тауар тобы жоқ.",
        NoticeCode::UnknownEnumValue => "Бұл мән бағдарламаның осы нұсқасына белгісіз; ол көрсетілмеген деп есептелді.",
        NoticeCode::ZeroMass => "Масса нөл деп көрсетілген; ол көрсетілмеген деп есептелді.",
        NoticeCode::ZeroQuantity => "Дана саны нөл деп көрсетілген; ол көрсетілмеген деп есептелді.",
        NoticeCode::DescriptionCut => "Сипаттаманың басы ғана оқылды.",
        NoticeCode::NoExchangeRate => "Баптауларда бұл валютаның бағамы жоқ; сома пайдаланылмады.",
        NoticeCode::NotUsedByModel => "Бұл кілт модельге белгісіз; ол пайдаланылмады.",
    }
}
