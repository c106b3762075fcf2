#include "imapd/fetch/fetch_producer.h"

#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "imapd/response/envelope.h"
#include "imapd/response/section.h"
#include "imapd/response/strings.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using Kind = FetchItem::Kind;
using store::CacheItem;
using store::Uid;

// \Seen is set ahead of the answers, for so many messages at a time, and no more than that has
// octets: with a client that is lost, few can be marked that never reached it.
constexpr std::size_t seen_batch = 100;
constexpr std::uint64_t seen_batch_octets = 128 << 10;
// What a message, and the name of a field, take besides what is read, in octets of that.
constexpr std::uint64_t message_cost = 64;
constexpr std::uint64_t field_cost = 16;
// Up to so many names are compared one by one.
constexpr std::size_t few_fields = 8;
constexpr std::uint64_t header_octets_max = 64ull << 20;
constexpr std::uint64_t message_octets_max = 1ull << 30;

bool is_header(Section::Text text) {
  return text == Section::Text::Header || text == Section::Text::HeaderFields ||
         text == Section::Text::HeaderFieldsNot;
}

bool selects_fields(Section::Text text) {
  return text == Section::Text::HeaderFields || text == Section::Text::HeaderFieldsNot;
}

// RFC 3501 section 9 (CHAR8): no literal may hold NUL, however the message came by it. Dovecot's
// stand-in, which keeps the octets' number.
void replace_nul(std::string& out, std::size_t from) {
  for (auto at = out.find('\0', from); at != std::string::npos; at = out.find('\0', at + 1)) {
    out[at] = '\x80';
  }
}

OctetRange within(OctetRange range, const std::optional<Partial>& partial) {
  if (!partial) return range;
  auto skipped = std::min(partial->offset, range.octets);
  return {range.offset + skipped, std::min(partial->count, range.octets - skipped)};
}

}  // namespace

FetchProducer::FetchProducer(store::Mailbox& mailbox, const std::vector<Uid>& view,
                             const std::vector<NumberRange>& numbers, const FetchRequest& request,
                             bool with_uid)
    : mailbox_(mailbox), view_(view), numbers_(numbers), request_(request) {
  bool asks_uid = false;
  bool marks = false;
  for (const auto& item : request_.items) {
    asks_uid = asks_uid || item.kind == Kind::Uid;
    asks_flags_ = asks_flags_ || item.kind == Kind::Flags;
    marks = marks || item.marks_seen;
  }
  with_uid_ = with_uid && !asks_uid;
  marks_seen_ = marks && mailbox_.access() == store::Access::ReadWrite;
  if (!numbers_.empty()) number_ = numbers_.front().first;
}

Result<bool> FetchProducer::produce(std::string& out, std::size_t octets) {
  auto end = out.size() + octets;
  is_held_up_ = false;
  work_octets_ = 0;
  while (out.size() < end && work_octets_ < work_octets_max && !is_held_up_) {
    if (literal_) {
      TRY_DO(continue_literal(out, end - out.size()));
    } else if (!current_) {
      if (range_ == numbers_.size()) return false;
      begin_message(out);
    } else if (item_ < request_.items.size()) {
      if (item_ > 0 || with_uid_) out += ' ';
      append_item(out, request_.items[item_++]);
    } else {
      if (current_->tell_flags) {
        out += ' ';
        FetchItem flags;
        flags.kind = Kind::Flags;
        flags.name = "FLAGS";
        append_item(out, flags);
      }
      out += ")\r\n";
      current_.reset();
    }
  }
  return true;
}

// Steps to the next message; what it takes to answer is in memory or open before the answer begins.
void FetchProducer::begin_message(std::string& out) {
  work_octets_ += message_cost;
  if (!mark_seen()) return;
  auto number = number_;
  auto uid = view_[number - 1];
  const auto* message = mailbox_.find(uid);
  std::optional<Current> current;
  Result<void> prepared;
  if (message != nullptr) {
    current.emplace(*message);
    prepared = prepare(*current);
    if (!prepared && must_wait(prepared.error())) return;
  }
  if (number_ == numbers_[range_].last) {
    if (++range_ < numbers_.size()) number_ = numbers_[range_].first;
  } else {
    ++number_;
  }
  bool is_gone = message == nullptr || (!prepared && store::is_expunged(prepared.error()));
  missed_ = missed_ || is_gone;
  if (!prepared && !is_gone && !failure_) failure_ = std::move(prepared).error();
  if (is_gone || !prepared) return;
  current->tell_flags = !asks_flags_ && std::ranges::binary_search(newly_seen_, uid);
  current_.emplace(*std::move(current));
  item_ = 0;
  out += "* " + std::to_string(number) + " FETCH (";
  if (with_uid_) out += "UID " + std::to_string(uid.value());
}

bool FetchProducer::must_wait(const Error& error) {
  is_held_up_ = waits_ && store::is_in_use(error);
  return is_held_up_;
}

// RFC 9051 section 6.4.5: BODY[…] sets \Seen, and the answer tells the flags when that changed
// them. False: this must wait.
bool FetchProducer::mark_seen() {
  if (!marks_seen_ || number_ <= seen_until_) return true;
  auto seen_until = seen_until_;
  auto unseen = next_unseen();
  newly_seen_.clear();
  if (unseen.empty()) return true;
  store::FlagChange change;
  change.mode = store::FlagChange::Mode::Add;
  change.flags = store::Flags::Seen;
  auto stored = mailbox_.store(unseen, change);
  if (!stored && must_wait(stored.error())) {
    seen_until_ = seen_until;
    return false;
  }
  // Failing to mark (a full disk) is no reason to withhold the message.
  if (!stored) return true;
  newly_seen_ = std::move(stored->changed);
  std::ranges::sort(newly_seen_);
  return true;
}

// The unseen ones among the messages of the next batch, of which the last is seen_until_.
std::vector<Uid> FetchProducer::next_unseen() {
  std::vector<Uid> unseen;
  std::size_t count = 0;
  std::uint64_t octets = 0;
  for (auto i = range_; i < numbers_.size(); ++i) {
    for (auto n = std::max(number_, numbers_[i].first); n <= numbers_[i].last; ++n) {
      const auto* message = mailbox_.find(view_[n - 1]);
      if (message != nullptr && !message->flags.has(store::Flags::Seen)) {
        // One that can't be sized ends the batch; what is wrong with it its answer will tell.
        auto size = mailbox_.octets(message->uid);
        octets += size ? *size : seen_batch_octets;
        if (octets > seen_batch_octets && !unseen.empty()) return unseen;
        unseen.push_back(message->uid);
      }
      seen_until_ = n;
      if (++count == seen_batch) return unseen;
    }
  }
  return unseen;
}

Result<void> FetchProducer::prepare(Current& current) {
  // What reads all of the message goes first, so that headers come out of the same read.
  for (const auto& item : request_.items) {
    bool reads_all = item.kind == Kind::Body || item.kind == Kind::BodyStructure ||
                     (item.kind == Kind::Section && !is_header(item.section.text));
    if (!reads_all) continue;
    TRY_DO(prepare(current, item));
  }
  for (const auto& item : request_.items) {
    TRY_DO(prepare(current, item));
  }
  return {};
}

Result<void> FetchProducer::prepare(Current& current, const FetchItem& item) {
  auto uid = current.message.uid;
  switch (item.kind) {
    case Kind::Uid:
    case Kind::Flags:
      return {};
    case Kind::InternalDate: {
      TRY(current.date, mailbox_.internal_date(uid));
      return {};
    }
    case Kind::Rfc822Size: {
      if (current.octets) return {};
      TRY(current.octets, mailbox_.octets(uid));
      return {};
    }
    case Kind::Envelope: {
      if (auto cached = mailbox_.cached(uid, CacheItem::Envelope)) {
        current.envelope = std::move(*cached);
        return {};
      }
      TRY_DO(load_header(current));
      current.envelope = envelope(*current.header);
      mailbox_.cache(uid, CacheItem::Envelope, current.envelope);
      return {};
    }
    case Kind::Body:
    case Kind::BodyStructure:
      return load_structure(current);
    case Kind::Section:
      break;
  }
  if (!item.section.part.empty()) {
    TRY_DO(load_structure(current));
    return open(current);
  }
  if (is_header(item.section.text)) return load_header(current);
  TRY_DO(load_octets(current));
  if (item.section.text == Section::Text::Text) return load_header(current);
  return {};
}

Result<void> FetchProducer::open(Current& current) {
  if (current.reader || current.text) return {};
  TRY(current.reader, mailbox_.open(current.message.uid));
  return {};
}

Result<void> FetchProducer::load_text(Current& current) {
  if (current.text) return {};
  TRY_DO(open(current));
  TRY(current.text, current.reader->all(message_octets_max));
  current.octets = current.text->size();
  work_octets_ += *current.octets;
  current.reader.reset();
  return {};
}

Result<void> FetchProducer::load_header(Current& current) {
  if (current.header) return {};
  if (current.text) {
    current.header = current.text->substr(0, header_bytes(*current.text));
    return {};
  }
  TRY_DO(open(current));
  TRY(current.header, current.reader->header(header_octets_max));
  work_octets_ += current.header->size();
  return {};
}

// The true size: what the name says may be wrong, and a literal must not be.
Result<void> FetchProducer::load_octets(Current& current) {
  if (current.text) return {};
  TRY_DO(open(current));
  if (current.reader->stored_bytes() <= whole_octets_max) return load_text(current);
  TRY(current.octets, current.reader->octets());
  return {};
}

Result<void> FetchProducer::load_structure(Current& current) {
  if (current.structure) return {};
  auto uid = current.message.uid;
  if (auto cached = mailbox_.cached(uid, CacheItem::BodyStructure)) {
    current.structure = decode_structure(*cached);
    if (current.structure) return {};
  }
  TRY_DO(load_text(current));
  current.structure = structure_of(*current.text);
  mailbox_.cache(uid, CacheItem::BodyStructure, encode(*current.structure));
  return {};
}

void FetchProducer::append_item(std::string& out, const FetchItem& item) {
  auto& current = *current_;
  if (item.kind == Kind::Section) return append_section(out, item);
  out += item.name;
  out += ' ';
  switch (item.kind) {
    case Kind::Uid:
      out += std::to_string(current.message.uid.value());
      break;
    case Kind::Flags: {
      const auto* now = mailbox_.find(current.message.uid);
      const auto& message = now != nullptr ? *now : current.message;
      append_list(out, flag_names(message.flags, mailbox_.is_recent(message.uid),
                                  mailbox_.keyword_names(message.keywords)));
      break;
    }
    case Kind::InternalDate:
      out += '"' + format_imap_date_time(local_date(*current.date)) + '"';
      break;
    case Kind::Rfc822Size:
      out += std::to_string(*current.octets);
      break;
    case Kind::Envelope:
      out += current.envelope;
      break;
    case Kind::Body:
      out += current.structure->body;
      break;
    case Kind::BodyStructure:
      out += current.structure->body_structure;
      break;
    case Kind::Section:
      break;
  }
}

// `BODY[1.TEXT]<0> {123}` and the octets, of which the last may come with later chunks.
void FetchProducer::append_section(std::string& out, const FetchItem& item) {
  if (item.name.empty()) {
    out += "BODY[";
    append_section_text(out, item.section);
    out += ']';
    if (item.partial) out += '<' + std::to_string(item.partial->offset) + '>';
  } else {
    out += item.name;
  }
  auto range = range_of(item.section);
  if (!range) {
    out += " NIL";
    return;
  }
  Literal literal;
  if (selects_fields(item.section.text)) {
    auto header = read(*range);
    work_octets_ += range->octets + item.section.fields.size() * field_cost;
    literal.text =
        select_fields(header ? std::string_view(*header) : std::string_view(), item.section);
    literal.range = within({0, literal.text->size()}, item.partial);
  } else {
    literal.range = within(*range, item.partial);
  }
  out += ' ';
  append_literal_header(out, literal.range.octets);
  if (literal.range.octets > 0) literal_.emplace(std::move(literal));
}

std::optional<OctetRange> FetchProducer::range_of(const Section& section) const {
  if (!section.part.empty()) return locate(*current_->structure, section);
  if (is_header(section.text)) return OctetRange{0, current_->header->size()};
  auto begin = section.text == Section::Text::Text ? current_->header->size() : 0;
  return OctetRange{begin, *current_->octets - std::min<std::uint64_t>(begin, *current_->octets)};
}

Result<std::string> FetchProducer::read(OctetRange range) {
  auto& current = *current_;
  const auto* memory = current.text ? &*current.text : nullptr;
  if (memory == nullptr && current.header &&
      range.offset + range.octets <= current.header->size()) {
    memory = &*current.header;
  }
  if (memory == nullptr) return current.reader->read(range.offset, range.octets);
  if (range.offset > memory->size()) return std::string();
  return memory->substr(static_cast<std::size_t>(range.offset),
                        static_cast<std::size_t>(range.octets));
}

Result<void> FetchProducer::continue_literal(std::string& out, std::size_t octets) {
  auto& range = literal_->range;
  OctetRange piece{range.offset, std::min<std::uint64_t>(range.octets, octets)};
  auto begin = out.size();
  if (literal_->text) {
    out.append(*literal_->text, static_cast<std::size_t>(piece.offset),
               static_cast<std::size_t>(piece.octets));
  } else {
    TRY(auto bytes, read(piece));
    if (bytes.size() != piece.octets) return Error::temporary("A message is shorter than it was");
    out += bytes;
  }
  replace_nul(out, begin);
  range.offset += piece.octets;
  range.octets -= piece.octets;
  if (range.octets == 0) literal_.reset();
  return {};
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
