#include "imapd/session/searcher.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/charset.h"
#include "common/mail/date.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

namespace pennypost::imap {
namespace {

using Kind = SearchKey::Kind;
using store::Flags;

constexpr std::uint64_t header_octets_max = 64ull << 20;
constexpr std::uint64_t message_octets_max = 1ull << 30;
constexpr std::size_t decoded_piece = 65536;
constexpr std::size_t kept_octets_max = 16 << 10;

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

// Whether a text part, decoded and in UTF-8, holds the key.
bool body_has(const MimePart& part, std::string_view message, FoldedSearch& search) {
  auto charset = CharsetDecoder::make(part.charset());
  if (!charset) charset = CharsetDecoder::make("");
  BodyDecoder body(part.transfer_encoding());
  auto rest = message.substr(part.body.offset, part.body.bytes);
  std::string octets;
  std::string utf8;
  while (!rest.empty()) {
    octets.clear();
    utf8.clear();
    body.feed(rest.substr(0, decoded_piece), octets);
    rest.remove_prefix(std::min(rest.size(), decoded_piece));
    charset->feed(octets, utf8);
    if (search.feed(utf8)) return true;
  }
  octets.clear();
  utf8.clear();
  body.finish(octets);
  charset->feed(octets, utf8);
  charset->finish(utf8);
  return search.feed(utf8) || search.finish();
}

// `Name <mailbox@host>`, a group's name alone.
std::string shown(const ListedAddress& address) {
  std::string out = decode_words(address.name.value_or(""));
  if (address.kind != ListedAddress::Kind::Mailbox) return out + address.mailbox.value_or("");
  out += " <" + address.mailbox.value_or("");
  if (address.host) out += '@' + *address.host;
  return out + '>';
}

// A run of blanks is one: where a field was folded, readers see no more.
std::string with_single_blanks(std::string text) {
  std::ranges::replace(text, '\t', ' ');
  auto is_second = [](char a, char b) { return a == ' ' && b == ' '; };
  text.erase(std::unique(text.begin(), text.end(), is_second), text.end());
  return text;
}

bool header_has(std::string_view header, FoldedSearch& search) {
  for (const auto& field : HeaderFields(header)) {
    auto line = with_single_blanks(std::string(field.name) + ": " + decode_words(field.value()));
    bool found = search.feed(line);
    if (search.finish() || found) return true;
  }
  return false;
}

// In all text parts, and with TEXT in the headers of parts and attached messages too. RFC 9051
// section 6.4.4: BODY matches no header field, else each attachment had "base64" in its body.
bool tree_has(const MimePart& part, std::string_view message, bool with_headers,
              FoldedSearch& search) {
  if (with_headers && header_has(message.substr(part.header.offset, part.header.bytes), search))
    return true;
  if (part.kind == MimePart::Kind::Leaf) return part.is_text() && body_has(part, message, search);
  return std::ranges::any_of(part.children, [&](const MimePart& child) {
    return tree_has(child, message, with_headers, search);
  });
}

}  // namespace

Result<Searcher> Searcher::make(const Selected& selected, store::Mailbox& mailbox,
                                SearchRequest request, std::int64_t now_seconds) {
  if (!is_known_charset(request.charset)) {
    return unknown_charset();
  }
  Searcher searcher(selected, mailbox, now_seconds);
  TRY(searcher.key_, searcher.prepare(std::move(request.key), request.charset));
  return searcher;
}

Result<Searcher::Key> Searcher::prepare(SearchKey from, const std::string& charset) {
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
  key.field = std::move(from.field);
  bool asks_field = from.kind == Kind::Header || from.kind == Kind::Address;
  if (asks_field && !is_kept(key.field)) needs_whole_header_ = true;
  key.text = std::move(from.text);
  if (has_texts(from.kind)) {
    auto utf8 = to_utf8(charset, key.text);
    if (!utf8) return unknown_charset();
    // Nobody searches for what stands for no character; a client that cut one in two had better
    // know. The charset is none the worse for it: BAD, as Dovecot has it.
    if (count_replaced(*utf8) > count_replaced(key.text)) {
      return Error(501, "A text of SEARCH is not valid in its charset");
    }
    key.text = std::move(*utf8);
  }
  bool by_day = from.kind == Kind::Before || from.kind == Kind::On || from.kind == Kind::Since ||
                from.kind == Kind::SentBefore || from.kind == Kind::SentOn ||
                from.kind == Kind::SentSince;
  key.value = by_day ? from.day : static_cast<std::int64_t>(from.number);
  if (from.kind == Kind::Sequence || from.kind == Kind::Uids) {
    if (from.set.is_saved_result()) return Error(501, "No search result is kept");
    // A message that does not exist matches nothing; only other commands take it for an error.
    if (from.kind == Kind::Sequence) {
      key.numbers = from.set.resolve(selected_->exists());
    } else {
      TRY(key.numbers, selected_->numbers(from.set, true));
    }
  }
  return key;
}

bool Searcher::run(std::size_t messages, std::uint64_t octets, std::vector<std::uint32_t>& found) {
  is_held_up_ = false;
  read_octets_ = 0;
  for (; messages > 0 && read_octets_ < octets; --messages, ++next_) {
    if (next_ > selected_->exists()) return false;
    const auto* message = mailbox_->find(selected_->uid_of(next_));
    if (message == nullptr) continue;
    Subject subject(next_, *message);
    bool is_match = matches(key_, subject);
    if (is_held_up_) return true;
    if (is_match && !subject.is_gone) found.push_back(next_);
  }
  return next_ <= selected_->exists();
}

void Searcher::note_failure(Subject& subject, const Error& error) {
  subject.is_gone = true;
  is_held_up_ = is_held_up_ || (waits_ && store::is_in_use(error));
}

bool Searcher::matches(const Key& key, Subject& subject) {
  return holds(key, subject) != key.negated;
}

bool Searcher::holds(const Key& key, Subject& subject) {
  auto uid = subject.message.uid;
  auto child = [&](const Key& one) { return matches(one, subject); };
  switch (key.kind) {
    case Kind::All:
      return true;
    case Kind::And:
      return std::ranges::all_of(key.children, child);
    case Kind::Or:
      return std::ranges::any_of(key.children, child);
    case Kind::Sequence:
    case Kind::Uids:
      return contains(key.numbers, subject.number);
    case Kind::Flag:
      return has_flag(key.text, subject.message);
    case Kind::Address:
      return has_address(key, subject);
    case Kind::Header:
      return has_header(key, subject);
    case Kind::Body:
      return has_text(key, subject, false);
    case Kind::Text:
      return has_text(key, subject, true);
    case Kind::Before:
      return internal_day(subject).value_or(INT64_MAX) < key.value;
    case Kind::On:
      return internal_day(subject) == key.value;
    case Kind::Since:
      return internal_day(subject).value_or(INT64_MIN) >= key.value;
    case Kind::SentBefore:
      return sent_day(subject).value_or(INT64_MAX) < key.value;
    case Kind::SentOn:
      return sent_day(subject) == key.value;
    case Kind::SentSince:
      return sent_day(subject).value_or(INT64_MIN) >= key.value;
    case Kind::Larger:
    case Kind::Smaller: {
      auto octets = mailbox_->octets(uid);
      if (!octets) {
        note_failure(subject, octets.error());
        return false;
      }
      auto wanted = static_cast<std::uint64_t>(key.value);
      return key.kind == Kind::Larger ? *octets > wanted : *octets < wanted;
    }
    case Kind::Younger:
    case Kind::Older: {
      auto date = mailbox_->internal_date(uid);
      if (!date) {
        note_failure(subject, date.error());
        return false;
      }
      bool is_younger = now_seconds_ - *date <= key.value;
      return is_younger == (key.kind == Kind::Younger);
    }
  }
  return false;
}

bool Searcher::has_flag(const std::string& name, const store::Message& message) const {
  if (name == "\\Recent") return mailbox_->is_recent(message.uid);
  if (auto flag = system_flag(name)) return (message.flags | *flag) == message.flags;
  const auto& known = mailbox_->keywords();
  for (std::size_t bit = 0; bit < known.size() && bit < store::keywords_per_mailbox_max; ++bit) {
    if (equal_nocase(known[bit], name)) return (message.keywords >> bit & 1) != 0;
  }
  return false;
}

bool Searcher::has_header(const Key& key, Subject& subject) {
  FoldedSearch search(with_single_blanks(key.text));
  for (const auto& field : HeaderFields(header(subject))) {
    if (!field.is(key.field)) continue;
    if (key.text.empty()) return true;
    bool found = search.feed(with_single_blanks(decode_words(field.value())));
    if (search.finish() || found) return true;
  }
  return false;
}

bool Searcher::has_address(const Key& key, Subject& subject) {
  FoldedSearch search(key.text);
  for (const auto& field : HeaderFields(header(subject))) {
    if (!field.is(key.field)) continue;
    if (key.text.empty()) return true;
    for (const auto& address : parse_address_list(field.body)) {
      bool found = search.feed(shown(address));
      if (search.finish() || found) return true;
    }
  }
  return false;
}

bool Searcher::has_text(const Key& key, Subject& subject, bool with_headers) {
  const auto& message = text(subject);
  if (subject.is_gone) return false;
  if (key.text.empty()) return true;
  FoldedSearch search(key.text);
  return tree_has(parse_mime(message), message, with_headers, search);
}

const std::string& Searcher::header(Subject& subject) {
  if (subject.header) return *subject.header;
  if (subject.text)
    return subject.header.emplace(subject.text->substr(0, header_bytes(*subject.text)));
  if (auto kept = kept_fields(subject)) return subject.header.emplace(*std::move(kept));
  if (auto* reader = open(subject)) {
    if (auto read = reader->header(header_octets_max)) {
      read_octets_ += read->size();
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

const std::string& Searcher::text(Subject& subject) {
  if (subject.text) return *subject.text;
  if (auto* reader = open(subject)) {
    if (auto read = reader->all(message_octets_max)) {
      read_octets_ += read->size();
      return subject.text.emplace(*std::move(read));
    }
  }
  subject.is_gone = true;
  return subject.text.emplace();
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

std::optional<std::int64_t> Searcher::internal_day(Subject& subject) {
  auto seconds = mailbox_->internal_date(subject.message.uid);
  if (!seconds) {
    note_failure(subject, seconds.error());
    return std::nullopt;
  }
  return local_date(*seconds).shown_day();
}

// RFC 9051 section 6.4.4: the Date: field, disregarding time and timezone.
std::optional<std::int64_t> Searcher::sent_day(Subject& subject) {
  auto value = HeaderFields(header(subject)).value("Date");
  if (!value) return std::nullopt;
  auto date = parse_date(*value);
  if (!date) return std::nullopt;
  return date->shown_day();
}

}  // namespace pennypost::imap
