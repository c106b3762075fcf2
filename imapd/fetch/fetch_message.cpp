#include "imapd/fetch/fetch_message.h"

#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "common/mail/binary_parts.h"
#include "common/mail/charset.h"
#include "common/mail/header.h"
#include "imapd/response/envelope.h"
#include "imapd/response/preview.h"
#include "imapd/session/object_ids.h"

namespace pennypost::imap {
namespace {

using Kind = FetchItem::Kind;
using store::CacheItem;

// Up to so many names are compared one by one.
constexpr std::size_t few_fields = 8;
constexpr std::uint64_t whole_header_octets_max = 64ull << 20;
constexpr std::uint64_t message_octets_max = 1ull << 30;

constexpr std::uint64_t piece_octets = 256 << 10;

const MimePart* first_text(const MimePart& part, std::string_view subtype) {
  if (part.kind == MimePart::Kind::Leaf) return part.is("text", subtype) ? &part : nullptr;
  for (const auto& child : part.children) {
    if (const auto* found = first_text(child, subtype)) return found;
  }
  return nullptr;
}

// RFC 3516 section 4.3: an encoding that we don't know is a failure of the command.
Result<TransferEncoding> encoding_of(const MimePart& part) {
  if (!part.encoding) return TransferEncoding::Identity;
  auto encoding = parse_transfer_encoding(*part.encoding);
  if (!encoding) return Error(550, "[UNKNOWN-CTE] The part has an encoding that is not known");
  return *encoding;
}

bool reads_all(const FetchItem& item) {
  return item.kind == Kind::Body || item.kind == Kind::BodyStructure || item.kind == Kind::Binary ||
         item.kind == Kind::BinarySize ||
         (item.kind == Kind::Section && !is_header(item.section.text));
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
  return has_empty_line(header) ? out + "\r\n" : out;
}

}  // namespace

bool is_header(Section::Text text) { return text == Section::Text::Header || selects_fields(text); }

bool selects_fields(Section::Text text) {
  return text == Section::Text::HeaderFields || text == Section::Text::HeaderFieldsNot;
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
    case Kind::ModSeq:
    case Kind::ThreadId:
      return {};
    case Kind::SaveDate: {
      TRY(save_date_, mailbox_->save_date(message_.uid));
      return {};
    }
    case Kind::EmailId: {
      TRY(email_id_, imap::email_id(*mailbox_, message_.uid, *work_octets_));
      return {};
    }
    case Kind::Preview:
      return load_preview(item.is_lazy);
    case Kind::Binary:
    case Kind::BinarySize:
      return load_decoded(item.section);
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
      return prepare(item.section);
  }
  return {};
}

Result<void> FetchMessage::prepare(const Section& section) {
  if (!section.part.empty()) {
    TRY_DO(load_structure());
    return open();
  }
  if (section.text == Section::Text::HeaderFields) return load_fields(section);
  if (is_header(section.text)) return load_header();
  TRY_DO(load_octets());
  if (section.text == Section::Text::Text) return load_header();
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
  TRY(header_, reader_->header(whole_header_octets_max));
  *work_octets_ += header_->size();
  return {};
}

// From the index, if it keeps all of the fields; else it does from now on.
Result<void> FetchMessage::load_fields(const Section& section) {
  if (header_ || text_) return load_header();
  if (!kept_fields_) kept_fields_ = KeptFields::find(*mailbox_, message_.uid);
  if (kept_fields_ && kept_fields_->has(section.fields)) return {};
  TRY_DO(load_header());
  const auto* before = kept_fields_ ? &*kept_fields_ : nullptr;
  KeptFields::keep(*mailbox_, message_.uid, *header_, section.fields, before);
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
  if (!header_ && !kept_fields_) kept_fields_ = KeptFields::find(*mailbox_, message_.uid);
  if (!kept_fields_) {
    TRY_DO(load_header());
  }
  envelope_ = imap::envelope(kept_fields_ ? kept_fields_->header() : *header_);
  mailbox_->cache(message_.uid, CacheItem::Envelope, envelope_);
  return {};
}

// A message that is not divided has its own encoding; what is divided has none (RFC 2045 section
// 6.4), and so the whole of a message is told as it is.
Result<void> FetchMessage::load_decoded(const Section& section) {
  if (decoded_.contains(section.part)) return {};
  TRY_DO(prepare(section));
  auto& decoded = decoded_[section.part];
  auto range = range_of(section);
  if (!range) return {};
  TRY(auto part, described(section));
  TRY(auto encoding, encoding_of(part));
  BodyDecoder decoder(encoding);
  auto& out = decoded.emplace();
  while (range->octets > 0) {
    TRY(auto piece, read({range->offset, std::min(range->octets, piece_octets)}));
    if (piece.empty()) break;
    decoder.feed(piece, out);
    *work_octets_ += piece.size();
    range->offset += piece.size();
    range->octets -= piece.size();
  }
  decoder.finish(out);
  // RFC 9051 section 7.5.2: lines of text end in CRLF, whatever the encoding hid. UTF-16, which is
  // no such text, can be told by its NULs; and if base64 has hidden a CRLF, whoever made it knew
  // how lines end: there a lone LF is an octet like others.
  bool hides_lines = encoding != TransferEncoding::Identity && part.is_text();
  bool is_plain = out.find('\0') == out.npos;
  bool has_crlf = encoding == TransferEncoding::Base64 && out.find("\r\n") != out.npos;
  if (hides_lines && is_plain && !has_crlf) out = with_crlf(out);
  return {};
}

// What the header of a part says of it; nothing in particular of what is divided.
Result<MimePart> FetchMessage::described(const Section& section) {
  if (section.part.empty()) return MimePart();
  const auto* found = find_part(structure_->tree, section.part);
  if (found == nullptr || found->kind != MimePart::Kind::Leaf) return MimePart();
  TRY(auto header, read({found->header.offset, found->header.octets}));
  return parse_mime(header);
}

const std::optional<std::string>& FetchMessage::decoded(const Section& section) const {
  return decoded_.find(section.part)->second;
}

Result<void> FetchMessage::load_preview(bool is_lazy) {
  if (preview_) return {};
  preview_ = mailbox_->cached(message_.uid, CacheItem::Preview);
  if (preview_ || is_lazy) return {};
  TRY(preview_, make_preview());
  mailbox_->cache(message_.uid, CacheItem::Preview, *preview_);
  return {};
}

// Of the first part that is plain text, else of the first that is HTML; nothing of a message that
// has neither.
Result<std::string> FetchMessage::make_preview() {
  TRY_DO(load_text());
  auto tree = parse_mime(*text_);
  const auto* part = first_text(tree, "plain");
  if (part == nullptr) part = first_text(tree, "html");
  if (part == nullptr) return std::string();
  auto body = std::string_view(*text_).substr(part->body.offset, part->body.bytes);
  auto octets = decode_body(part->transfer_encoding(), body.substr(0, 2 * preview_octets_max));
  octets.resize(std::min(octets.size(), preview_octets_max));
  auto utf8 = to_utf8(part->charset(), octets);
  return preview_of(utf8 ? *utf8 : guessed_utf8(octets), part->is("text", "html"));
}

std::optional<OctetRange> FetchMessage::range_of(const Section& section) const {
  if (!section.part.empty()) return locate(*structure_, section);
  if (is_header(section.text)) return OctetRange{0, header_->size()};
  auto begin = section.text == Section::Text::Text ? header_->size() : 0;
  return OctetRange{begin, *octets_ - std::min<std::uint64_t>(begin, *octets_)};
}

Result<std::optional<std::string>> FetchMessage::fields(const Section& section) {
  bool is_kept = section.part.empty() && !header_;
  std::string header;
  if (is_kept) {
    header = kept_fields_->header();
  } else {
    auto range = range_of(section);
    if (!range) return std::optional<std::string>();
    TRY(header, read(*range));
  }
  *work_octets_ += header.size();
  return std::optional(select_fields(header, section));
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

}  // namespace pennypost::imap
