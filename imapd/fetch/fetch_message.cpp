#include "imapd/fetch/fetch_message.h"

#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "imapd/response/envelope.h"

namespace pennypost::imap {
namespace {

using Kind = FetchItem::Kind;
using store::CacheItem;

// Up to so many names are compared one by one.
constexpr std::size_t few_fields = 8;
constexpr std::uint64_t header_octets_max = 64ull << 20;
constexpr std::uint64_t message_octets_max = 1ull << 30;

bool reads_all(const FetchItem& item) {
  return item.kind == Kind::Body || item.kind == Kind::BodyStructure ||
         (item.kind == Kind::Section && !is_header(item.section.text));
}

}  // namespace

bool is_header(Section::Text text) {
  return text == Section::Text::Header || text == Section::Text::HeaderFields ||
         text == Section::Text::HeaderFieldsNot;
}

Result<void> FetchMessage::prepare(const FetchRequest& request) {
  // What reads all of the message goes first, so that the header comes out of the same read.
  for (const auto& item : request.items) {
    if (!reads_all(item)) continue;
    TRY_DO(prepare(item));
  }
  for (const auto& item : request.items) {
    TRY_DO(prepare(item));
  }
  return {};
}

Result<void> FetchMessage::prepare(const FetchItem& item) {
  switch (item.kind) {
    case Kind::Uid:
    case Kind::Flags:
      return {};
    case Kind::InternalDate: {
      TRY(internal_date_, mailbox_->internal_date(message_.uid));
      return {};
    }
    case Kind::Rfc822Size: {
      if (octets_) return {};
      TRY(octets_, mailbox_->octets(message_.uid));
      return {};
    }
    case Kind::Envelope:
      return load_envelope();
    case Kind::Body:
    case Kind::BodyStructure:
      return load_structure();
    case Kind::Section:
      break;
  }
  if (!item.section.part.empty()) {
    TRY_DO(load_structure());
    return open();
  }
  if (is_header(item.section.text)) return load_header();
  TRY_DO(load_octets());
  if (item.section.text == Section::Text::Text) return load_header();
  return {};
}

Result<void> FetchMessage::open() {
  if (reader_ || text_) return {};
  TRY(reader_, mailbox_->open(message_.uid));
  return {};
}

Result<void> FetchMessage::load_text() {
  if (text_) return {};
  TRY_DO(open());
  TRY(text_, reader_->all(message_octets_max));
  octets_ = text_->size();
  *work_octets_ += *octets_;
  reader_.reset();
  return {};
}

Result<void> FetchMessage::load_header() {
  if (header_) return {};
  if (text_) {
    header_ = text_->substr(0, header_bytes(*text_));
    return {};
  }
  TRY_DO(open());
  TRY(header_, reader_->header(header_octets_max));
  *work_octets_ += header_->size();
  return {};
}

// The true size, for a literal must not be shorter or longer than it says: the size in a file's
// name may be wrong.
Result<void> FetchMessage::load_octets() {
  if (text_) return {};
  TRY_DO(open());
  if (reader_->stored_bytes() <= whole_octets_max) return load_text();
  TRY(octets_, reader_->octets());
  return {};
}

Result<void> FetchMessage::load_structure() {
  if (structure_) return {};
  if (auto cached = mailbox_->cached(message_.uid, CacheItem::BodyStructure)) {
    structure_ = decode_structure(*cached);
    if (structure_) return {};
  }
  TRY_DO(load_text());
  structure_ = structure_of(*text_);
  mailbox_->cache(message_.uid, CacheItem::BodyStructure, encode(*structure_));
  return {};
}

Result<void> FetchMessage::load_envelope() {
  if (auto cached = mailbox_->cached(message_.uid, CacheItem::Envelope)) {
    envelope_ = *std::move(cached);
    return {};
  }
  TRY_DO(load_header());
  envelope_ = imap::envelope(*header_);
  mailbox_->cache(message_.uid, CacheItem::Envelope, envelope_);
  return {};
}

std::optional<OctetRange> FetchMessage::range_of(const Section& section) const {
  if (!section.part.empty()) return locate(*structure_, section);
  if (is_header(section.text)) return OctetRange{0, header_->size()};
  auto begin = section.text == Section::Text::Text ? header_->size() : 0;
  return OctetRange{begin, *octets_ - std::min<std::uint64_t>(begin, *octets_)};
}

Result<std::string> FetchMessage::read(OctetRange range) {
  const auto* memory = text_ ? &*text_ : nullptr;
  if (memory == nullptr && header_ && range.offset + range.octets <= header_->size()) {
    memory = &*header_;
  }
  if (memory == nullptr) return reader_->read(range.offset, range.octets);
  if (range.offset > memory->size()) return std::string();
  return memory->substr(static_cast<std::size_t>(range.offset),
                        static_cast<std::size_t>(range.octets));
}

std::string select_fields(std::string_view header, const Section& section) {
  bool wanted = section.text == Section::Text::HeaderFields;
  bool are_few = section.fields.size() <= few_fields;
  std::set<std::string> names;
  if (!are_few) {
    for (const auto& name : section.fields) names.insert(lower(name));
  }
  auto is_named = [&](const HeaderField& field) {
    if (!are_few) return names.contains(lower(field.name));
    return std::ranges::any_of(section.fields, [&](const auto& name) { return field.is(name); });
  };
  std::string out;
  for (const auto& field : HeaderFields(header)) {
    if (is_named(field) == wanted) out += field.whole;
  }
  return out + "\r\n";
}

}  // namespace pennypost::imap
