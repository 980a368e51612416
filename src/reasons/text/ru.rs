//! Reasons and notices in Russian. Sentences are built so that no number needs a word to agree with it.

use super::{Known, NoticeCode, ReasonCode as Code, Way};

pub(super) fn sentence(code: Code, known: Known, way: Way) -> String {
    let subject = subject(code);
    let way = match way {
        Way::Raises => "повышает риск",
        Way::Lowers => "снижает риск",
        Way::Leaves => "не меняет риск",
    };
    match known {
        Known::Inspected { inspected, infringements } => {
            format!("{subject}: досмотрено около {inspected}, с нарушениями {infringements}. Это {way}.")
        }
        Known::Seen { seen: 1.0 } => format!("{subject}: встречалось один раз, без досмотра. Это {way}."),
        Known::Seen { seen } => format!("{subject}: встречалось около {seen} раз, без досмотра. Это {way}."),
        Known::Nothing => format!("{subject}: пока ничего не известно. Это {way}."),
        Known::NotStated => format!("{subject}: не указано. Это {way}."),
        Known::Chosen => format!("{subject}."),
        Known::OfTheParcel => format!("{subject}: {way}."),
    }
}

fn subject(code: Code) -> &'static str {
    match code {
        Code::IdenticalConsignmentHistory => "Такие же отправления",
        Code::SenderHistory => "Этот отправитель",
        Code::AddresseeHistory => "Этот получатель",
        Code::DeclarantHistory => "Этот декларант",
        Code::CarrierHistory => "Этот перевозчик",
        Code::GoodsHistory => "Товары этого вида",
        Code::RouteHistory => "Этот маршрут",
        Code::ProcedureHistory => "Эта процедура или категория",
        Code::BaseRate => "Все отправления за последнее время",
        Code::DeclaredValue => "Заявленная стоимость",
        Code::DeclaredMass => "Масса",
        Code::ValueForMass => "Стоимость по отношению к массе или числу предметов",
        Code::PostageAndInsurance => "Почтовый сбор или страховка по отношению к стоимости",
        Code::DataQuality => "Пропуски и странности в данных",
        Code::Composition => "Число позиций, предметов или документов",
        Code::NationalFigures => "Национальные показатели",
        Code::Description => "Формулировка описания",
        Code::PartyData => "Сведения об отправителе и получателе",
        Code::ItemId => "Идентификатор отправления",
        Code::Timing => "Время поступления предварительных данных",
        Code::RandomControl => "Выбрано случайно (контрольная выборка), подозрений нет",
        Code::Exploration => "Выбрано для изучения: о таких отправлениях мало известно",
        Code::Rule => "Сработало правило политики",
    }
}

pub(super) fn notice(code: NoticeCode) -> &'static str {
    match code {
        NoticeCode::S10CheckDigit => "Контрольная цифра не соответствует серийному номеру.",
        NoticeCode::UnknownCountry => "Такой код страны в ISO 3166-1 не присвоен.",
        NoticeCode::UnknownCurrency => "Такой код валюты в ISO 4217 не присвоен.",
        NoticeCode::UnknownHsChapter => "В Гармонизированной системе нет такой товарной группы.",
        NoticeCode::UnknownEnumValue => "Значение неизвестно этой версии программы; оно считается неуказанным.",
        NoticeCode::ZeroMass => "Указана нулевая масса; она считается неуказанной.",
        NoticeCode::ZeroQuantity => "Указано нулевое количество; оно считается неуказанным.",
        NoticeCode::DescriptionCut => "Прочитано только начало описания.",
        NoticeCode::NoExchangeRate => "В настройках нет курса этой валюты; сумма не использована.",
        NoticeCode::NotUsedByModel => "Модели этот ключ неизвестен; он не использован.",
    }
}
