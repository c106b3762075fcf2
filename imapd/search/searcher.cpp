#include "imapd/search/searcher.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/mail/charset.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

namespace pennypost::imap {
namespace {

using Kind = SearchKey::Kind;
using store::Flags;

// No header that is one comes near to this.
constexpr std::uint64_t header_octets_max = 1 << 20;
constexpr std::uint64_t message_octets_max = 1ull << 30;
// So much of a message is read, or gone through, before its keys are asked again.
constexpr std::uint64_t piece_octets = 256 << 10;
constexpr std::size_t kept_octets_max = 16 << 10;
// Texts of keys, folded, which takes a multiple of their octets in memory.
constexpr std::size_t key_octets_max = 256 << 10;
// What it takes to ask one key, in octets of a text that is gone through.
constexpr std::int64_t key_cost = 16;

// The fields that ENVELOPE tells.
constexpr std::array<std::string_view, 10> kept_names{"Date",        "Subject",   "From", "Sender",
                                                      "Reply-To",    "To",        "Cc",   "Bcc",
                                                      "In-Reply-To", "Message-ID"};

bool is_kept(std::string_view name) {
  return std::ranges::any_of(kept_names,
                             [&](std::string_view kept) { return equal_nocase(kept, name); });
}

int cost_of(Kind kind) {
  switch (kind) {
    case Kind::All:
    case Kind::And:
    case Kind::Or:
    case Kind::Sequence:
    case Kind::Uids:
    case Kind::Flag:
      return 0;
    case Kind::Before:
    case Kind::On:
    case Kind::Since:
    case Kind::Younger:
    case Kind::Older:
    case Kind::Larger:
    case Kind::Smaller:
      return 1;
    case Kind::Address:
    case Kind::Header:
    case Kind::SentBefore:
    case Kind::SentOn:
    case Kind::SentSince:
      return 2;
    case Kind::Body:
    case Kind::Text:
      return 3;
  }
  return 3;
}

bool has_texts(Kind kind) {
  return kind == Kind::Address || kind == Kind::Header || kind == Kind::Body || kind == Kind::Text;
}

// U+FFFD, which conversion puts for what is no character.
std::size_t count_replaced(std::string_view utf8) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::size_t count = 0;
  for (auto at = utf8.find(replacement); at != std::string_view::npos;
       at = utf8.find(replacement, at + replacement.size())) {
    ++count;
  }
  return count;
}

// RFC 9051 section 6.4.4: [BADCHARSET] names what we take; these are but the ones everybody knows.
Error unknown_charset() { return Error(550, "[BADCHARSET (US-ASCII UTF-8)] Unknown charset"); }

std::optional<Flags> system_flag(std::string_view name) {
  if (name == "\\Answered") return Flags(Flags::Answered);
  if (name == "\\Flagged") return Flags(Flags::Flagged);
  if (name == "\\Deleted") return Flags(Flags::Deleted);
  if (name == "\\Seen") return Flags(Flags::Seen);
  if (name == "\\Draft") return Flags(Flags::Draft);
  return std::nullopt;
}

}  // namespace

Result<Searcher> Searcher::make(const Selected& selected, store::Mailbox& mailbox,
                                SearchRequest request, std::int64_t now_seconds) {
  if (!is_known_charset(request.charset)) {
    return unknown_charset();
  }
  Searcher searcher(selected, mailbox, now_seconds);
  searcher.texts_ = std::make_unique<KeySet>();
  TRY(searcher.key_, searcher.prepare(std::move(request.key), request.charset));
  if (searcher.texts_->octets() + searcher.headers_.octets() > key_octets_max) {
    return Error(501, "The texts of SEARCH are too long");
  }
  searcher.texts_->compile();
  searcher.headers_.compile();
  return searcher;
}

Result<Searcher::Key> Searcher::prepare(SearchKey from, const std::string& charset) {
  ++keys_;
  Key key;
  key.kind = from.kind;
  key.negated = from.negated;
  key.cost = cost_of(from.kind);
  for (auto& child : from.children) {
    TRY(auto prepared, prepare(std::move(child), charset));
    key.cost = std::max(key.cost, prepared.cost);
    key.children.push_back(std::move(prepared));
  }
  std::ranges::stable_sort(key.children, {}, &Key::cost);
  bool by_day = from.kind == Kind::Before || from.kind == Kind::On || from.kind == Kind::Since ||
                from.kind == Kind::SentBefore || from.kind == Kind::SentOn ||
                from.kind == Kind::SentSince;
  key.value = by_day ? from.day : static_cast<std::int64_t>(from.number);
  if (from.kind == Kind::Flag) prepare_flag(key, from.text);
  TRY_DO(prepare_numbers(key, from));
  if (has_texts(from.kind)) {
    TRY_DO(prepare_text(key, from, charset));
  }
  return key;
}

Result<void> Searcher::prepare_numbers(Key& key, const SearchKey& from) const {
  if (from.kind != Kind::Sequence && from.kind != Kind::Uids) return {};
  if (from.set.is_saved_result()) return Error(501, "No search result is kept");
  // A message that does not exist matches nothing; only other commands take it for an error.
  if (from.kind == Kind::Sequence) {
    key.numbers = from.set.resolve(selected_->exists());
    return {};
  }
  TRY(key.numbers, selected_->numbers(from.set, true));
  return {};
}

Result<void> Searcher::prepare_text(Key& key, SearchKey& from, const std::string& charset) {
  auto utf8 = to_utf8(charset, from.text);
  if (!utf8) return unknown_charset();
  // Nobody searches for what stands for no character; a client that cut one in two had better
  // know. The charset is none the worse for it: BAD, as Dovecot has it.
  if (count_replaced(*utf8) > count_replaced(from.text)) {
    return Error(501, "A text of SEARCH is not valid in its charset");
  }
  if (from.kind == Kind::Body || from.kind == Kind::Text) {
    auto asks = from.kind == Kind::Body ? TextScan::Asked::Body : TextScan::Asked::Text;
    asked_ = !asked_ || *asked_ == asks ? asks : TextScan::Asked::Both;
    key.text = texts_->add(*utf8);
    return {};
  }
  if (!is_kept(from.field)) needs_whole_header_ = true;
  auto where = from.kind == Kind::Address ? HeaderKeys::In::Addresses : HeaderKeys::In::Text;
  key.header = headers_.add(where, from.field, *utf8);
  return {};
}

void Searcher::prepare_flag(Key& key, const std::string& name) const {
  key.is_recent = name == "\\Recent";
  if (auto flag = system_flag(name)) key.flags = *flag;
  const auto& known = mailbox_->keywords();
  for (std::size_t bit = 0; bit < known.size() && bit < store::keywords_per_mailbox_max; ++bit) {
    if (equal_nocase(known[bit], name)) key.keywords |= store::KeywordSet{1} << bit;
  }
}

bool Searcher::run(std::size_t messages, std::uint64_t octets, std::vector<std::uint32_t>& found) {
  is_held_up_ = false;
  budget_ = static_cast<std::int64_t>(octets);
  while (messages > 0 && budget_ > 0) {
    if (!begin_message()) return false;
    auto& subject = *subject_;
    budget_ -= keys_ * key_cost;
    auto answer = matches(key_, subject);
    if (answer == Truth::Unknown && !subject.is_gone) {
      read_on(subject);
      if (!subject.is_gone) continue;
    }
    bool is_match = answer == Truth::Yes && !subject.is_gone;
    auto number = subject.number;
    subject_ = nullptr;
    if (is_held_up_) return true;
    if (is_match) found.push_back(number);
    ++next_;
    --messages;
  }
  return subject_ != nullptr || next_ <= selected_->exists();
}

// False when no message is left.
bool Searcher::begin_message() {
  for (; subject_ == nullptr && next_ <= selected_->exists(); ++next_) {
    const auto* message = mailbox_->find(selected_->uid_of(next_));
    if (message == nullptr) continue;
    subject_ = std::make_unique<Subject>(next_, *message);
    return true;
  }
  return subject_ != nullptr;
}

void Searcher::note_failure(Subject& subject, const Error& error) {
  subject.is_gone = true;
  is_held_up_ = is_held_up_ || (waits_ && store::is_in_use(error));
}

Searcher::Truth Searcher::matches(const Key& key, Subject& subject) {
  auto answer = holds(key, subject);
  if (!key.negated || answer == Truth::Unknown) return answer;
  return truth(answer == Truth::No);
}

Searcher::Truth Searcher::all_of(const Key& key, Subject& subject) {
  auto answer = Truth::Yes;
  for (const auto& child : key.children) {
    auto one = matches(child, subject);
    if (one == Truth::No) return one;
    if (one == Truth::Unknown) answer = one;
  }
  return answer;
}

Searcher::Truth Searcher::any_of(const Key& key, Subject& subject) {
  auto answer = Truth::No;
  for (const auto& child : key.children) {
    auto one = matches(child, subject);
    if (one == Truth::Yes) return one;
    if (one == Truth::Unknown) answer = one;
  }
  return answer;
}

Searcher::Truth Searcher::holds(const Key& key, Subject& subject) {
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

Searcher::Truth Searcher::has_text(const Key& key, const Subject& subject) const {
  if (!subject.text_scan) return Truth::Unknown;
  const auto& scan = *subject.text_scan;
  bool found = key.kind == Kind::Body ? scan.in_body(key.text) : scan.in_text(key.text);
  if (!found && !scan.is_done()) return Truth::Unknown;
  return truth(found);
}

bool Searcher::has_flag(const Key& key, const store::Message& message) const {
  if (key.is_recent) return mailbox_->is_recent(message.uid);
  if (!key.flags.empty()) return (message.flags | key.flags) == message.flags;
  return (message.keywords & key.keywords) != 0;
}

bool Searcher::has_size(const Key& key, Subject& subject) {
  if (!subject.octets) {
    auto octets = mailbox_->octets(subject.message.uid);
    if (!octets) note_failure(subject, octets.error());
    subject.octets.emplace(octets ? std::optional(*octets) : std::nullopt);
  }
  if (!*subject.octets) return false;
  auto wanted = static_cast<std::uint64_t>(key.value);
  return key.kind == Kind::Larger ? **subject.octets > wanted : **subject.octets < wanted;
}

bool Searcher::has_age(const Key& key, Subject& subject) {
  auto date = internal_date(subject);
  if (!date) return false;
  // RFC 5032 section 2: a message of just that age is both.
  auto age = now_seconds_ - *date;
  return key.kind == Kind::Younger ? age <= key.value : age >= key.value;
}

const HeaderScan& Searcher::header_scan(Subject& subject) {
  if (!subject.header_scan) subject.header_scan.emplace(headers_, header(subject));
  return *subject.header_scan;
}

const std::string& Searcher::header(Subject& subject) {
  if (subject.header) return *subject.header;
  if (auto kept = kept_fields(subject)) {
    spend(kept->size());
    return subject.header.emplace(*std::move(kept));
  }
  if (auto* reader = open(subject)) {
    if (auto read = reader->header(header_octets_max)) {
      spend(read->size());
      if (!needs_whole_header_) keep_fields(subject, *read);
      return subject.header.emplace(*std::move(read));
    }
  }
  subject.is_gone = true;
  return subject.header.emplace();
}

// In place of the header, where they are all that is asked for.
std::optional<std::string> Searcher::kept_fields(const Subject& subject) {
  if (needs_whole_header_) return std::nullopt;
  return mailbox_->cached(subject.message.uid, store::CacheItem::Header);
}

void Searcher::keep_fields(const Subject& subject, std::string_view header) {
  std::string kept;
  for (const auto& field : HeaderFields(header)) {
    if (is_kept(field.name)) kept += field.whole;
  }
  if (kept.size() > kept_octets_max) return;
  mailbox_->cache(subject.message.uid, store::CacheItem::Header, kept + "\r\n");
}

// Less than piece_octets is the last.
Result<std::string> Searcher::read_piece(Subject& subject) {
  auto& reader = *subject.reader;
  // With CRLF line ends it is at most twice as large.
  if (reader.stored_bytes() < piece_octets / 2) return reader.all();
  return reader.read(subject.text.size(), piece_octets);
}

// Takes the next piece of the message, or goes through the next piece of what was taken.
void Searcher::read_on(Subject& subject) {
  if (subject.text_scan) {
    budget_ -= subject.text_scan->advance(piece_octets);
    return;
  }
  if (open(subject) == nullptr) return;
  auto piece = read_piece(subject);
  if (!piece || subject.text.size() + piece->size() > message_octets_max) {
    subject.is_gone = true;
    return;
  }
  bool is_last = piece->size() < piece_octets;
  spend(piece->size());
  subject.text += *piece;
  if (!is_last) return;
  subject.text_scan = std::make_unique<TextScan>(*texts_, std::move(subject.text), *asked_);
  subject.reader.reset();
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

// RFC 9051 section 6.4.4: the Date: field, disregarding time and timezone.
std::optional<std::int64_t> Searcher::sent_day(Subject& subject) {
  if (subject.sent_day) return *subject.sent_day;
  auto value = HeaderFields(header(subject)).value("Date");
  auto date = value ? parse_date(*value) : std::nullopt;
  subject.sent_day.emplace(date ? std::optional(date->shown_day()) : std::nullopt);
  return *subject.sent_day;
}

}  // namespace pennypost::imap
