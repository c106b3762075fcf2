#include "imapd/search/searcher.h"

#include "common/mail/date.h"
#include "common/mail/header.h"
#include "imapd/session/kept_fields.h"
#include "imapd/session/object_ids.h"

namespace pennypost::imap {
namespace {

using Kind = SearchKey::Kind;

// What asking one key costs, in octets of text that could be searched instead.
constexpr std::uint64_t key_cost = 16;

}  // namespace

Result<Searcher> Searcher::make(const Selected& selected, store::Mailbox& mailbox,
                                const SearchRequest& request, std::int64_t now_seconds) {
  TRY(auto keys, prepare_keys(request, selected, mailbox));
  return Searcher(selected, mailbox, now_seconds, std::move(keys));
}

bool Searcher::gather(std::size_t messages, std::uint64_t octets,
                      std::vector<std::uint32_t>& found) {
  held_up_by_.reset();
  batch_->begin_step(octets);
  if (!settle(found)) return true;
  for (; messages > 0 && !batch_->is_spent() && !batch_->is_full(); --messages) {
    auto subject = next_subject();
    if (!subject) break;
    ask(*subject);
    if (is_held_up()) {
      next_ = subject->number;
      return true;
    }
    if (subject->answer == Truth::No) continue;
    if (subject->answer == Truth::Yes && batch_->empty()) {
      note_found(*subject, found);
    } else {
      batch_->add(std::move(subject));
    }
  }
  return has_more();
}

bool Searcher::run(std::size_t messages, std::uint64_t octets, std::vector<std::uint32_t>& found) {
  gather(messages, octets, found);
  read();
  settle(found);
  return has_more();
}

// Tells those at the front that are decided; false if another program has one of them locked.
bool Searcher::settle(std::vector<std::uint32_t>& found) {
  while (!batch_->empty()) {
    auto& subject = batch_->front();
    if (subject->answer == Truth::Unknown) ask(*subject);
    if (is_held_up()) {
      subject = subject_for(subject->number, subject->message);
      return false;
    }
    if (subject->answer == Truth::Unknown) return true;
    if (subject->answer == Truth::Yes) note_found(*subject, found);
    batch_->pop_front();
  }
  return true;
}

// Null when no message is left.
std::unique_ptr<Subject> Searcher::next_subject() {
  while (next_ <= selected_->exists()) {
    auto number = next_++;
    if (const auto* message = mailbox_->find(selected_->uid_of(number))) {
      return subject_for(number, *message);
    }
    has_missed_ = true;
  }
  return nullptr;
}

std::unique_ptr<Subject> Searcher::subject_for(std::uint32_t number,
                                               const store::Message& message) const {
  auto subject = std::make_unique<Subject>(number, message);
  subject->place = narrowing_.place_of(message.uid);
  return subject;
}

// All keys, as far as they can be answered now.
void Searcher::ask(Subject& subject) {
  batch_->spend(keys_->count * key_cost);
  if (subject.failure) note_failure(subject, *subject.failure);
  subject.is_gone = subject.is_gone || subject.text.has_failed();
  auto answer = subject.is_gone ? Truth::No : matches(keys_->root, subject);
  subject.answer = subject.is_gone ? Truth::No : answer;
}

void Searcher::note_failure(Subject& subject, const Error& error) {
  subject.is_gone = true;
  has_missed_ = has_missed_ || store::is_expunged(error);
  bool is_locked = store::is_in_use(error);
  if (batch_->waits() && is_locked) held_up_by_ = error;
  if (!failure_ && !is_locked && !store::is_expunged(error)) failure_ = error;
}

Truth Searcher::matches(const PreparedKey& key, Subject& subject) {
  auto answer = holds(key, subject);
  if (!key.negated || answer == Truth::Unknown) return answer;
  return truth(answer == Truth::No);
}

// What the index of words says of a key, if it knows.
std::optional<Truth> Searcher::indexed(const PreparedKey& key, const Subject& subject) const {
  if (!key.needle || !subject.place) return std::nullopt;
  if (auto score = narrowing_.score(*key.needle, *subject.place)) return truth(*score > 0);
  if (!narrowing_.may_hold(*key.needle, *subject.place)) return Truth::No;
  return std::nullopt;
}

// Found out without reading anything of the message.
bool Searcher::is_ruled_out(const PreparedKey& key, const Subject& subject) const {
  return !key.negated && indexed(key, subject) == Truth::No;
}

// Of a message that matches: RFC 6203 section 4 leaves open how scores are joined.
void Searcher::add_scores(const PreparedKey& key, Subject& subject) const {
  for (const auto& child : key.children) add_scores(child, subject);
  if (!key.fuzzy || key.negated || !key.needle || !subject.place) return;
  auto score = narrowing_.score(*key.needle, *subject.place).value_or(0);
  if (score == 0) return;
  subject.score_sum += score;
  ++subject.scored_keys;
}

void Searcher::note_found(Subject& subject, std::vector<std::uint32_t>& found) {
  found.push_back(subject.number);
  if (!keys_->has_fuzzy) return;
  add_scores(keys_->root, subject);
  // What was found exactly could not be found better.
  auto score = subject.scored_keys == 0 ? 100 : subject.score_sum / subject.scored_keys;
  scores_.push_back(static_cast<std::uint8_t>(score));
}

Truth Searcher::all_of(const PreparedKey& key, Subject& subject) {
  for (const auto& child : key.children) {
    if (is_ruled_out(child, subject)) return Truth::No;
  }
  auto answer = Truth::Yes;
  for (const auto& child : key.children) {
    auto one = matches(child, subject);
    if (one == Truth::No) return one;
    if (one == Truth::Unknown) answer = one;
  }
  return answer;
}

Truth Searcher::any_of(const PreparedKey& key, Subject& subject) {
  auto answer = Truth::No;
  for (const auto& child : key.children) {
    auto one = matches(child, subject);
    if (one == Truth::Yes) return one;
    if (one == Truth::Unknown) answer = one;
  }
  return answer;
}

Truth Searcher::holds(const PreparedKey& key, Subject& subject) {
  if (auto known = indexed(key, subject)) return *known;
  switch (key.kind) {
    case Kind::All:
      return Truth::Yes;
    case Kind::And:
      return all_of(key, subject);
    case Kind::Or:
      return any_of(key, subject);
    case Kind::Sequence:
    case Kind::Uids:
      return truth(contains(key.numbers, subject.number));
    case Kind::Flag:
      return truth(has_flag(key, subject.message));
    case Kind::Address:
    case Kind::Header:
      return truth(header_scan(subject).has(key.header));
    case Kind::Body:
    case Kind::Text:
      return has_text(key, subject);
    case Kind::Before:
      return truth(internal_day(subject).value_or(INT64_MAX) < key.value);
    case Kind::On:
      return truth(internal_day(subject) == key.value);
    case Kind::Since:
      return truth(internal_day(subject).value_or(INT64_MIN) >= key.value);
    case Kind::SavedBefore:
      return truth(saved_day(subject).value_or(INT64_MAX) < key.value);
    case Kind::SavedOn:
      return truth(saved_day(subject) == key.value);
    case Kind::SavedSince:
      return truth(saved_day(subject).value_or(INT64_MIN) >= key.value);
    case Kind::SaveDateSupported:
      return truth(save_date(subject).has_value());
    case Kind::EmailId:
      return truth(has_id(key, subject));
    case Kind::ThreadId:
      // RFC 8474 section 5.2: none is given, so none is found.
      return Truth::No;
    case Kind::ModSeq:
      return truth(subject.message.modseq.value() >= static_cast<std::uint64_t>(key.value));
    case Kind::SentBefore:
      return truth(sent_day(subject).value_or(INT64_MAX) < key.value);
    case Kind::SentOn:
      return truth(sent_day(subject) == key.value);
    case Kind::SentSince:
      return truth(sent_day(subject).value_or(INT64_MIN) >= key.value);
    case Kind::Larger:
    case Kind::Smaller:
      return truth(has_size(key, subject));
    case Kind::Younger:
    case Kind::Older:
      return truth(has_age(key, subject));
  }
  return Truth::No;
}

Truth Searcher::has_text(const PreparedKey& key, const Subject& subject) const {
  const auto* scan = subject.text.scan();
  if (scan == nullptr) return Truth::Unknown;
  bool found = key.kind == Kind::Body ? scan->in_body(key.text) : scan->in_text(key.text);
  if (!found && !scan->is_done()) return Truth::Unknown;
  return truth(found);
}

bool Searcher::has_flag(const PreparedKey& key, const store::Message& message) const {
  if (key.is_recent) return mailbox_->is_recent(message.uid);
  if (!key.flags.empty()) return (message.flags | key.flags) == message.flags;
  return (message.keywords & key.keywords) != 0;
}

bool Searcher::has_size(const PreparedKey& key, Subject& subject) {
  if (!subject.octets) {
    auto octets = mailbox_->octets(subject.message.uid);
    if (!octets) note_failure(subject, octets.error());
    subject.octets.emplace(octets ? std::optional(*octets) : std::nullopt);
  }
  if (!*subject.octets) return false;
  auto wanted = static_cast<std::uint64_t>(key.value);
  return key.kind == Kind::Larger ? **subject.octets > wanted : **subject.octets < wanted;
}

bool Searcher::has_age(const PreparedKey& key, Subject& subject) {
  auto date = internal_date(subject);
  if (!date) return false;
  // RFC 5032 section 2: a message of just that age is both.
  auto age = now_seconds_ - *date;
  return key.kind == Kind::Younger ? age <= key.value : age >= key.value;
}

const store::HeaderScan& Searcher::header_scan(Subject& subject) {
  if (!subject.header_scan) subject.header_scan.emplace(keys_->headers, header(subject));
  return *subject.header_scan;
}

const std::string& Searcher::header(Subject& subject) {
  if (subject.header) return *subject.header;
  if (auto kept = kept_fields(subject)) {
    batch_->spend(kept->size());
    return subject.header.emplace(*std::move(kept));
  }
  if (auto* reader = open(subject)) {
    if (auto read = reader->header(header_octets_max)) {
      batch_->spend(read->size());
      if (std::ranges::all_of(keys_->fields, is_kept_field)) {
        KeptFields::keep(*mailbox_, subject.message.uid, *read);
      }
      return subject.header.emplace(*std::move(read));
    }
  }
  subject.is_gone = true;
  return subject.header.emplace();
}

// Stands in for the header if no key asks for other fields.
std::optional<std::string> Searcher::kept_fields(const Subject& subject) {
  auto kept = KeptFields::find(*mailbox_, subject.message.uid);
  if (!kept || !kept->has(keys_->fields)) return std::nullopt;
  return kept->header();
}

store::MessageReader* Searcher::open(Subject& subject) {
  if (!subject.reader) {
    auto opened = mailbox_->open(subject.message.uid);
    if (!opened) {
      note_failure(subject, opened.error());
      return nullptr;
    }
    subject.reader.emplace(*std::move(opened));
  }
  return &*subject.reader;
}

std::optional<std::int64_t> Searcher::internal_date(Subject& subject) {
  if (!subject.internal_date) {
    auto seconds = mailbox_->internal_date(subject.message.uid);
    if (!seconds) note_failure(subject, seconds.error());
    subject.internal_date.emplace(seconds ? std::optional(*seconds) : std::nullopt);
  }
  return *subject.internal_date;
}

std::optional<std::int64_t> Searcher::internal_day(Subject& subject) {
  auto seconds = internal_date(subject);
  if (!seconds) return std::nullopt;
  return local_date(*seconds).shown_day();
}

std::optional<std::int64_t> Searcher::save_date(Subject& subject) {
  if (!subject.save_date) {
    auto seconds = mailbox_->save_date(subject.message.uid);
    if (!seconds) note_failure(subject, seconds.error());
    subject.save_date.emplace(seconds ? *seconds : std::nullopt);
  }
  return *subject.save_date;
}

// RFC 8514 section 4.3: where none is kept, the internal date stands in for it.
std::optional<std::int64_t> Searcher::saved_day(Subject& subject) {
  auto seconds = save_date(subject);
  if (!seconds) return internal_day(subject);
  return local_date(*seconds).shown_day();
}

bool Searcher::has_id(const PreparedKey& key, Subject& subject) {
  std::uint64_t octets = 0;
  auto id = email_id(*mailbox_, subject.message.uid, octets);
  batch_->spend(octets);
  if (!id) note_failure(subject, id.error());
  return id && *id == key.id;
}

// RFC 9051 section 6.4.4: the Date: field, disregarding time and timezone.
std::optional<std::int64_t> Searcher::sent_day(Subject& subject) {
  if (subject.sent_day) return *subject.sent_day;
  auto value = HeaderFields(header(subject)).value("Date");
  auto date = value ? parse_date(*value) : std::nullopt;
  subject.sent_day.emplace(date ? std::optional(date->shown_day()) : std::nullopt);
  return *subject.sent_day;
}

}  // namespace pennypost::imap
