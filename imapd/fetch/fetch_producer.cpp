#include "imapd/fetch/fetch_producer.h"

#include <algorithm>

#include "common/mail/date.h"
#include "imapd/response/section.h"
#include "imapd/response/strings.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using Kind = FetchItem::Kind;
using store::Uid;

// \Seen is set ahead of the answers, for a batch of messages at a time. The batch is small, in
// messages and octets: if the client is lost, few are marked that never reached it.
constexpr std::size_t seen_batch = 100;
constexpr std::uint64_t seen_batch_octets = 128 << 10;
// What a message, and each field name, cost besides what is read, in octets of that.
constexpr std::uint64_t message_cost = 64;
constexpr std::uint64_t field_cost = 16;

// RFC 3501 section 9 (CHAR8): no literal may hold NUL, even if the message does. Dovecot's
// substitute, which keeps the number of octets.
void replace_nul(std::string& out, std::size_t from) {
  for (auto at = out.find('\0', from); at != std::string::npos; at = out.find('\0', at + 1)) {
    out[at] = '\x80';
  }
}

// RFC 2045 section 2.9: data with NUL, or with CR and LF other than as the end of a line.
bool is_binary(std::string_view octets) {
  bool after_cr = false;
  for (char c : octets) {
    if (c == '\0' || after_cr != (c == '\n')) return true;
    after_cr = c == '\r';
  }
  return after_cr;
}

OctetRange within(OctetRange range, const std::optional<Partial>& partial) {
  if (!partial) return range;
  auto skipped = std::min(partial->offset, range.octets);
  return {range.offset + skipped, std::min(partial->count, range.octets - skipped)};
}

}  // namespace

FetchProducer::FetchProducer(store::Mailbox& mailbox, const std::vector<Uid>& view,
                             const std::vector<NumberRange>& numbers, const FetchRequest& request,
                             bool with_uid, Reporting reporting)
    : mailbox_(mailbox), view_(view), numbers_(numbers), request_(request), reporting_(reporting) {
  bool marks = false;
  for (const auto& item : request_.items) {
    asks_uid_ = asks_uid_ || item.kind == Kind::Uid;
    asks_flags_ = asks_flags_ || item.kind == Kind::Flags;
    asks_modseq_ = asks_modseq_ || item.kind == Kind::ModSeq;
    marks = marks || item.marks_seen;
  }
  // UIDFETCH begins with it.
  with_uid_ = with_uid && !asks_uid_ && !reporting.uid_only;
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
      append_new_flags(out);
      out += ")\r\n";
      current_.reset();
    }
  }
  return true;
}

// Begins the answer for the next message, or leaves that message out, or finds that it must wait.
void FetchProducer::begin_message(std::string& out) {
  work_octets_ += message_cost;
  if (!mark_seen()) return;
  auto number = number_;
  auto uid = view_[number - 1];
  const auto* message = mailbox_.find(uid);
  std::optional<FetchMessage> current;
  Result<void> prepared;
  if (message != nullptr) {
    current.emplace(mailbox_, *message, work_octets_);
    prepared = current->prepare(request_);
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
  is_newly_seen_ = std::ranges::binary_search(newly_seen_, uid);
  current_.emplace(*std::move(current));
  item_ = 0;
  out += fetch_head(number, uid, reporting_.uid_only);
  if (with_uid_) out += "UID " + std::to_string(uid.value());
}

bool FetchProducer::must_wait(const Error& error) {
  is_held_up_ = waits_ && store::is_in_use(error);
  return is_held_up_;
}

// RFC 9051 section 6.4.5: BODY[…] sets \Seen, and the answer tells the flags when that changed
// them. False: another program has the mailbox locked.
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
  // A full disk may prevent the marking; the message is sent all the same.
  if (!stored) return true;
  newly_seen_ = std::move(stored->changed);
  std::ranges::sort(newly_seen_);
  return true;
}

// The unseen messages of the next batch; its last message becomes seen_until_.
std::vector<Uid> FetchProducer::next_unseen() {
  std::vector<Uid> unseen;
  std::size_t count = 0;
  std::uint64_t octets = 0;
  for (auto i = range_; i < numbers_.size(); ++i) {
    for (auto n = std::max(number_, numbers_[i].first); n <= numbers_[i].last; ++n) {
      const auto* message = mailbox_.find(view_[n - 1]);
      if (message != nullptr && !message->flags.has(store::Flags::Seen)) {
        // A message without a known size ends the batch; its own answer will tell what is wrong.
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

// The flags of a message that was marked \Seen just now, and what belongs to them.
void FetchProducer::append_new_flags(std::string& out) {
  if (!is_newly_seen_) return;
  auto append = [&](Kind kind, std::string_view name) {
    FetchItem item;
    item.kind = kind;
    item.name = name;
    out += ' ';
    append_item(out, item);
  };
  if (!asks_flags_) append(Kind::Flags, "FLAGS");
  if (!reporting_.modseqs) return;
  if (!asks_uid_ && !with_uid_ && !reporting_.uid_only) append(Kind::Uid, "UID");
  if (!asks_modseq_) append(Kind::ModSeq, "MODSEQ");
}

void FetchProducer::append_item(std::string& out, const FetchItem& item) {
  auto& current = *current_;
  if (item.kind == Kind::Section) return append_section(out, item);
  if (item.kind == Kind::Binary || item.kind == Kind::BinarySize) return append_binary(out, item);
  out += item.name;
  out += ' ';
  switch (item.kind) {
    case Kind::Uid:
      out += std::to_string(current.message().uid.value());
      break;
    case Kind::Flags: {
      const auto* now = mailbox_.find(current.message().uid);
      const auto& message = now != nullptr ? *now : current.message();
      bool is_recent = !reporting_.rev2 && mailbox_.is_recent(message.uid);
      append_list(out,
                  flag_names(message.flags, is_recent, mailbox_.keyword_names(message.keywords)));
      break;
    }
    case Kind::InternalDate:
      out += '"' + format_imap_date_time(local_date(current.internal_date())) + '"';
      break;
    case Kind::Rfc822Size:
      out += std::to_string(current.octets());
      break;
    case Kind::Envelope:
      out += current.envelope();
      break;
    case Kind::Body:
      out += current.structure().body;
      break;
    case Kind::BodyStructure:
      out += current.structure().body_structure;
      break;
    case Kind::ModSeq: {
      const auto* now = mailbox_.find(current.message().uid);
      auto modseq = now != nullptr ? now->modseq : current.message().modseq;
      out += '(' + std::to_string(modseq.value()) + ')';
      break;
    }
    case Kind::SaveDate:
      out += current.save_date()
                 ? '"' + format_imap_date_time(local_date(*current.save_date())) + '"'
                 : "NIL";
      break;
    case Kind::EmailId:
      out += '(' + current.email_id() + ')';
      break;
    case Kind::ThreadId:
      // RFC 8474 section 5.2: threads are found by THREAD, in one mailbox at a time.
      out += "NIL";
      break;
    case Kind::Preview:
      append_nstring(out, current.preview());
      break;
    case Kind::Section:
    case Kind::Binary:
    case Kind::BinarySize:
      break;
  }
}

// RFC 3516 section 4.3: only what is binary is a literal8, so that the client can tell.
void FetchProducer::append_binary(std::string& out, const FetchItem& item) {
  out += item.kind == Kind::Binary ? "BINARY[" : "BINARY.SIZE[";
  append_section_text(out, item.section);
  out += ']';
  if (item.partial) out += '<' + std::to_string(item.partial->offset) + '>';
  out += ' ';
  const auto& decoded = current_->decoded(item.section);
  if (item.kind == Kind::BinarySize) {
    out += std::to_string(decoded ? decoded->size() : 0);
    return;
  }
  if (!decoded) {
    out += "NIL";
    return;
  }
  auto range = within({0, decoded->size()}, item.partial);
  auto text = std::string_view(*decoded).substr(static_cast<std::size_t>(range.offset),
                                                static_cast<std::size_t>(range.octets));
  if (is_binary(*decoded)) out += '~';
  append_literal_header(out, text.size());
  out += text;
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
  Literal literal;
  std::optional<OctetRange> range;
  if (selects_fields(item.section.text)) {
    work_octets_ += item.section.fields.size() * field_cost;
    // A header that can't be read is empty here; what reads on will tell what is wrong.
    auto fields = current_->fields(item.section);
    literal.text = fields ? *std::move(fields) : std::string();
    if (literal.text) range = {0, literal.text->size()};
  } else {
    range = current_->range_of(item.section);
  }
  if (!range) {
    out += " NIL";
    return;
  }
  literal.range = within(*range, item.partial);
  out += ' ';
  append_literal_header(out, literal.range.octets);
  if (literal.range.octets > 0) literal_.emplace(std::move(literal));
}

Result<void> FetchProducer::continue_literal(std::string& out, std::size_t octets) {
  auto& range = literal_->range;
  OctetRange piece{range.offset, std::min<std::uint64_t>(range.octets, octets)};
  auto begin = out.size();
  if (literal_->text) {
    out.append(*literal_->text, static_cast<std::size_t>(piece.offset),
               static_cast<std::size_t>(piece.octets));
  } else {
    TRY(auto bytes, current_->read(piece));
    if (bytes.size() != piece.octets) return Error::temporary("A message is shorter than it was");
    out += bytes;
  }
  replace_nul(out, begin);
  range.offset += piece.octets;
  range.octets -= piece.octets;
  if (range.octets == 0) literal_.reset();
  return {};
}

}  // namespace pennypost::imap
